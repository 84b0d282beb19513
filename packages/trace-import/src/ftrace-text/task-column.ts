/**
 * The text before `[cpu]`: a task's name and pid, off the hot path.
 *
 *            snapz-185     [000]        comm right-aligned in 16, pid left-aligned in 7
 *     kworker/0:1H-1234  (   1234) [002]      with the record-tgid option
 *            perf  6429 [000]           perf script
 *
 * A comm may hold spaces, `-`, `:` and `[`: the pid is the last run of digits, and a bracket counts only when it holds a
 * cpu and follows a pid.
 *
 * Models: kernel/trace/trace_output.c trace_print_context().
 */
const SPACE = 32;
const BRACKET = 91;

/** Position of the `[` of the cpu column of the line at `start`; -1 when the line has none. */
export function findCpuColumn(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start + 1; at < end; at++) {
    if (bytes[at] !== BRACKET) continue;
    let to = at + 1;
    while (isDigit(bytes[to])) to++;
    if (to === at + 1 || bytes[to] !== 93) continue;
    if (pidEnd(bytes, start, at) !== -1) return at;
  }
  return -1;
}

/** Position after the pid's digits when the text before the bracket ends in a pid; -1 otherwise. */
function pidEnd(bytes: Uint8Array, start: number, bracket: number): number {
  let at = skipBack(bytes, start, bracket);
  if (bytes[at - 1] === 41) {
    while (at > start && bytes[at - 1] !== 40) at--;
    at = skipBack(bytes, start, at - 1);
  }
  const end = at;
  while (at > start && isDigit(bytes[at - 1])) at--;
  if (at === end || at === start) return -1;
  return bytes[at - 1] === 45 || bytes[at - 1] === SPACE ? end : -1;
}

function skipBack(bytes: Uint8Array, start: number, at: number): number {
  while (at > start && bytes[at - 1] === SPACE) at--;
  return at;
}

function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57;
}

/** Name and pid from the text of the task column; pid -1 when the text is none. */
export function splitTask(column: string): { comm: string; pid: number } {
  const match = /^ *([^\n]*?)(?:-| +)(\d+) *(?:\([^)\n]*\) *)?$/.exec(column);
  return match === null ? { comm: '', pid: -1 } : { comm: match[1], pid: Number(match[2]) };
}
