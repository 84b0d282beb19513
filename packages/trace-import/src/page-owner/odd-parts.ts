/** The two parts of the text that have no grammar of their own: a task's name, and the head of a group of page_owner_sort. */
const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const CLOSE = 41;
const COMMA = 44;
/** Bytes of a task's name with its end. */
const COMM_LENGTH = 16;

/** `), ts ` at `at`. */
function endsComm(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at] === CLOSE &&
    bytes[at + 1] === COMMA &&
    bytes[at + 2] === SPACE &&
    bytes[at + 3] === 116 &&
    bytes[at + 4] === 115 &&
    bytes[at + 5] === SPACE
  );
}

/**
 * Where the name that begins at `from` ends; -1 when nothing closes it. A name may hold brackets, so the last `), ts ` of the line
 * counts, and it may hold a newline: a task names itself.
 */
export function commEnd(bytes: Uint8Array, from: number, end: number): number {
  let eol = from;
  while (bytes[eol] !== NEWLINE) eol++;
  for (let at = eol - 1; at >= from; at--) if (endsComm(bytes, at)) return at;
  const last = bytes[eol - 1] === RETURN ? eol - 2 : eol - 1;
  if (bytes[last] !== CLOSE)
    for (let at = from; at < from + COMM_LENGTH && at < end; at++) if (endsComm(bytes, at)) return at;
  for (let at = last; at >= from; at--) if (bytes[at] === CLOSE) return at;
  return -1;
}

/** What the head of a group tells. */
export interface Group {
  readonly times: number;
  /** Absent in what old versions write. */
  readonly pages: number | undefined;
  readonly pid: number;
  readonly tgid: number;
  /** Where the task's name stands, in bytes from the line's beginning; empty where it is not told. */
  readonly comm: { readonly from: number; readonly to: number };
  /** Bytes before a record that begins in the same line; 0 when there is none. */
  readonly text: number;
}

const HEAD = /^(\d{1,15}) times(?:, (\d{1,15}) pages)?(?=[,:]|$)/;
const MOST = 0x7fffffff;

/** Reads `12 times, 24 pages, PID 5, task_comm_name: cat, allocated by SLAB :`; undefined for any other line. */
export function readGroup(bytes: Uint8Array, line: number, eol: number): Group | undefined {
  // One character a byte: places in the text are places in the line.
  let text = '';
  for (let at = line; at < Math.min(eol, line + 512); at++) text += String.fromCharCode(bytes[at]);
  const head = HEAD.exec(text);
  if (head === null) return undefined;
  const number = (key: string) => {
    const found = Number(new RegExp(`, ${key} (\\d{1,10})(?=[,:\\r]|$)`).exec(text)?.[1] ?? -1);
    return found > MOST ? -1 : found;
  };
  const comm = /, task_comm_name: (.*?)(?:, allocated by [A-Z ]*)?:?\r?$/.exec(text);
  const from = comm === null ? 0 : comm.index + ', task_comm_name: '.length;
  const record = text.indexOf(': Page allocated via order ');
  return {
    times: Number(head[1]),
    pages: head[2] === undefined ? undefined : Number(head[2]),
    pid: number('PID'),
    tgid: number('TGID'),
    comm: { from, to: from + (comm?.[1].length ?? 0) },
    text: record === -1 ? 0 : record + 2,
  };
}
