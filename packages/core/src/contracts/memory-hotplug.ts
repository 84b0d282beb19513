/**
 * Memory that comes and goes, in memory blocks: what drivers of memory devices (virtio-mem, ACPI DIMMs, pmem as system RAM)
 * ask of the hotplug core. Errors are the kernel's negative errno, never exceptions.
 *
 * Models: include/linux/memory_hotplug.h, mm/memory_hotplug.c, drivers/base/memory.c, 6.1 and 6.12.
 */
import { token } from '../host/token.ts';
import type { Nid, Pfn } from '../base/units.ts';
import type { MemoryBlockState, OnlineType } from '../machine/memory-blocks.ts';
import type { Blocker } from './contiguous-ranges.ts';

export type { MemoryBlockState, OnlineType } from '../machine/memory-blocks.ts';

export interface AddMemoryOptions {
  /** Default "System RAM"; a driver's own memory is "System RAM (NAME)" and enters no firmware map. */
  readonly resourceName?: string;
  /** MHP_MERGE_RESOURCE: the iomem entry merges with its neighbours of the same name. */
  readonly mergeResource?: boolean;
  /** MHP_MEMMAP_ON_MEMORY: the caller allows it; machine and mode decide. */
  readonly memmapOnMemory?: boolean;
  /** MHP_NID_IS_MGID: memory group that the blocks belong to; the node is the group's. */
  readonly groupId?: number;
}

export interface MemoryGroup {
  readonly kind: 'static' | 'dynamic';
  readonly nid: Nid;
  /** Static: most pages that the device can have. Dynamic: pages of a unit that is added or removed as one. */
  readonly pages: number;
}

/** How an attempt to offline ended. */
export interface OfflineOutcome {
  /** 0 or a negative errno. -EINTR with `retrying`: the kernel would go on trying until a signal comes. */
  readonly errno: number;
  /** The kernel's word for it: "failure to isolate range", "unmovable page", "notifier failure" … */
  readonly reason?: string;
  readonly blocker?: Blocker;
  /** The loop would not have ended by itself: pages that are movable in kind stay (pinned, or no free memory elsewhere). */
  readonly retrying?: boolean;
  readonly migrated?: number;
}

export interface MemoryHotplug {
  /** Pages of a memory block. */
  readonly blockPages: number;
  /** Adds [start, start + pages) to a node; blocks appear offline and go online by the default online type. 0 or errno. */
  addMemory(nid: Nid, start: Pfn, pages: number, options?: AddMemoryOptions): number;
  /** Onlines one block. 0 or errno; 1 is not an error here but "already online". */
  online(blockId: number, type: OnlineType): number;
  offline(blockId: number): OfflineOutcome;
  /** remove_memory(): all blocks of the range must be offline. 0 or errno. */
  removeMemory(start: Pfn, pages: number): number;
  /** offline_and_remove_memory(): offlines what is online; on failure the blocks that went offline come back as they were. */
  offlineAndRemove(start: Pfn, pages: number): OfflineOutcome;
  registerGroup(group: MemoryGroup): number;
  /** 0, or -EINVAL/-EBUSY while blocks belong to it. */
  unregisterGroup(id: number): number;
  /** undefined: no such block. */
  blockState(blockId: number): MemoryBlockState | undefined;
  /** Zone (index into Zones.all) of an online block with one zone; -1 otherwise. */
  blockZone(blockId: number): number;
  /** memhp_default_state. */
  readonly defaultOnlineType: OnlineType;
}

export const MemoryHotplug = token<MemoryHotplug>()('core.MemoryHotplug', {
  provider: 'hotplug() from @replug/hotplug',
});
