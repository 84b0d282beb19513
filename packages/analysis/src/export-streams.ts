/**
 * Two event streams of the same run, name by name: how many events of one come back in the other, told as ftrace would
 * print them – same time, CPU, flags, task and fields, in the same order. Only `page=` is left out, which identifies nothing.
 *
 * Events of one name are matched in order among those of the same time: the longest common subsequence where it is
 * affordable, else the common beginning and end, so that a stream of equal times costs no more than its length.
 */
import { TRACEPOINTS } from '@replug/core';
import { isPageEvent, type EventColumns } from '@replug/workload';

/** Events of one name. */
export interface StreamAgreement {
  readonly name: string;
  readonly recorded: number;
  readonly replayed: number;
  /** Events of the recorded stream that the replayed one has, in order. */
  readonly identical: number;
}

export interface StreamComparison {
  readonly recorded: number;
  readonly replayed: number;
  readonly identical: number;
  /** In catalogue order; names that neither stream has are left out. */
  readonly events: readonly StreamAgreement[];
}

/** Cells of a table of the longest common subsequence that are still computed. */
const AFFORDABLE = 1 << 20;

export function compareStreams(recorded: EventColumns, replayed: EventColumns): StreamComparison {
  const left = rowsByKind(recorded);
  const right = rowsByKind(replayed);
  const same = sameRow(recorded, replayed);
  const events = TRACEPOINTS.flatMap(({ name }, kind): StreamAgreement[] => {
    const a = left[kind];
    const b = right[kind];
    if (a.length === 0 && b.length === 0) return [];
    return [{ name, recorded: a.length, replayed: b.length, identical: inOrder(recorded, a, replayed, b, same) }];
  });
  return {
    recorded: recorded.length,
    replayed: replayed.length,
    identical: events.reduce((sum, one) => sum + one.identical, 0),
    events,
  };
}

function rowsByKind(events: EventColumns): Int32Array[] {
  const counts = new Int32Array(256);
  for (let i = 0; i < events.length; i++) counts[events.kind[i]]++;
  const rows = TRACEPOINTS.map((_, kind) => new Int32Array(counts[kind]));
  counts.fill(0);
  for (let i = 0; i < events.length; i++) {
    const kind = events.kind[i];
    if (kind < rows.length) rows[kind][counts[kind]++] = i;
  }
  return rows;
}

type Same = (i: number, j: number) => boolean;

/** Walks both streams by time; within one time the rows are matched in order. */
function inOrder(left: EventColumns, a: Int32Array, right: EventColumns, b: Int32Array, same: Same): number {
  let matched = 0;
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const time = left.time[a[i]];
    const other = right.time[b[j]];
    if (time < other) i++;
    else if (other < time) j++;
    else {
      let iEnd = i + 1;
      let jEnd = j + 1;
      while (iEnd < a.length && left.time[a[iEnd]] === time) iEnd++;
      while (jEnd < b.length && right.time[b[jEnd]] === time) jEnd++;
      matched += commonRows(a, i, iEnd, b, j, jEnd, same);
      i = iEnd;
      j = jEnd;
    }
  }
  return matched;
}

function commonRows(a: Int32Array, i: number, iEnd: number, b: Int32Array, j: number, jEnd: number, same: Same) {
  let matched = 0;
  while (i < iEnd && j < jEnd && same(a[i], b[j])) {
    matched++;
    i++;
    j++;
  }
  while (i < iEnd && j < jEnd && same(a[iEnd - 1], b[jEnd - 1])) {
    matched++;
    iEnd--;
    jEnd--;
  }
  const width = jEnd - j;
  if (i === iEnd || width === 0 || (iEnd - i) * width > AFFORDABLE) return matched;
  // Lengths of the longest common subsequence, row by row.
  let above = new Int32Array(width + 1);
  let below = new Int32Array(width + 1);
  for (let row = i; row < iEnd; row++) {
    for (let column = 0; column < width; column++) {
      below[column + 1] = same(a[row], b[j + column]) ? above[column] + 1 : Math.max(above[column + 1], below[column]);
    }
    [above, below] = [below, above];
  }
  return matched + above[width];
}

/** Equality of a row of each stream; texts are compared through a table from one dictionary to the other. */
function sameRow(left: EventColumns, right: EventColumns): Same {
  const flags = translation(right.flagTexts, left.flagTexts);
  const gfps = translation(right.gfpTexts, left.gfpTexts);
  const words = translation(right.words, left.words);
  const taskTexts = (events: EventColumns) => events.tasks.map(({ comm, pid }) => `${pid} ${comm}`);
  const tasks = translation(taskTexts(right), taskTexts(left));
  const isText = TRACEPOINTS.map(({ fields }) =>
    fields.filter(({ format }) => format !== 'page').map(({ format }) => format === 'word' || format === 'gfp'),
  );
  return (i, j) => {
    const kind = left.kind[i];
    if (
      kind !== right.kind[j] ||
      left.time[i] !== right.time[j] ||
      left.cpu[i] !== right.cpu[j] ||
      left.flags[i] !== flags[right.flags[j]] ||
      left.task[i] !== tasks[right.task[j]]
    )
      return false;
    if (isPageEvent(kind)) {
      return (
        left.pfnLow[i] === right.pfnLow[j] &&
        left.pfnHigh[i] === right.pfnHigh[j] &&
        left.unit[i] === right.unit[j] &&
        (kind !== 0 || left.gfp[i] === gfps[right.gfp[j]])
      );
    }
    const texts = isText[kind];
    for (let field = 0; field < texts.length; field++) {
      const value = right.args[right.pfnLow[j] + field];
      if (left.args[left.pfnLow[i] + field] !== (texts[field] ? words[value] : value)) return false;
    }
    return true;
  };
}

/** Index in `to` of each text of `from`; -1 where it has none. */
function translation(from: readonly string[], to: readonly string[]): Int32Array {
  const index = new Map(to.map((text, i) => [text, i]));
  return Int32Array.from(from, (text) => index.get(text) ?? -1);
}
