/**
 * The text before `[cpu]`: a task's name and pid, off the hot path.
 *
 *            snapz-185     [000]        comm right-aligned in 16, pid left-aligned in 7
 *     kworker/0:1H-1234  (   1234) [002]      with the record-tgid option
 *            perf  5170 [000]           perf script
 *            perf  5170/5171  [000]     perf script -F pid,tid: the second one is the thread, as in ftrace
 *            5170 [000]                 perf script without comm
 *
 * A comm may hold spaces, `-`, `:` and `[`: the pid is the last run of digits, and a bracket counts only when it holds a
 * cpu and follows a pid.
 *
 * Models: kernel/trace/trace_output.c trace_print_context().
 */
import { BRACKET, BRACKET_END, CLOSE, DASH, OPEN, SLASH, SPACE, ZERO } from './ascii.ts';

/** Digits of the longest number that is taken for a pid. */
const PID_DIGITS = 10;

/** Position of the `[` of the cpu column of the line at `start`; -1 when the line has none. */
export function findCpuColumn(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start + 1; at < end; at++) {
    if (bytes[at] !== BRACKET) continue;
    let to = at + 1;
    while (isDigit(bytes[to])) to++;
    if (to === at + 1 || bytes[to] !== BRACKET_END) continue;
    if (followsPid(bytes, start, at)) return at;
  }
  return -1;
}

/** Whether the text before the bracket ends in a pid. */
function followsPid(bytes: Uint8Array, start: number, bracket: number): boolean {
  let at = skipBack(bytes, start, bracket);
  if (bytes[at - 1] === CLOSE) {
    while (at > start && bytes[at - 1] !== OPEN) at--;
    at = skipBack(bytes, start, at - 1);
  }
  const end = at;
  while (at > start && isDigit(bytes[at - 1])) at--;
  if (at === end) return false;
  if (at === start) return true;
  const before = bytes[at - 1];
  return before === DASH || before === SPACE || (before === SLASH && at - 2 >= start && isDigit(bytes[at - 2]));
}

function skipBack(bytes: Uint8Array, start: number, at: number): number {
  while (at > start && bytes[at - 1] === SPACE) at--;
  return at;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= ZERO + 9;
}

/** Name and pid from the text of the task column; pid -1 when the text is none. */
export function splitTask(column: string): { comm: string; pid: number } {
  let text = trimSpaces(column);
  if (text.endsWith(')')) text = trimSpaces(text.slice(0, Math.max(0, text.lastIndexOf('('))));
  const digits = /\d{1,20}$/.exec(text)?.[0] ?? '';
  if (digits === '' || digits.length > PID_DIGITS) return { comm: '', pid: -1 };
  let before = text.slice(0, -digits.length);
  const pair = /\d{1,10}\/$/.exec(before);
  if (pair !== null) before = before.slice(0, pair.index);
  if (before !== '' && !/[- ]$/.test(before)) return { comm: '', pid: -1 };
  const comm = before.endsWith('-') ? before.slice(0, -1) : trimSpaces(before);
  return { comm: comm.replace(/^ +/, ''), pid: Number(digits) };
}

/** Without the spaces at the end. */
function trimSpaces(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === SPACE) end--;
  return text.slice(0, end);
}
