/** Bytes and words that records are made of. Literals are compared as numbers of four bytes, the last overlapping the one before. */
import type { PageOwnerBuilder } from '@replug/workload';

export const NEWLINE = 10;
export const RETURN = 13;
export const SPACE = 32;
export const TAB = 9;
export const OPEN = 40;
export const CLOSE = 41;
export const COMMA = 44;
export const ZERO = 48;
export const EQUALS = 61;
export const BRACKET = 91;
export const PIPE = 124;
export const X = 120;
export const HIGH_BITS = 0x80808080 | 0;
/** Stacks that are kept in mind, by request; a power of two. */
export const GUESSES = 4096;
/** Orders beyond are no orders. */
export const MAX_ORDER = 30;
export const SAMPLE = 200;

const wordOf = (text: string) => new DataView(new TextEncoder().encode(text).buffer).getInt32(0, true);
export const HEAD = ['Page', ' all', 'ocat', 'ed v', 'ia o', 'rder'].map(wordOf);
export const HEAD_LENGTH = 25;
export const [_MAS, ASK_, PFN_] = [', ma', 'ask ', 'PFN '].map(wordOf);
export const [PID_, TGID, TS_] = ['pid ', 'tgid', ', ts'].map(wordOf);
export const [FREE, EE_T] = ['free', 'ee_t'].map(wordOf);
export const [_TYP, _BLO, _FLA] = [' typ', ' Blo', ' Fla'].map(wordOf);
export const [TYPE, LOCK, LAGS] = ['ype ', 'ock ', 'ags '].map(wordOf);

/** What a record that failed may have left in the row. */
export function clear(builder: PageOwnerBuilder, row: number): void {
  builder.order[row] = builder.type[row] = builder.blockType[row] = builder.moved[row] = builder.marks[row] = 0;
  builder.gfp[row] = builder.comm[row] = builder.flagsLow[row] = builder.flagsHigh[row] = builder.flagNames[row] = 0;
  builder.time[row] = builder.freeTime[row] = builder.stack[row] = builder.memcg[row] = 0;
}

export function isStack(byte: number): boolean {
  return byte === SPACE || byte === TAB || byte === BRACKET;
}

/** Value of a hexadecimal digit; -1 for any other byte. */
export function digitOf(byte: number): number {
  if (byte >= ZERO && byte <= 57) return byte - ZERO;
  const letter = byte | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}
