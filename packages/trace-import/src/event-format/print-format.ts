/**
 * A `print fmt` as a list of `name=value`: what stands before each conversion, how it converts, and the expression that it
 * prints.
 *
 *   "zone=%-8s order=%d, mode=%s", …      zone → %s, order → %d, mode → %s
 *   "range=(0x%lx ~ 0x%lx)", …            range → %lx, range (second) → %lx
 *   "pfn=0x%lx order=0", REC->pfn         pfn → %lx; order → the constant 0
 */
import { parseExpressions, type Expression } from './expression.ts';

export interface Printed {
  /** The word before `=`; '' for a value without one. */
  readonly key: string;
  /** Which of several values of that key. */
  readonly index: number;
  /** What an integer is cut to; negative: signed. 0 for texts and pointers. */
  readonly bits: number;
  readonly expression: Expression;
}

const CONVERSION = /%(?:%|[-+ #0]*(?:\d+|\*)?(?:\.(?:\d+|\*))?(hh|h|ll|l|z|t|L)?([a-zA-Z]))/g;
const KEY = /([A-Za-z_]\w*)=[^=]*$/;
const CONSTANT = /([A-Za-z_]\w*)=(-?\d{1,10}|0x[\da-f]{1,16})(?=[\s,)]|$)/gi;
const MAX_CONVERSIONS = 256;
const MAX_LENGTH = 4096;

/** What a print fmt prints; undefined when it is not understood as a whole. `longBits`: of the kernel's long. */
export function readPrintFormat(text: string, longBits: number): readonly Printed[] | undefined {
  const parts = parseExpressions(text);
  if (parts === undefined || parts.length === 0 || parts[0].op !== 'text') return undefined;
  const format = parts[0].text;
  if (format.length > MAX_LENGTH) return undefined;
  const printed: Printed[] = [];
  const seen = new Map<string, number>();
  let next = 1;
  let from = 0;
  let key = '';
  for (const match of format.matchAll(CONVERSION)) {
    const [all, length, letter] = match;
    if (letter === undefined) continue;
    if (all.includes('*') || printed.length === MAX_CONVERSIONS) return undefined;
    const before = format.slice(from, match.index);
    key = KEY.exec(before)?.[1] ?? (/^[^\w]*(?:0x)?$/.test(before) ? key : '');
    from = match.index + all.length;
    if (next >= parts.length) return undefined;
    const index = seen.get(key) ?? 0;
    seen.set(key, index + 1);
    printed.push({ key, index, bits: bitsOf(letter, length, longBits), expression: parts[next++] });
  }
  for (const [, name, number] of format.replace(CONVERSION, '%').matchAll(CONSTANT)) {
    if (!seen.has(name)) printed.push({ key: name, index: 0, bits: -64, expression: constant(number) });
  }
  return printed;
}

function constant(text: string): Expression {
  return { op: 'number', value: text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text) };
}

function bitsOf(letter: string, length: string | undefined, longBits: number): number {
  const width = length === undefined ? 32 : WIDTHS[length] === 0 ? longBits : WIDTHS[length];
  if (letter === 'd' || letter === 'i') return -width;
  return letter === 'u' || letter === 'x' || letter === 'X' || letter === 'o' ? width : 0;
}

/** 0: as wide as a long. */
const WIDTHS: Readonly<Record<string, number>> = { hh: 8, h: 16, l: 0, ll: 64, L: 64, z: 0, t: 0 };
