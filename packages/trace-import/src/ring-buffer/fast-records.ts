/**
 * The page events that every kernel since 4.1 writes, from records to rows: integers from places that the format file gives,
 * flags, task and gfp mask by tables. Whatever differs – another event, a value that the tables do not know yet or that the
 * columns cannot hold – is left to RecordReader, one record at a time.
 *
 * HOT: the loop runs once a record; columns and tables are in locals, and a row counts once `length` is raised.
 */
import { NO_PAGE_HIGH } from '@replug/workload';
import type { CpuPages } from './cpu-pages.ts';
import type { EventPlan, Place } from './event-plan.ts';
import { GFP_FACTOR, GFP_MASK, GFP_SHIFT, type RecordTables } from './record-tables.ts';
import type { SizedColumns } from './sized-columns.ts';

const MAX_ORDER = 15;
const MAX_MIGRATETYPE = 7;
/** Bytes of the largest payload whose size is in its header. */
const MAX_SHORT = 28 * 4;

/** Numbers of a plan, side by side. A place is −1 when the value is 0 in every record. */
const SLOTS = 16;
const KIND = 0;
const LEAST = 1;
const FLAGS = 2;
const PREEMPT = 3;
const PID = 4;
const PFN = 5;
const PFN_SIZE = 6;
const ORDER = 7;
const TYPE = 8;
const REFILL = 9;
const GFP = 10;
const GFP_SIZE = 11;

export class FastRecords {
  /** Events by their number. */
  readonly counts: Float64Array;
  /** The time of the last record. */
  last = -Infinity;
  private readonly columns: SizedColumns;
  private readonly tables: RecordTables;
  private readonly little: boolean;
  private readonly typeAt: number;
  /** Row of `places` by the event's number, from 1; 0 for what is left to others. */
  private readonly rows: Uint16Array;
  private readonly places: Int32Array;

  constructor(
    columns: SizedColumns,
    tables: RecordTables,
    little: boolean,
    typeAt: number,
    plans: ReadonlyMap<number, EventPlan>,
  ) {
    this.columns = columns;
    this.tables = tables;
    this.little = little;
    this.typeAt = typeAt;
    const fast = [...plans].filter(([, { use, page }]) => use === 'fast' && page !== undefined);
    const numbers = Math.max(0, ...fast.map(([id]) => id)) + 1;
    this.rows = new Uint16Array(numbers);
    this.counts = new Float64Array(numbers);
    this.places = new Int32Array((fast.length + 1) * SLOTS);
    fast.forEach(([id, plan], i) => {
      this.rows[id] = i + 1;
      this.places.set(numbersOf(plan), (i + 1) * SLOTS);
    });
  }

  /**
   * HOT. Reads the record that `pages` stands at and those after it, as long as none of `other` comes first. False when
   * `pages` has no more; `left` is given each record that is not read here.
   */
  run(pages: CpuPages, other: CpuPages | undefined, left: (pages: CpuPages) => void): boolean {
    const { columns, places, rows, counts, little, typeAt } = this;
    let { smallPids } = this.tables;
    const { flags: flagIndices, gfpLow, gfpHigh, gfpIndex } = this.tables;
    const { view, cpu } = pages;
    const limit = other === undefined ? Infinity : other.time;
    const wins = other !== undefined && cpu < other.cpu;
    let { time, pfnLow, pfnHigh, unit, capacity } = columns;
    let { kind, flags, cpu: cpus, gfp: gfps, task } = columns;
    let { record, length, time: now, next, end, base, since } = pages;
    let row = columns.length;
    let { last } = this;
    for (;;) {
      const id = typeAt + 2 <= length ? view.getUint16(record + typeAt, little) : 0;
      const plan = id < rows.length ? rows[id] * SLOTS : 0;
      let read = plan !== 0 && length >= places[plan + LEAST] && now >= last && row < capacity;
      if (read) {
        let at = places[plan + PREEMPT];
        const preempt = at < 0 ? 0 : view.getUint8(record + at);
        const flag = flagIndices[(view.getUint8(record + places[plan + FLAGS]) << 8) | preempt] - 1;
        const pid = view.getUint32(record + places[plan + PID], little);
        const who = pid < smallPids.length ? smallPids[pid] - 1 : -1;

        at = record + places[plan + PFN];
        let low = view.getUint32(at, little);
        let high = low === 0xffffffff ? low : 0;
        if (places[plan + PFN_SIZE] === 8) {
          high = view.getUint32(at + 4, little);
          if (!little) {
            const first = low;
            low = high;
            high = first;
          }
        }
        if (high >= NO_PAGE_HIGH) {
          high = high === 0xffffffff && low === 0xffffffff ? NO_PAGE_HIGH : -1;
          low = 0;
        }
        at = places[plan + ORDER];
        const order = at < 0 ? 0 : view.getUint32(record + at, little);
        at = places[plan + TYPE];
        const type = at < 0 ? 0 : view.getUint32(record + at, little);
        at = places[plan + REFILL];
        const refill = at < 0 ? 0 : view.getUint32(record + at, little);

        at = places[plan + GFP];
        let text = 0;
        if (at >= 0) {
          at += record;
          let maskLow = view.getUint32(at, little);
          let maskHigh = 0;
          if (places[plan + GFP_SIZE] === 8) {
            maskHigh = view.getUint32(at + 4, little);
            if (!little) {
              const first = maskLow;
              maskLow = maskHigh;
              maskHigh = first;
            }
          }
          let slot = Math.imul(maskLow ^ maskHigh, GFP_FACTOR) >>> GFP_SHIFT;
          text = gfpIndex[slot];
          while (text !== -1 && (gfpLow[slot] !== maskLow || gfpHigh[slot] !== maskHigh)) {
            slot = (slot + 1) & GFP_MASK;
            text = gfpIndex[slot];
          }
        }
        read = (flag | who | high | text) >= 0 && order <= MAX_ORDER && type <= MAX_MIGRATETYPE && refill <= 1;
        if (read) {
          last = now;
          time[row] = now;
          pfnLow[row] = low;
          pfnHigh[row] = high;
          kind[row] = places[plan + KIND];
          unit[row] = order | (type << 4) | (refill << 7);
          flags[row] = flag;
          cpus[row] = cpu;
          gfps[row] = text;
          task[row] = who;
          row++;
          counts[id]++;
        }
      }
      if (!read) {
        pages.moveTo(record, length, now, next, since);
        columns.length = row;
        this.last = last;
        left(pages);
        row = columns.length;
        ({ last } = this);
        ({ smallPids } = this.tables);
        ({ time, pfnLow, pfnHigh, unit, capacity } = columns);
        ({ kind, flags, cpu: cpus, gfp: gfps, task } = columns);
      }
      // The next record: mostly it follows at once.
      const header = next + 4 <= end ? view.getUint32(next, little) : 0;
      const size = (little ? header & 31 : header >>> 27) * 4;
      if (size > 0 && size <= MAX_SHORT && next + 4 + size <= end) {
        since += little ? header >>> 5 : header & 0x7ffffff;
        now = base + since;
        record = next + 4;
        length = size;
        next = record + size;
      } else {
        pages.moveTo(record, length, now, next, since);
        if (!pages.advance()) {
          columns.length = row;
          this.last = last;
          return false;
        }
        ({ record, length, time: now, next, end, base, since } = pages);
      }
      if (now > limit || (now === limit && !wins)) {
        pages.moveTo(record, length, now, next, since);
        columns.length = row;
        this.last = last;
        return true;
      }
    }
  }
}

function numbersOf({ kind, least, flagsAt, preemptAt, pidAt, page }: EventPlan): number[] {
  const { pfn, order, migratetype, refill, gfp } = page!;
  const at = (place: Place | number | undefined) => (typeof place === 'object' ? place.at : -1);
  const numbers: number[] = [];
  numbers[KIND] = kind;
  numbers[LEAST] = least;
  numbers[FLAGS] = flagsAt;
  numbers[PREEMPT] = preemptAt;
  numbers[PID] = pidAt;
  numbers[PFN] = pfn.at;
  numbers[PFN_SIZE] = pfn.size;
  numbers[ORDER] = at(order);
  numbers[TYPE] = at(migratetype);
  numbers[REFILL] = at(refill);
  numbers[GFP] = at(gfp?.place);
  numbers[GFP_SIZE] = gfp?.place.size ?? 0;
  return numbers;
}
