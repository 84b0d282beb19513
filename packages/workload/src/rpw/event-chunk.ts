/**
 * A run of events as a message and back. Rows of a chunk stand alone but for the dictionaries: its time and pfn columns
 * begin with values of their own, so any chunk can be read without those before it.
 *
 * HOT: reading runs once an event; the loops over rows are here, in column.ts and args.ts.
 */
import { isPageEvent, type EventColumns, type Task } from '../events.ts';
import { gatherArgs, scatterArgs } from './args.ts';
import { BadColumn, deltaColumn, planesColumn, readNumbers, readUints } from './column.ts';
import type { FileKinds } from './kinds.ts';
import type { Packer } from './packer.ts';
import type { EventsMessage } from './schema.ts';
import { MAX_CHUNK_ROWS } from './format.ts';

/** Arguments that one event may have; none has more than 8. */
const MAX_ARGS_PER_ROW = 64;

/** Dictionaries as far as they are known. */
export interface Dictionaries {
  readonly words: readonly string[];
  readonly gfpTexts: readonly string[];
  readonly flagTexts: readonly string[];
  readonly tasks: readonly Task[];
  readonly stacks?: readonly string[];
}

/** Columns with room for more rows. */
export interface EventRoom {
  time: Float64Array;
  pfnLow: Uint32Array;
  pfnHigh: Uint8Array;
  kind: Uint8Array;
  unit: Uint8Array;
  flags: Uint8Array;
  cpu: Uint16Array;
  gfp: Uint16Array;
  task: Uint32Array;
  /** Only where there are call chains. */
  stack?: Uint32Array;
  args: Float64Array;
}

/** Rows [from, to) as a chunk that begins with row `firstRow` of the file. */
export function encodeEvents(
  events: EventColumns,
  from: number,
  to: number,
  firstRow: number,
  packer: Packer,
): EventsMessage {
  const time = events.time.subarray(from, to);
  let [least, greatest] = [time[0], time[0]];
  for (const ns of time) {
    if (ns < least) least = ns;
    if (ns > greatest) greatest = ns;
  }
  const args = gatherArgs(events, from, to);
  const planes = (values: Uint8Array | Uint16Array | Uint32Array) => planesColumn(values.subarray(from, to), packer);
  return {
    firstRow,
    rows: to - from,
    leastTime: least,
    greatestTime: greatest,
    time: deltaColumn(time, packer),
    pfnLow: deltaColumn(pfnsOnly(events, from, to), packer),
    pfnHigh: planes(events.pfnHigh),
    kind: planes(events.kind),
    unit: planes(events.unit),
    flags: planes(events.flags),
    cpu: planes(events.cpu),
    gfp: planes(events.gfp),
    task: planes(events.task),
    argCount: args.length,
    args: deltaColumn(args, packer),
    ...(hasStacks(events, from, to) && { stack: planes(events.stack!) }),
  };
}

function hasStacks({ stack }: EventColumns, from: number, to: number): boolean {
  return stack !== undefined && stack.subarray(from, to).some((index) => index > 0);
}

/** Low pfn words; rows without a pfn repeat the one before: their place in `args` follows from the order of rows. */
function pfnsOnly(events: EventColumns, from: number, to: number): Uint32Array {
  const { kind } = events;
  const low = events.pfnLow.slice(from, to);
  for (let i = 0; i < low.length; i++) if (!isPageEvent(kind[from + i])) low[i] = i === 0 ? 0 : low[i - 1];
  return low;
}

/** Rows and values that a chunk claims to have; throws BadColumn when no reader would take them. */
export function claimOf({ rows, argCount }: EventsMessage): { readonly rows: number; readonly args: number } {
  if (rows < 1 || rows > MAX_CHUNK_ROWS) throw new BadColumn('a wrong number of rows');
  if (argCount > rows * MAX_ARGS_PER_ROW) throw new BadColumn('more values than its rows can own');
  return { rows, args: argCount };
}

/**
 * Reads a chunk into `room`, from row `at` and value `argsAt` on; there must be room for what it claims. Throws BadColumn
 * when it contradicts itself or the dictionaries; then nothing of it may be used.
 */
export function decodeEvents(
  chunk: EventsMessage,
  room: EventRoom,
  at: number,
  argsAt: number,
  kinds: FileKinds,
  dictionaries: Dictionaries,
  packer: Packer,
): void {
  const { rows, args: argRows } = claimOf(chunk);
  const end = at + rows;
  readUints(chunk.kind, rows, room.kind, at, packer);
  below(room.kind, at, end, kinds.argCounts.length, 'kinds');
  readNumbers(chunk.time, rows, room.time, at, packer);
  readUints(chunk.pfnLow, rows, room.pfnLow, at, packer);
  readUints(chunk.pfnHigh, rows, room.pfnHigh, at, packer);
  readUints(chunk.unit, rows, room.unit, at, packer);
  readUints(chunk.flags, rows, room.flags, at, packer);
  readUints(chunk.cpu, rows, room.cpu, at, packer);
  readUints(chunk.gfp, rows, room.gfp, at, packer);
  readUints(chunk.task, rows, room.task, at, packer);
  if (room.stack !== undefined) {
    if (chunk.stack === undefined || chunk.stack === null) room.stack.fill(0, at, end);
    else readUints(chunk.stack, rows, room.stack, at, packer);
  }
  checkIndices(room, at, end, dictionaries);
  const gathered = new Float64Array(argRows);
  readNumbers(chunk.args, argRows, gathered, 0, packer);
  scatterArgs(gathered, kinds.argCounts, room.kind, room.pfnLow, at, end, room.args, argsAt);
}

/** Throws BadColumn for an index that no dictionary entry has; 0 is allowed where a dictionary is empty. */
export function checkIndices(
  { flags, gfp, task, stack }: Pick<EventRoom, 'flags' | 'gfp' | 'task' | 'stack'>,
  from: number,
  to: number,
  { flagTexts, gfpTexts, tasks, stacks }: Dictionaries,
): void {
  below(flags, from, to, Math.max(1, flagTexts.length), 'flag texts');
  below(gfp, from, to, Math.max(1, gfpTexts.length), 'gfp texts');
  below(task, from, to, Math.max(1, tasks.length), 'tasks');
  if (stack !== undefined) below(stack, from, to, Math.max(1, stacks?.length ?? 0), 'stacks');
}

function below(
  values: Uint8Array | Uint16Array | Uint32Array,
  from: number,
  to: number,
  limit: number,
  what: string,
): void {
  let most = 0;
  for (let i = from; i < to; i++) if (values[i] > most) most = values[i];
  if (most >= limit) throw new BadColumn(`an index beyond the ${what}`);
}

/**
 * Takes out the rows in [at, end) whose kind is new to this version, in place; their values stay in `args`, unused. Returns
 * how many rows are left.
 */
export function dropUnknownKinds(room: EventRoom, at: number, end: number, known: number): number {
  const { time, pfnLow, pfnHigh, kind, unit, flags, cpu, gfp, task, stack } = room;
  let kept = at;
  for (let row = at; row < end; row++) {
    if (kind[row] >= known) continue;
    if (kept !== row) {
      time[kept] = time[row];
      pfnLow[kept] = pfnLow[row];
      pfnHigh[kept] = pfnHigh[row];
      kind[kept] = kind[row];
      unit[kept] = unit[row];
      flags[kept] = flags[row];
      cpu[kept] = cpu[row];
      gfp[kept] = gfp[row];
      task[kept] = task[row];
      if (stack !== undefined) stack[kept] = stack[row];
    }
    kept++;
  }
  return kept - at;
}
