/**
 * Values of events that are not page events. In a chunk they lie field by field – by kind, then by field, then by row – so
 * that values of one meaning stand together; in memory row by row, as EventColumns wants them.
 */
import { argCount, isPageEvent, type EventColumns } from '../events.ts';
import { BadColumn } from './column.ts';

/** The values of rows [from, to) in the order of a chunk. */
export function gatherArgs(events: EventColumns, from: number, to: number): Float64Array {
  const { kind, pfnLow, args } = events;
  const rows = rowsByKind(kind, from, to);
  const gathered = new Float64Array(countArgs(rows, argCount));
  let at = 0;
  for (const [k, list] of rows) {
    const count = argCount(k);
    for (let field = 0; field < count; field++) for (const row of list) gathered[at++] = args[pfnLow[row] + field];
  }
  return gathered;
}

/**
 * Puts the values of a chunk in row order into `args` from `argsAt` on, and the index of each row's first value into
 * `pfnLow`. Throws BadColumn when the rows own another number of values than there are.
 */
export function scatterArgs(
  gathered: Float64Array,
  argCounts: readonly number[],
  kind: Uint8Array,
  pfnLow: Uint32Array,
  from: number,
  to: number,
  args: Float64Array,
  argsAt: number,
): void {
  const rows = rowsByKind(kind, from, to);
  if (countArgs(rows, (k) => argCounts[k]) !== gathered.length) throw new BadColumn('another number of values');
  let next = argsAt;
  for (let row = from; row < to; row++) {
    if (isPageEvent(kind[row])) continue;
    pfnLow[row] = next;
    next += argCounts[kind[row]];
  }
  let at = 0;
  for (const [k, list] of rows) {
    for (let field = 0; field < argCounts[k]; field++)
      for (const row of list) args[pfnLow[row] + field] = gathered[at++];
  }
}

/** Rows of each kind that is not a page event, kinds in ascending order. */
function rowsByKind(kind: Uint8Array, from: number, to: number): readonly (readonly [number, readonly number[]])[] {
  const byKind = new Map<number, number[]>();
  for (let row = from; row < to; row++) {
    if (isPageEvent(kind[row])) continue;
    const list = byKind.get(kind[row]);
    if (list === undefined) byKind.set(kind[row], [row]);
    else list.push(row);
  }
  return [...byKind].sort(([a], [b]) => a - b);
}

function countArgs(rows: readonly (readonly [number, readonly number[]])[], count: (kind: number) => number): number {
  return rows.reduce((sum, [k, list]) => sum + count(k) * list.length, 0);
}
