/**
 * What an operator sets: boot options and parameters of the module memory_hotplug, and two things that no kernel has.
 *
 * Models: mm/memory_hotplug.c module parameters, memhp_default_state=, movable_node, 6.1 and 6.12.
 */
import type { OnlineType } from '@replug/core';
import { badOption } from './errors.ts';

export type OnlinePolicy = 'contig-zones' | 'auto-movable';
export type MemmapMode = 'disable' | 'enable' | 'force';

export interface HotplugOptions {
  /** memhp_default_state=: what happens to memory that is added. Default: offline. */
  readonly defaultOnlineType: OnlineType;
  /** memory_hotplug.online_policy: the zone of a plain "online". */
  readonly onlinePolicy: OnlinePolicy;
  /** memory_hotplug.auto_movable_ratio: MOVABLE memory in per cent of kernel memory. */
  readonly autoMovableRatio: number;
  /** memory_hotplug.auto_movable_numa_aware: the ratio must hold for the node as well. */
  readonly autoMovableNumaAware: boolean;
  /** memory_hotplug.memmap_on_memory; `force` since 6.6. */
  readonly memmapOnMemory: MemmapMode;
  /** movable_node: where neither or both zones fit, a plain "online" takes MOVABLE. */
  readonly movableNode: boolean;
  /** No kernel does this: marks and zonelists are computed once at the end of an operation on many blocks. */
  readonly batchUpdates: boolean;
  /** No kernel does this: blocks of PREFER_MOVABLE for each block of Normal that a plain "online" makes; 0 is off. */
  readonly preferMovableRatio: number;
}

/** The same, writable: sysfs changes some of them. */
export type HotplugSettings = { -readonly [K in keyof HotplugOptions]: HotplugOptions[K] };

export const DEFAULT_OPTIONS: HotplugOptions = {
  defaultOnlineType: 'offline',
  onlinePolicy: 'contig-zones',
  autoMovableRatio: 301,
  autoMovableNumaAware: true,
  memmapOnMemory: 'disable',
  movableNode: false,
  batchUpdates: false,
  preferMovableRatio: 0,
};

export const ONLINE_TYPES: readonly OnlineType[] = ['offline', 'online', 'online_kernel', 'online_movable'];
export const ONLINE_POLICIES: readonly OnlinePolicy[] = ['contig-zones', 'auto-movable'];
const MEMMAP_MODES: readonly MemmapMode[] = ['disable', 'enable', 'force'];

/** Options with the defaults filled in. Throws RP2101. */
export function settingsOf(options: Partial<HotplugOptions>): HotplugSettings {
  const settings: HotplugSettings = { ...DEFAULT_OPTIONS };
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(DEFAULT_OPTIONS, key)) throw badOption(key, 'no such option');
    if (value !== undefined) Object.assign(settings, { [key]: value });
  }
  const oneOf = (key: keyof HotplugOptions, known: readonly string[]): void => {
    if (!known.includes(String(settings[key]))) throw badOption(`${key}: ${settings[key]}`, known.join(', '));
  };
  oneOf('defaultOnlineType', ONLINE_TYPES);
  oneOf('onlinePolicy', ONLINE_POLICIES);
  oneOf('memmapOnMemory', MEMMAP_MODES);
  for (const key of ['autoMovableRatio', 'preferMovableRatio'] as const) {
    if (!(Number.isInteger(settings[key]) && settings[key] >= 0 && settings[key] < 2 ** 32)) {
      throw badOption(`${key}: ${settings[key]}`, 'a whole number from 0 to 4294967295');
    }
  }
  return settings;
}
