/**
 * MemoryHotplug: the hotplug core as drivers of memory devices see it.
 *
 * Models: include/linux/memory_hotplug.h; mm/memory_hotplug.c offline_and_remove_memory(), 6.1 and 6.12.
 */
import {
  ERRNO,
  type AddMemoryOptions,
  type MemoryBlockState,
  type MemoryGroup,
  type MemoryHotplug,
  type Nid,
  type OfflineOutcome,
  type OnlineType,
  type Pfn,
} from '@replug/core';
import { addMemory, removeMemory } from './adding.ts';
import type { HotplugContext } from './context.ts';
import { offlineBlock } from './offlining.ts';
import { onlineBlock } from './onlining.ts';

export class Hotplug implements MemoryHotplug {
  readonly blockPages: number;
  private readonly context: HotplugContext;

  constructor(context: HotplugContext) {
    this.context = context;
    this.blockPages = context.deps.machine.blocks.blockPages;
  }

  get defaultOnlineType(): OnlineType {
    return this.context.settings.defaultOnlineType;
  }

  addMemory(nid: Nid, start: Pfn, pages: number, options: AddMemoryOptions = {}): number {
    return addMemory(this.context, nid, start, pages, options);
  }

  online(blockId: number, type: OnlineType): number {
    return onlineBlock(this.context, blockId, type);
  }

  offline(blockId: number): OfflineOutcome {
    return offlineBlock(this.context, blockId);
  }

  removeMemory(start: Pfn, pages: number): number {
    return removeMemory(this.context, start, pages);
  }

  offlineAndRemove(start: Pfn, pages: number): OfflineOutcome {
    const whole = (n: number): boolean => Number.isSafeInteger(n) && n >= 0 && n % this.blockPages === 0;
    if (!whole(start) || !whole(pages) || pages === 0) return { errno: -ERRNO.EINVAL, reason: 'unaligned range' };
    return this.context.batch(() => this.offlineThenRemove(start, pages));
  }

  private offlineThenRemove(start: Pfn, pages: number): OfflineOutcome {
    const { blocks } = this.context.deps.machine;
    const undo: { readonly id: number; readonly type: OnlineType }[] = [];
    let migrated = 0;
    let outcome: OfflineOutcome = { errno: 0 };
    for (let id = start / this.blockPages; id < (start + pages) / this.blockPages; id++) {
      const block = blocks.get(id);
      // Blocks that are not there or offline are no obstacle here.
      if (block === undefined || block.state === 'offline') continue;
      const type = block.zone?.kind.movableOnly === true ? 'online_movable' : 'online_kernel';
      outcome = this.offline(id);
      migrated += outcome.migrated ?? 0;
      if (outcome.errno !== 0) break;
      undo.push({ id, type });
    }
    if (outcome.errno === 0) {
      const errno = this.removeMemory(start, pages);
      if (errno === 0) return { errno: 0, migrated };
      this.context.deps.log.error(`offline_and_remove_memory: Failed to remove memory: ${errno}`);
      outcome = { errno, reason: 'failed to remove memory' };
    }
    for (const { id, type } of undo) {
      const errno = this.online(id, type);
      if (errno < 0) {
        this.context.deps.log.warn(`try_reonline_memory_block: Failed to re-online memory: ${errno}`);
      }
    }
    return { ...outcome, migrated };
  }

  registerGroup(group: MemoryGroup): number {
    return this.context.groups.register(group);
  }

  unregisterGroup(id: number): number {
    return this.context.groups.unregister(id);
  }

  blockState(blockId: number): MemoryBlockState | undefined {
    return this.context.deps.machine.blocks.get(blockId)?.state;
  }

  blockZone(blockId: number): number {
    return this.context.deps.machine.blocks.get(blockId)?.zone?.index ?? -1;
  }
}
