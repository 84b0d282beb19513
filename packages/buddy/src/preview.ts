/**
 * HOT. What the allocator would do next, read off its lists without changing them.
 *
 * Models: mm/page_alloc.c rmqueue_pcplist(), __rmqueue_smallest(), __rmqueue_fallback(), nr_pcp_alloc(), 6.1 and 6.12.
 */
import { MIGRATE_PCPTYPES, type AllocatorPreview, type Machine } from '@replug/core';
import type { FreeArea } from './free-area.ts';
import type { PcpLists } from './pcp-lists.ts';
import { PCP, refill61, refill612 } from './pcp-policy.ts';
import type { Rmqueue } from './rmqueue.ts';

export class BuddyPreview implements AllocatorPreview {
  private readonly area: FreeArea;
  private readonly pcp: PcpLists;
  private readonly rmqueue: Rmqueue;
  private readonly autoTune: boolean;
  /** A set of its own for sums that move the factors. */
  private readonly scratch = new Int32Array(PCP.WORDS);

  constructor(machine: Machine, area: FreeArea, pcp: PcpLists, rmqueue: Rmqueue) {
    this.area = area;
    this.pcp = pcp;
    this.rmqueue = rmqueue;
    this.autoTune = machine.description.profile === '6.12';
  }

  hasCpuList(order: number, migratetype: number): boolean {
    return migratetype < MIGRATE_PCPTYPES && this.pcp.allowed(order);
  }

  firstOnCpu(zone: number, cpu: number, order: number, migratetype: number): number {
    return this.pcp.first(zone, cpu, this.pcp.pindex(order, migratetype));
  }

  nextOnCpu(row: number): number {
    return this.pcp.after(row);
  }

  cpuOf(row: number): number {
    return this.pcp.cpuOfBlock(row);
  }

  listTypeOf(row: number): number {
    return this.pcp.typeOfBlock(row);
  }

  refillBlocks(zone: number, cpu: number, order: number): number {
    const { scratch, pcp } = this;
    const set = pcp.set(zone, cpu);
    for (let i = 0; i < PCP.LISTS; i++) scratch[i] = pcp.sets[set + i];
    return this.autoTune ? refill612(scratch, 0, order, this.rmqueue.zoneFlags[zone]) : refill61(scratch, 0, order);
  }

  firstFree(zone: number, order: number, migratetype: number): number {
    const mask = this.area.typeMask(zone, migratetype) >>> order;
    if (mask === 0) return -1;
    return this.area.first(zone, order + 31 - Math.clz32(mask & -mask), migratetype);
  }

  fallbackBlock(zone: number, order: number, migratetype: number): number {
    return this.rmqueue.previewFallback(zone, order, migratetype);
  }

  freeTypeOf(head: number): number {
    return this.area.typeOfFree(head, this.area.freeOrder(head));
  }
}
