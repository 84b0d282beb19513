/**
 * Sizes of the per-CPU lists as a trace shows them. In 6.1 batch and high stay as they were computed at the last
 * zone_pcp_update(), whose time no event tells; but a refill takes a batch, and a drain comes with the block that raises
 * the count to the limit. In 6.12 both tune themselves, so that only the refills are counted here.
 *
 * Models: mm/page_alloc.c rmqueue_bulk(), nr_pcp_high(), free_unref_page_commit(), free_unref_page_list(), 6.1.
 */
import type { AllocatorPreview, Machine, ZoneFreeLists } from '@replug/core';

/** Batch and high of a zone from an event on. */
export interface SizeChange {
  readonly at: number;
  readonly zone: number;
  readonly batch: number;
  /** 6.1: both are the limit. */
  readonly highMin: number;
  readonly highMax: number;
}

export class SizeObserver {
  /** In order of discovery, which for one zone is the order of `at`. */
  readonly changes: SizeChange[] = [];
  /** Refills, and those of them that took as many blocks as predicted. */
  readonly refills = { total: 0, exact: 0 };
  private readonly machine: Machine;
  private readonly lists: ZoneFreeLists;
  private readonly preview: AllocatorPreview;
  private readonly refresh: () => void;
  private readonly fixed: boolean;
  private readonly fromBoot: boolean;
  /** Zone and CPU whose lists of single pages were refilled before. */
  private readonly refilledOnce = new Set<number>();
  /** The sizes at the step that describes the machine: they only grew until then. */
  private readonly recorded: readonly Omit<SizeChange, 'at'>[];
  private readonly cpus: CpuSizes[];
  /** By zone: the first refill, since one of the known size, that was a bulk allocation's or of a new size. */
  private readonly unsure: (Refill | undefined)[] = [];

  constructor(
    machine: Machine,
    lists: ZoneFreeLists,
    preview: AllocatorPreview,
    fromBoot: boolean,
    refresh: () => void,
  ) {
    this.fromBoot = fromBoot;
    this.machine = machine;
    this.lists = lists;
    this.preview = preview;
    this.refresh = refresh;
    this.recorded = machine.zones.all.map((z) => ({
      zone: z.index,
      batch: z.pcpBatch,
      highMin: z.pcpHighMin,
      highMax: z.pcpHighMax,
    }));
    this.fixed = machine.description.profile === '6.1';
    this.cpus = Array.from({ length: machine.description.cpus }, () => new CpuSizes());
  }

  refillBegins(i: number, zone: number, cpu: number, order: number): void {
    const state = this.cpus[cpu];
    this.settle(state, false);
    state.refilling = true;
    state.refillRow = -1;
    state.refillAt = i;
    state.refillZone = zone;
    state.refillOrder = order;
    state.refillCpu = cpu;
    state.blocks = state.blocksLeft = this.preview.refillBlocks(zone, cpu, order);
  }

  refillTakes(row: number, cpu: number): void {
    const state = this.cpus[cpu];
    if (state.refillRow < 0) state.refillRow = row;
    state.blocksLeft--;
  }

  /**
   * Anything that is not a free happens on a CPU. `drained`: a block leaves a list for the free lists. `handedOut`: the
   * block that a list gives, −1 for none.
   */
  otherwise(cpu: number, drained: boolean, handedOut: number): void {
    const state = this.cpus[cpu];
    this.endRefill(state, handedOut);
    this.settle(state, drained);
    if (state.freed.length > 0 && !drained) state.freed.length = 0;
  }

  /** A block was put on a CPU's list, or will be with its batch. */
  freed(i: number, row: number, zone: number, order: number, cpu: number): void {
    if (!this.fixed) return;
    const state = this.cpus[cpu];
    this.endRefill(state, -1);
    state.freed.push(row);
    state.batchLeft = 0;
    this.look(state, i, zone, order, cpu);
  }

  /** A block of a batch of frees was put on a CPU's list: those behind it in the batch still will be. */
  batched(i: number, row: number, zone: number, order: number, cpu: number): void {
    if (!this.fixed) return;
    const state = this.cpus[cpu];
    if (state.freed.length > 0) {
      const place = state.freed.indexOf(row);
      state.batchLeft = place < 0 ? 0 : state.freed.length - place;
      state.freed.length = 0;
      state.lookedAt = -1;
    } else this.settle(state, false);
    if (state.batchLeft > 0) state.batchLeft--;
    this.look(state, i, zone, order, cpu);
  }

  private look(state: CpuSizes, i: number, zone: number, order: number, cpu: number): void {
    // Blocks above order 0 may drain for another reason: too many of them in a row.
    state.lookedAt = order === 0 ? i : -1;
    state.lookedZone = zone;
    state.count = this.lists.cpuCount(zone, cpu) - state.batchLeft;
  }

  /** What followed the last block that was put on a list tells whether it reached the limit. */
  private settle(state: CpuSizes, drained: boolean): void {
    const { lookedAt, count, lookedZone } = state;
    state.lookedAt = -1;
    if (lookedAt < 0) return;
    const { pcpBatch, pcpHighMin } = this.machine.zones.all[lookedZone];
    if (drained && count < pcpHighMin) this.resize(lookedAt, lookedZone, pcpBatch, count);
    else if (!drained && count >= pcpHighMin && pcpHighMin < this.recorded[lookedZone].highMin)
      this.resize(lookedAt, lookedZone, pcpBatch, Math.min(count + 1, this.recorded[lookedZone].highMin));
  }

  /** What a refill took tells the batch, unless it was several in a row for a bulk allocation. */
  private endRefill(state: CpuSizes, handedOut: number): void {
    if (!state.refilling) return;
    state.refilling = false;
    this.refills.total++;
    if (state.blocksLeft === 0) this.refills.exact++;
    const { refillZone: zone, refillOrder: order, refillAt: at } = state;
    const { pcpBatch, pcpHighMin } = this.machine.zones.all[zone];
    const blocks = state.blocks - state.blocksLeft;
    if (!this.fixed) {
      this.followTuned(state, blocks);
      return;
    }
    if (blocks === 1 && pcpBatch > 1) this.resize(at, zone, 1, pcpHighMin);
    else if (blocks === this.expected(pcpBatch, order)) {
      if (order === 0) this.unsure[zone] = undefined;
      // The first block of a bulk allocation's refills is gone when it is done; of other orders, several batches may be meant.
    } else if (order > 0 || handedOut !== state.refillRow) this.unsure[zone] ??= { at, order, blocks };
    else {
      const before = this.unsure[zone];
      this.unsure[zone] = undefined;
      this.resize(before !== undefined && this.explains(blocks, before) ? before.at : at, zone, blocks, pcpHighMin);
    }
  }

  /**
   * 6.12: batches of single pages double by themselves, the first of a list does not; those of larger blocks stay what they
   * are. Before the lists have their sizes, one block comes at a time. From boot on only: later, sizes are the recorded.
   */
  private followTuned(
    { refillZone: zone, refillOrder: order, refillAt: at, refillCpu: cpu }: CpuSizes,
    blocks: number,
  ): void {
    const z = this.machine.zones.all[zone];
    const known = this.recorded[zone];
    if (!this.fromBoot || order > LARGEST_LISTED || known.batch === 1) return;
    if (blocks === 1) {
      if (z.pcpBatch > 1) this.change({ at, zone, batch: 1, highMin: 0, highMax: 0 });
      return;
    }
    const first = order === 0 && !this.refilledOnce.has(zone * this.cpus.length + cpu);
    if (order === 0) this.refilledOnce.add(zone * this.cpus.length + cpu);
    // Until the marks are set, zone_highsize() gives no more than four batches.
    if (first && blocks < known.batch && blocks !== z.pcpBatch)
      this.change({ ...known, at, batch: blocks, highMin: Math.min(4 * blocks, known.highMin) });
    else if (z.pcpBatch < known.batch && this.fits(known.batch, order, blocks) && !this.fits(z.pcpBatch, order, blocks))
      this.change({ at, ...known });
  }

  /** A refill of so many blocks can be one of a batch that has doubled some times. */
  private fits(batch: number, order: number, blocks: number): boolean {
    if (order > 0) return blocks === this.expected(batch, order);
    return blocks % batch === 0 && Number.isInteger(Math.log2(blocks / batch));
  }

  private explains(batch: number, { order, blocks }: Refill): boolean {
    return order === 0 ? blocks % batch === 0 : blocks === this.expected(batch, order);
  }

  private expected(batch: number, order: number): number {
    return batch > 1 ? Math.max(batch >> order, 2) : batch;
  }

  private resize(at: number, zone: number, batch: number, high: number): void {
    this.change({ at, zone, batch, highMin: high, highMax: high });
  }

  private change(change: SizeChange): void {
    applySizes(this.machine, change);
    this.refresh();
    this.changes.push(change);
  }
}

/** Writes sizes to a zone; the allocator takes them over when it is told to refresh. */
export function applySizes(machine: Machine, { zone, batch, highMin, highMax }: SizeChange): void {
  const z = machine.zones.all[zone];
  z.pcpBatch = batch;
  z.pcpHighMin = highMin;
  z.pcpHighMax = highMax;
}

/** PAGE_ALLOC_COSTLY_ORDER: larger blocks that have lists come one at a time. */
const LARGEST_LISTED = 3;

interface Refill {
  readonly at: number;
  readonly order: number;
  readonly blocks: number;
}

/** What a CPU is in the middle of. */
class CpuSizes {
  refilling = false;
  refillAt = 0;
  refillZone = 0;
  refillOrder = 0;
  refillCpu = 0;
  /** Its first block. */
  refillRow = -1;
  /** Blocks that the refill should take. */
  blocks = 0;
  /** Those of them that are left. */
  blocksLeft = 0;
  /** Blocks freed in a row that no batch has told of yet. */
  readonly freed: number[] = [];
  /** Blocks of the present batch that are not on the list yet. */
  batchLeft = 0;
  /** Event that last put a block on a list, −1 when what it means is settled; its zone, and the count it made. */
  lookedAt = -1;
  lookedZone = 0;
  count = 0;
}
