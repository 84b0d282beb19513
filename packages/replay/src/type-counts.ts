/**
 * Migratetypes that no event tells, from pagetypeinfo's counts: of the free blocks of an order, those whose type is known
 * are taken off the counted ones; what is left over belongs to the others. Where one type is left, it is theirs; where
 * several are, the counts still say which are possible.
 */
import { MIGRATE, MIGRATETYPE_NAMES, type Machine } from '@replug/core';
import type { Step } from '@replug/workload';

/** Types that a block on MOVABLE's list may have instead, where nothing is counted. */
const GUESSES = [MIGRATE.UNMOVABLE, MIGRATE.RECLAIMABLE] as const;
const ORDINARY = [MIGRATE.MOVABLE, ...GUESSES] as const;

export class TypeCounts {
  /** Blocks not yet accounted for by [zone][order][type]; undefined where the step does not count the zone. */
  private readonly left: (number[][] | undefined)[];

  constructor(machine: Machine, step: Step | undefined) {
    const { maxPageOrder } = machine.pages.arch;
    this.left = machine.zones.all.map((zone) => {
      const rows = (step?.pagetypeinfo?.free ?? []).filter((r) => r.node === zone.nid && r.name === zone.name);
      if (rows.length === 0 || rows.some((r) => r.saturated.length > 0)) return undefined;
      return Array.from({ length: maxPageOrder + 1 }, (_, order) =>
        MIGRATETYPE_NAMES.map((name) => rows.find((r) => r.type === name)?.counts[order] ?? 0),
      );
    });
  }

  /** Takes the blocks of known type off the counts and gives the others theirs where only one type is left. */
  settle(blocks: readonly FreeBlock[], set: (row: number, type: number) => void): void {
    for (const { zone, order, type } of blocks) if (type >= 0) this.take(zone, order, type);
    for (const { zone, order, row, type } of blocks) {
      if (type >= 0) continue;
      const possible = this.possible(zone, order);
      // Which of several types is whose cannot be told; that none of them is MOVABLE can.
      if (possible.length === 0 || (possible.length > 1 && possible[0] === MIGRATE.MOVABLE)) continue;
      this.take(zone, order, possible[0]);
      if (possible[0] !== MIGRATE.MOVABLE) set(row, possible[0]);
    }
  }

  /** The type to try for a block that is not on the list of a type: one that the counts still need, or a usual one. */
  instead(zone: number, order: number, tried: number): number | undefined {
    const possible = this.possible(zone, order).filter((type) => type !== MIGRATE.MOVABLE);
    return (possible.length > 0 ? possible : GUESSES)[tried];
  }

  private possible(zone: number, order: number): readonly number[] {
    const left = this.left[zone]?.[order];
    return left === undefined ? [] : ORDINARY.filter((type) => left[type] > 0);
  }

  private take(zone: number, order: number, type: number): void {
    const left = this.left[zone]?.[order];
    if (left !== undefined) left[type]--;
  }
}

/** A maximal free block. */
export interface FreeBlock {
  readonly zone: number;
  readonly order: number;
  readonly row: number;
  /** −1: no event tells it. */
  readonly type: number;
}
