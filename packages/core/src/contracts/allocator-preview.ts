/**
 * What an allocator would do next, asked without doing it: prediction holds the answers against what a real kernel did.
 * Every call leaves the state as it is. Zones are indices, rows are block heads, -1 means none.
 */
import { token } from '../host/token.ts';
import type { Row } from '../base/units.ts';

export interface AllocatorPreview {
  /** True when blocks of this order and type go through the per-CPU lists. */
  hasCpuList(order: number, migratetype: number): boolean;
  /** The block that a request on a CPU would get from its list; -1 when the list is empty and would be refilled first. */
  firstOnCpu(zone: number, cpu: number, order: number, migratetype: number): Row;
  /** The block that follows a listed one on its CPU's list; -1 at the end. */
  nextOnCpu(row: Row): Row;
  /** CPU on whose list a listed block is. */
  cpuOf(row: Row): number;
  /** Migratetype of the CPU's list that a listed block is on. */
  listTypeOf(row: Row): number;
  /** Blocks that a refill of an empty list would take. */
  refillBlocks(zone: number, cpu: number, order: number): number;
  /** The block of a type's own free lists that serves a request next; -1 when it would have to fall back. */
  firstFree(zone: number, order: number, migratetype: number): Row;
  /** The foreign block that a request of the type would fall back to; -1 for none. */
  fallbackBlock(zone: number, order: number, migratetype: number): Row;
  /** Migratetype of the free list that a free block's head is on. */
  freeTypeOf(head: Row): number;
}

export const AllocatorPreview = token<AllocatorPreview>()('core.AllocatorPreview', {
  provider: 'buddy() from @replug/buddy',
});
