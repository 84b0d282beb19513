/**
 * Takes what scans found, and moves pages: free blocks are held, contents go from source to target, sources are freed as
 * their owner would free them.
 *
 * Models: mm/page_alloc.c __isolate_free_page(); mm/migrate.c migrate_pages_batch(), migrate_folio_done(), 6.1 and 6.12.
 */
import { MIGRATE_PCPTYPES, PAGE_STATE, type CompactScan, type PageMap } from '@replug/core';
import type { BuddyAllocator } from '../allocator.ts';
import type { FreeArea } from '../free-area.ts';
import { TYPE } from '../pcp-policy.ts';
import type { CompactionRules } from './rules.ts';
import type { ZoneRun } from './run.ts';

/** Moves the contents of an allocated block to a target that nobody holds; the source is freed. */
export type MoveContents = (source: number, order: number, target: number, cpu: number) => void;

export interface Moved {
  moved: number;
  failed: number;
  /** No target was left. */
  noMemory: boolean;
}

export class Mover {
  private readonly pages: PageMap;
  private readonly area: FreeArea;
  private readonly allocator: BuddyAllocator;
  private readonly rules: CompactionRules;
  private readonly moveContents: MoveContents;
  private readonly heads: Int32Array;
  private readonly orders: Uint8Array;
  private readonly targets: Int32Array;
  private readonly scan: CompactScan = { start: 0, end: 0, scanned: 0, taken: 0 };

  constructor(
    pages: PageMap,
    area: FreeArea,
    allocator: BuddyAllocator,
    rules: CompactionRules,
    moveContents: MoveContents,
  ) {
    this.pages = pages;
    this.area = area;
    this.allocator = allocator;
    this.rules = rules;
    this.moveContents = moveContents;
    const block = 1 << area.pageblockOrder;
    this.heads = new Int32Array(block);
    this.orders = new Uint8Array(block);
    this.targets = new Int32Array(block + 32);
  }

  /** Moves sources[blocks − 1] … sources[0]: the last one isolated is the first of the list. */
  migrate(
    run: ZoneRun,
    sources: Int32Array,
    blocks: number,
    pages: number,
    cpu: number,
    told: (scan: CompactScan) => void,
  ): Moved {
    const { targets, rules } = this;
    const { state } = this.pages;
    let got = 0;
    let moved = 0;
    for (let i = blocks - 1; i >= 0; i--) {
      const order = state[sources[i]] & 0x0f;
      let target = run.nextTarget(order);
      if (target < 0) {
        this.findTargets(run, told);
        target = run.nextTarget(order);
        if (target < 0) break;
      }
      targets[got++] = target;
      if (rules.movesInBatches) continue;
      moved += this.move(sources[i], order, target, cpu);
    }
    for (let k = 0; k < got && rules.movesInBatches; k++) {
      const source = sources[blocks - 1 - k];
      moved += this.move(source, state[source] & 0x0f, targets[k], cpu);
    }
    return { moved, failed: pages - moved, noMemory: got < blocks };
  }

  /** What is left of the isolated pages is freed. */
  release(run: ZoneRun, cpu: number): void {
    const { state } = this.pages;
    run.end((row, order) => {
      state.fill(PAGE_STATE.UNTOUCHED, row, row + (1 << order));
      state[row] = PAGE_STATE.ALLOCATED | order;
      this.allocator.free(row, order, cpu);
    });
  }

  private move(source: number, order: number, target: number, cpu: number): number {
    const { state } = this.pages;
    state.fill(PAGE_STATE.UNTOUCHED, target, target + (1 << order));
    this.moveContents(source, order, target, cpu);
    return 1 << order;
  }

  private findTargets(run: ZoneRun, told: (scan: CompactScan) => void): void {
    const { heads, orders, scan, area } = this;
    do {
      const blocks = run.nextFree(scan, heads);
      if (blocks < 0) return;
      for (let i = 0; i < blocks; i++) {
        orders[i] = area.freeOrder(heads[i]);
        this.isolate(run.zone, heads[i], orders[i]);
      }
      told(scan);
      run.tookFree(scan, heads, orders, blocks);
    } while (run.searching);
  }

  /** __isolate_free_page(): the block leaves the lists; at half a pageblock and above its pageblocks become MOVABLE. */
  private isolate(zone: number, row: number, order: number): void {
    const { area } = this;
    const block = area.pageblockOrder;
    area.takeInside(row, order, row, order, zone);
    this.pages.state.fill(PAGE_STATE.HELD, row, row + (1 << order));
    if (order < block - 1) return;
    for (let at = row; at < row + (1 << order); at += 1 << block) {
      const type = area.pageblockType(at);
      if (type < MIGRATE_PCPTYPES && type !== TYPE.MOVABLE) this.retype(zone, at & -(1 << block));
    }
  }

  private retype(zone: number, start: number): void {
    const { area } = this;
    if (this.rules.keepsBlocks) {
      for (let at = start; at < start + (1 << area.pageblockOrder);) {
        const order = area.freeOrder(at);
        if (order >= 0) area.moveToList(at, zone, order, TYPE.MOVABLE);
        at += order >= 0 ? 1 << order : 1;
      }
    }
    area.setPageblockType(start, zone, TYPE.MOVABLE);
  }
}
