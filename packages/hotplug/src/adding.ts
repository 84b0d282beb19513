/**
 * Adding and removing memory: the physical range, its sections, the block devices, the node.
 *
 * Models: mm/memory_hotplug.c add_memory_resource(), add_memory_driver_managed(), register_memory_resource(),
 * try_remove_memory(), __try_online_node(), try_offline_node(), 6.1 and 6.12. Left out: firmware map, kexec; removing a
 * range of which a part was never there is refused (the kernel removes what is there).
 */
import {
  ERRNO,
  insertMemory,
  removeMemory as forgetMemory,
  ReplugError,
  type AddMemoryOptions,
  type Nid,
  type Pfn,
} from '@replug/core';
import type { HotplugContext } from './context.ts';
import { memmapOnMemoryPages } from './memmap.ts';
import { onlineBlock } from './onlining.ts';

const SYSTEM_RAM = 'System RAM';

/** 0 or a negative errno. */
export function addMemory(
  context: HotplugContext,
  nid: Nid,
  start: Pfn,
  pages: number,
  options: AddMemoryOptions,
): number {
  const { machine } = context.deps;
  const name = options.resourceName ?? SYSTEM_RAM;
  // A driver's own memory says whose it is.
  if (name !== SYSTEM_RAM && !/^System RAM \(.*\)$/.test(name)) return -ERRNO.EINVAL;
  if (!(Number.isSafeInteger(start) && start >= 0 && Number.isSafeInteger(pages))) return -ERRNO.EINVAL;
  const pageSize = 2 ** machine.description.arch.pageShift;
  const range = { start: start * pageSize, end: (start + pages) * pageSize - 1 };
  if (pages <= 0 || start % machine.blocks.blockPages !== 0 || pages % machine.blocks.blockPages !== 0) {
    return unaligned(context, range);
  }
  const last = 2 ** machine.description.arch.maxPhysmemBits - 1;
  if (range.end > last) {
    context.deps.log.warn(
      `Hotplug memory [${hex(range.start)}-${hex(range.end)}] exceeds maximum addressable range [0x0-${hex(last)}]`,
    );
    return -ERRNO.E2BIG;
  }
  if (machine.resources.request(range.start, range.end, name) === undefined) return -ERRNO.EEXIST;
  const errno = addResource(context, nid, start, pages, options);
  if (errno !== 0) {
    machine.resources.release(range.start, range.end);
    return errno;
  }
  if (options.mergeResource === true) machine.resources.merge(range.start);
  context.counts.added += pages / machine.blocks.blockPages;
  const type = context.settings.defaultOnlineType;
  if (type !== 'offline') {
    context.batch(() => {
      for (let pfn = start; pfn < start + pages; pfn += machine.blocks.blockPages) {
        onlineBlock(context, pfn / machine.blocks.blockPages, type);
      }
    });
  }
  return 0;
}

function unaligned(context: HotplugContext, range: { readonly start: number; readonly end: number }): number {
  const size = context.deps.machine.description.memoryBlockSize;
  context.deps.log.error(
    `Block size [${hex(size)}] unaligned hotplug range: start ${hex(range.start)}, size ${hex(range.end + 1 - range.start)}`,
  );
  return -ERRNO.EINVAL;
}

function addResource(context: HotplugContext, nid: Nid, start: Pfn, pages: number, options: AddMemoryOptions): number {
  const { machine, clock } = context.deps;
  const { blockPages } = machine.blocks;
  const group = options.groupId === undefined ? undefined : context.groups.get(options.groupId);
  if (options.groupId !== undefined && group === undefined) return -ERRNO.EINVAL;
  const target = group?.nid ?? nid;
  const node = machine.zones.node(target);
  if (node === undefined) {
    context.deps.log.warn(`node ${target} was absent from the node_possible_map`);
    return -ERRNO.EINVAL;
  }
  if (!insertMemory(machine.memory, { nid: target, start, end: start + pages })) return -ERRNO.EEXIST;
  // A new node's zonelists are built before it counts as online.
  if (!node.online) context.deps.sizing.rebuildZonelists();
  const altmap = altmapPages(context, pages, options);
  const done: number[] = [];
  for (let id = start / blockPages; id < (start + pages) / blockPages; id++) {
    const errno = addBlock(context, id, target, altmap);
    if (errno !== 0) {
      for (const one of done.reverse()) dropBlock(context, one);
      forgetMemory(machine.memory, start, start + pages);
      return errno;
    }
    done.push(id);
  }
  for (const id of done) {
    machine.blocks.add(id, target, group?.id ?? -1, altmap);
    clock.charge('memoryBlockDevice');
  }
  if (group !== undefined) group.blocks += done.length;
  node.online = true;
  return 0;
}

function altmapPages(context: HotplugContext, pages: number, { memmapOnMemory }: AddMemoryOptions): number {
  if (memmapOnMemory !== true) return 0;
  const { machine } = context.deps;
  // 6.1 puts the map on the memory only when one block is added at a time.
  if (machine.description.profile === '6.1' && pages !== machine.blocks.blockPages) return 0;
  return memmapOnMemoryPages(machine, context.settings.memmapOnMemory);
}

/** Sections and map of one block. */
function addBlock(context: HotplugContext, id: number, nid: Nid, altmap: number): number {
  const { machine } = context.deps;
  const { blockPages } = machine.blocks;
  const startPfn = id * blockPages;
  if (altmap === 0 && !context.memmap.take(startPfn, blockPages, nid)) return -ERRNO.ENOMEM;
  const added: number[] = [];
  try {
    for (const nr of context.sectionsOf({ startPfn, pages: blockPages })) {
      machine.pages.addSection(nr);
      added.push(nr);
    }
    return 0;
  } catch (error) {
    for (const nr of added) machine.pages.removeSection(nr);
    if (altmap === 0) context.memmap.give({ startPfn, pages: blockPages });
    if (!(error instanceof ReplugError)) throw error;
    if (error.code === 'RP1002') return -ERRNO.EEXIST;
    if (error.code !== 'RP1001') throw error;
    context.counts.outOfRows++;
    return -ERRNO.ENOMEM;
  }
}

function dropBlock(context: HotplugContext, id: number, altmap = 0): void {
  const { machine } = context.deps;
  const block = { startPfn: id * machine.blocks.blockPages, pages: machine.blocks.blockPages };
  for (const nr of context.sectionsOf(block)) machine.pages.removeSection(nr);
  if (altmap === 0) context.memmap.give(block);
}

/** 0 or a negative errno; nothing is removed unless all is offline. */
export function removeMemory(context: HotplugContext, start: Pfn, pages: number): number {
  const { machine } = context.deps;
  const { blockPages } = machine.blocks;
  const whole = (n: number): boolean => Number.isSafeInteger(n) && n >= 0 && n % blockPages === 0;
  if (!whole(start) || !whole(pages) || pages === 0) return -ERRNO.EINVAL;
  const ids = Array.from({ length: pages / blockPages }, (_, i) => start / blockPages + i);
  const pageSize = 2 ** machine.description.arch.pageShift;
  for (const id of ids) {
    const block = machine.blocks.get(id);
    if (block === undefined) return -ERRNO.EINVAL;
    if (block.state === 'offline') continue;
    const end = (id + 1) * blockPages * pageSize - 1;
    context.deps.log.warn(
      `removing memory fails, because memory [${wide(id * blockPages * pageSize)}-${wide(end)}] is onlined`,
    );
    return -ERRNO.EBUSY;
  }
  const nids = new Set<Nid>();
  for (const id of ids) {
    const block = machine.blocks.get(id)!;
    for (const nid of block.nids) nids.add(nid);
    const group = context.groups.get(block.groupId);
    if (group !== undefined) group.blocks--;
    machine.blocks.remove(id);
    dropBlock(context, id, block.altmapPages);
    // Block by block: what goes at once may have come in pieces, and the other way round.
    machine.resources.release(id * blockPages * pageSize, (id + 1) * blockPages * pageSize - 1);
    context.deps.clock.charge('memoryBlockDevice');
  }
  forgetMemory(machine.memory, start, start + pages);
  context.counts.removed += ids.length;
  if (nids.size === 1) offlineNode(context, [...nids][0]);
  return 0;
}

/** try_offline_node(): a node without memory blocks, spans and CPUs is only possible again. */
function offlineNode({ deps: { machine } }: HotplugContext, nid: Nid): void {
  const node = machine.zones.node(nid)!;
  if (node.cpus.length > 0 || node.zones.some((zone) => zone.spannedPages > 0)) return;
  for (const block of machine.blocks.all()) if (block.nids.includes(nid)) return;
  node.online = false;
}

const hex = (bytes: number): string => `0x${bytes.toString(16)}`;
const wide = (bytes: number): string => `0x${bytes.toString(16).padStart(16, '0')}`;
