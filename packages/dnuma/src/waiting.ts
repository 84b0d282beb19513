/** Pages that wait for their node: what they are, since when they wait, and their migration. Walks all marks. */
import { PAGE_CLASS_NAMES, PAGE_STATE, type Machine, type Nid, type PageMigrator, type Row } from '@replug/core';
import type { LookupMarks } from './marks.ts';

/** Pages that wait, by class, and by how long their destination has been known (ns, ascending). */
export interface Waiting {
  readonly pages: number;
  readonly classes: Readonly<Record<string, number>>;
  readonly ages: readonly { readonly ns: number; readonly pages: number }[];
}

/** Tells of every marked page, ascending by section, until it is told to stop. */
export function eachMarked({ pages }: Machine, marks: LookupMarks, tell: (row: Row) => boolean | void): void {
  const per = 2 ** pages.sectionShift;
  for (const section of pages.sections()) {
    const base = pages.pfnToRow(section * per);
    for (let row = base; row < base + per; row++) {
      if ((row & 7) === 0 && !marks.any(row, 8)) row += 7;
      else if (marks.has(row) && tell(row) === false) return;
    }
  }
}

export function waitingPages(
  machine: Machine,
  marks: LookupMarks,
  now: number,
  knownSince: (pfn: number) => number,
): Waiting {
  const classes: Record<string, number> = {};
  const ages = new Map<number, number>();
  eachMarked(machine, marks, (row) => {
    const name = PAGE_CLASS_NAMES[machine.pages.pageClass[row] & 0x1f] ?? 'unknown';
    classes[name] = (classes[name] ?? 0) + 1;
    const ns = now - knownSince(machine.pages.rowToPfn(row));
    ages.set(ns, (ages.get(ns) ?? 0) + 1);
  });
  const sorted = [...ages].sort(([a], [b]) => a - b).map(([ns, pages]) => ({ ns, pages }));
  return { pages: marks.count, classes, ages: sorted };
}

/** Migrates at most `limit` waiting blocks to their nodes. Returns pages that moved, and that stayed, by reason. */
export function migrateWaiting(
  machine: Machine,
  marks: LookupMarks,
  migrator: PageMigrator,
  nidOf: (row: Row) => Nid,
  limit: number,
  cpu: number,
): { moved: number; stayed: Record<string, number> } {
  const byNid = new Map<Nid, number[]>();
  let blocks = 0;
  eachMarked(machine, marks, (row) => {
    if ((machine.pages.state[row] & 0xf0) !== PAGE_STATE.ALLOCATED) return true;
    if (blocks++ >= limit) return false;
    const nid = nidOf(row);
    const rows = byNid.get(nid);
    if (rows === undefined) byNid.set(nid, [row]);
    else rows.push(row);
    return true;
  });
  const stayed: Record<string, number> = {};
  let moved = 0;
  for (const [nid, rows] of [...byNid].sort(([a], [b]) => a - b)) {
    const outcome = migrator.migratePages(Int32Array.from(rows), rows.length, {
      reason: 'numa_misplaced',
      targetNids: [nid],
      cpu,
    });
    moved += outcome.migrated;
    for (const { why, pages } of outcome.failed) stayed[why] = (stayed[why] ?? 0) + pages;
  }
  return { moved, stayed };
}
