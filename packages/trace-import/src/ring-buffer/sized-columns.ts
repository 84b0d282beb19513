/**
 * Growing columns that begin with room for all rows that a file can hold. Pages of memory that no row was written to cost
 * nothing, so room for a few too many is free, while columns that double on the way are written three times.
 */
import { EventColumnsBuilder, type EventColumns } from '@replug/workload';

/** Rows that room is made for at once: 1.6 GB of columns. A file with more grows on the way. */
const MAX_ROWS = 1 << 26;
/** Share of the room that has to be in use for the columns to stay as they are. */
const TIGHT = 0.75;

export class SizedColumns extends EventColumnsBuilder {
  constructor(rows: number) {
    super();
    const capacity = Math.min(rows, MAX_ROWS);
    if (capacity <= this.capacity) return;
    this.time = new Float64Array(capacity);
    this.pfnLow = new Uint32Array(capacity);
    this.pfnHigh = new Uint8Array(capacity);
    this.kind = new Uint8Array(capacity);
    this.unit = new Uint8Array(capacity);
    this.flags = new Uint8Array(capacity);
    this.cpu = new Uint16Array(capacity);
    this.gfp = new Uint16Array(capacity);
    this.task = new Uint32Array(capacity);
    this.capacity = capacity;
  }

  /** The columns; what is nearly full is not copied. */
  override finish(): EventColumns {
    const { length, time, pfnLow, pfnHigh, kind, unit, flags, cpu, gfp, task, stack, capacity } = this;
    if (length < capacity * TIGHT) return super.finish();
    this.length = 0;
    const rest = super.finish();
    return {
      ...rest,
      length,
      time: time.subarray(0, length),
      pfnLow: pfnLow.subarray(0, length),
      pfnHigh: pfnHigh.subarray(0, length),
      kind: kind.subarray(0, length),
      unit: unit.subarray(0, length),
      flags: flags.subarray(0, length),
      cpu: cpu.subarray(0, length),
      gfp: gfp.subarray(0, length),
      task: task.subarray(0, length),
      ...(stack && { stack: stack.subarray(0, length), stacks: this.stacks.texts }),
    };
  }
}
