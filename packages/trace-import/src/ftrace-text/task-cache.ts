/**
 * The task column in its fixed place, 16 bytes of comm, a dash, 7 of pid and a space, to an index: a direct-mapped cache of
 * whole columns as six 32-bit numbers. A miss is filled by the caller.
 */
import { SPACE } from './ascii.ts';

const SLOTS = 1024;
const WORDS = 6;

export class TaskCache {
  private readonly columns = new Int32Array(SLOTS * WORDS);
  private readonly tasks = new Int32Array(SLOTS).fill(-1);

  /** HOT. Index of the task of the line at `line`, which has at least 25 bytes; -1 when it is not cached. */
  find(view: DataView, line: number): number {
    const { columns } = this;
    const pid = view.getInt32(line + 16, true);
    const pidEnd = view.getInt32(line + 20, true);
    const slot = slotOf(pid, pidEnd);
    const at = slot * WORDS;
    return columns[at] === pid &&
      columns[at + 1] === pidEnd &&
      columns[at + 2] === view.getInt32(line + 12, true) &&
      columns[at + 3] === view.getInt32(line + 8, true) &&
      columns[at + 4] === view.getInt32(line + 4, true) &&
      columns[at + 5] === view.getInt32(line, true) &&
      view.getUint8(line + 24) === SPACE
      ? this.tasks[slot]
      : -1;
  }

  /** Keeps the task of the line at `line`; not one whose pid leaves no space behind it. */
  set(view: DataView, line: number, task: number): void {
    if (view.getUint8(line + 24) !== SPACE) return;
    const pid = view.getInt32(line + 16, true);
    const pidEnd = view.getInt32(line + 20, true);
    const slot = slotOf(pid, pidEnd);
    this.columns[slot * WORDS] = pid;
    this.columns[slot * WORDS + 1] = pidEnd;
    for (let i = 0; i < 4; i++) this.columns[slot * WORDS + 2 + i] = view.getInt32(line + 12 - i * 4, true);
    this.tasks[slot] = task;
  }
}

function slotOf(pid: number, pidEnd: number): number {
  const mixed = Math.imul(pid ^ (pidEnd << 5), 0x9e3779b1);
  return (mixed >>> 16) & (SLOTS - 1);
}
