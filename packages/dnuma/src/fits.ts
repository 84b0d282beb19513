/**
 * Which node ids a machine can give a page. The id lies in page->flags, NODES_SHIFT bits wide; where a kernel has no NUMA
 * there are no bits at all. (Kernels that keep it with the section, 32-bit ones, are not modelled.)
 *
 * Models: include/linux/page-flags-layout.h NODES_WIDTH, 6.12.
 */
import type { Machine, Nid } from '@replug/core';
import { badRange, nidDoesNotFit, unknownNid } from './errors.ts';
import type { MemLayout } from './layout.ts';

/** Why a node id cannot be in page->flags; undefined when it can. */
export function whyNot(machine: Machine, nid: Nid): string | undefined {
  const { arch } = machine.description;
  if (!arch.numa) return `${arch.title} is built without NUMA`;
  const bits = arch.nodesShift;
  return nid < 2 ** bits ? undefined : `${arch.title} has ${bits} bits for it, ids 0 to ${2 ** bits - 1}`;
}

/** Throws RP2301 (beyond physical addresses), RP2303, RP2304. */
export function checkNids(machine: Machine, layout: MemLayout): void {
  const { arch } = machine.description;
  const known = machine.zones.nodes.map(({ nid }) => nid);
  for (const nid of layout.nodes()) {
    const why = whyNot(machine, nid);
    if (why !== undefined) throw nidDoesNotFit(nid, why);
    if (!known.includes(nid)) throw unknownNid(nid, known);
  }
  const most = 2 ** (arch.maxPhysmemBits - arch.pageShift);
  const last = layout.borders.at(-1) ?? 0;
  if (last > most) throw badRange(layout.borders[layout.length - 2] ?? 0, last, 0, 'beyond physical addresses');
}
