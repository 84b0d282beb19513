/**
 * The task column in its fixed place, 16 bytes of comm, a dash, 8 bytes of pid, to an index: a direct-mapped cache of whole
 * columns as six 32-bit numbers. A miss is filled by the caller.
 */
import { word } from './words.ts';

const SLOTS = 1024;
const WORDS = 6;

export class TaskCache {
  private readonly columns = new Int32Array(SLOTS * WORDS);
  private readonly tasks = new Int32Array(SLOTS).fill(-1);

  /** HOT. Index of the task of the line at `line`; -1 when it is not cached. */
  find(bytes: Uint8Array, line: number): number {
    const { columns } = this;
    const pid = word(bytes, line + 17);
    const pidEnd = word(bytes, line + 21);
    const slot = slotOf(pid, pidEnd);
    const at = slot * WORDS;
    return columns[at] === pid &&
      columns[at + 1] === pidEnd &&
      columns[at + 2] === word(bytes, line + 12) &&
      columns[at + 3] === word(bytes, line + 8) &&
      columns[at + 4] === word(bytes, line + 4) &&
      columns[at + 5] === word(bytes, line)
      ? this.tasks[slot]
      : -1;
  }

  set(bytes: Uint8Array, line: number, task: number): void {
    const pid = word(bytes, line + 17);
    const pidEnd = word(bytes, line + 21);
    const slot = slotOf(pid, pidEnd);
    this.columns.set(
      [pid, pidEnd, word(bytes, line + 12), word(bytes, line + 8), word(bytes, line + 4), word(bytes, line)],
      slot * WORDS,
    );
    this.tasks[slot] = task;
  }
}

function slotOf(pid: number, pidEnd: number): number {
  const mixed = Math.imul(pid ^ (pidEnd << 5), 0x9e3779b1);
  return (mixed >>> 16) & (SLOTS - 1);
}
