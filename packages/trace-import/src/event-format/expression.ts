/**
 * The expressions after a `print fmt`'s format string, which say how fields become what is printed:
 *
 *   REC->pfn != -1UL ? REC->pfn : 0
 *   __print_symbolic(REC->idx, {0, "DMA"}, {1, "Normal"})
 *   (REC->gfp_flags) ? __print_flags(REC->gfp_flags, "|", {( unsigned long)(( gfp_t)0x400u), "__GFP_DIRECT_RECLAIM"}) : "none"
 *
 * Operator precedence is C's. Casts to integers of known width cut the value, all others are left out. What is not
 * understood is undefined as a whole: no guess is made.
 */
import { binaryOf, castOf, unaryOf } from './arithmetic.ts';
import { tokensOf, type Token } from './tokens.ts';

export type Expression =
  | { readonly op: 'number'; readonly value: bigint }
  | { readonly op: 'text'; readonly text: string }
  | { readonly op: 'field'; readonly name: string }
  /** A name of the kernel's: an enum that the file does not resolve, a variable. */
  | { readonly op: 'name'; readonly name: string }
  | { readonly op: 'unary'; readonly operator: string; readonly a: Expression }
  | { readonly op: 'binary'; readonly operator: string; readonly a: Expression; readonly b: Expression }
  | { readonly op: 'choice'; readonly a: Expression; readonly b: Expression; readonly c: Expression }
  /** `bits` negative: signed. */
  | { readonly op: 'cast'; readonly bits: number; readonly a: Expression }
  | { readonly op: 'call'; readonly name: string; readonly parts: readonly Expression[] }
  | { readonly op: 'list'; readonly parts: readonly Expression[] };

/** Parentheses inside one another; the gfp table of 6.12 has 12. */
const MAX_DEPTH = 64;
/** Operators that are left when what is constant has been worked out; real ones have 10. */
const MAX_OPERATORS = 1000;

const PRECEDENCE: Readonly<Record<string, number>> = {
  '||': 1,
  '&&': 2,
  '|': 3,
  '^': 4,
  '&': 5,
  '==': 6,
  '!=': 6,
  '<': 7,
  '>': 7,
  '<=': 7,
  '>=': 7,
  '<<': 8,
  '>>': 8,
  '+': 9,
  '-': 9,
  '*': 10,
  '/': 10,
  '%': 10,
};
const UNARY: ReadonlySet<string> = new Set(['-', '+', '~', '!', '*', '&']);

const TYPE_WORD =
  /^(?:unsigned|signed|int|long|short|char|void|bool|_Bool|const|volatile|struct|union|enum|__force|__bitwise|__user|[us](?:8|16|32|64)|__[us](?:8|16|32|64)|\w+_t)$/;
const CAST_BITS: Readonly<Record<string, number>> = {
  'unsigned int': 32,
  unsigned: 32,
  u32: 32,
  __u32: 32,
  gfp_t: 32,
  uint32_t: 32,
  int: -32,
  s32: -32,
  __s32: -32,
  'unsigned short': 16,
  u16: 16,
  __u16: 16,
  short: -16,
  s16: -16,
  'unsigned char': 8,
  u8: 8,
  __u8: 8,
  char: -8,
  s8: -8,
  'unsigned long': 64,
  'unsigned long long': 64,
  u64: 64,
  __u64: 64,
  size_t: 64,
  long: -64,
  'long long': -64,
  s64: -64,
  __s64: -64,
};

/** All of what is separated by commas; undefined for a text that is not understood as a whole. */
export function parseExpressions(text: string): readonly Expression[] | undefined {
  const tokens = tokensOf(text);
  if (tokens === undefined) return undefined;
  const parser = new Parser(tokens);
  try {
    return parser.all();
  } catch (error) {
    if (error instanceof NotUnderstood) return undefined;
    throw error;
  }
}

class NotUnderstood extends Error {}

class Parser {
  private readonly tokens: readonly Token[];
  private at = 0;
  private depth = 0;
  private operators = 0;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  all(): Expression[] {
    const found: Expression[] = [];
    while (this.at < this.tokens.length) {
      found.push(this.choice());
      if (this.at < this.tokens.length) this.expect(',');
    }
    return found;
  }

  private choice(): Expression {
    if (++this.depth > MAX_DEPTH) throw new NotUnderstood();
    const a = this.binary(1);
    let whole = a;
    if (this.accept('?')) {
      const b = this.choice();
      this.expect(':');
      const c = this.choice();
      if (a.op !== 'number') whole = { op: 'choice', a, b, c };
      else whole = a.value === 0n ? c : b;
    }
    this.depth--;
    return whole;
  }

  private binary(least: number): Expression {
    let a = this.unary();
    for (;;) {
      const operator = this.operator();
      const precedence = operator === undefined ? undefined : PRECEDENCE[operator];
      if (operator === undefined || precedence === undefined || precedence < least) return a;
      this.at++;
      a = this.joined(operator, a, this.binary(precedence + 1));
    }
  }

  private joined(operator: string, a: Expression, b: Expression): Expression {
    if (a.op === 'number' && b.op === 'number') {
      const value = binaryOf(operator, a.value, b.value);
      if (value === undefined) throw new NotUnderstood();
      return { op: 'number', value };
    }
    if (++this.operators > MAX_OPERATORS) throw new NotUnderstood();
    return { op: 'binary', operator, a, b };
  }

  private unary(): Expression {
    const operator = this.operator();
    if (operator === undefined || !UNARY.has(operator)) return this.operand();
    this.at++;
    if (++this.depth > MAX_DEPTH) throw new NotUnderstood();
    const a = this.unary();
    this.depth--;
    const value = a.op === 'number' ? unaryOf(operator, a.value) : undefined;
    return value === undefined ? { op: 'unary', operator, a } : { op: 'number', value };
  }

  private operand(): Expression {
    const token = this.tokens[this.at++] as Token | undefined;
    if (token === undefined) throw new NotUnderstood();
    if (token.kind === 'number') return { op: 'number', value: token.value };
    if (token.kind === 'string') return { op: 'text', text: token.text + this.strings() };
    if (token.kind === 'name') return this.name(token.text);
    if (token.text === '{') return { op: 'list', parts: this.until('}') };
    if (token.text !== '(') throw new NotUnderstood();
    const bits = this.castBits();
    if (bits !== undefined) {
      if (++this.depth > MAX_DEPTH) throw new NotUnderstood();
      const a = this.unary();
      this.depth--;
      if (bits === 0) return a;
      return a.op === 'number' ? { op: 'number', value: castOf(bits, a.value) } : { op: 'cast', bits, a };
    }
    const inside = this.choice();
    this.expect(')');
    return inside;
  }

  private name(name: string): Expression {
    if (name === 'REC' && this.accept('->')) {
      const field = this.tokens[this.at++] as Token | undefined;
      if (field?.kind !== 'name') throw new NotUnderstood();
      return { op: 'field', name: field.text };
    }
    if (name === 'sizeof') throw new NotUnderstood();
    return this.accept('(') ? { op: 'call', name, parts: this.until(')') } : { op: 'name', name };
  }

  /** Bits of the cast that begins behind a parenthesis, 0 when it changes nothing; undefined when there is none. */
  private castBits(): number | undefined {
    const words: string[] = [];
    let at = this.at;
    for (let token = this.tokens[at]; token !== undefined; token = this.tokens[++at]) {
      if (token.kind === 'name' && (TYPE_WORD.test(token.text) || /^(?:struct|union|enum)$/.test(words.at(-1) ?? '')))
        words.push(token.text);
      else if (token.kind === 'operator' && token.text === '*' && words.length > 0) words.push('*');
      else break;
    }
    const end = this.tokens[at] as Token | undefined;
    if (words.length === 0 || end?.kind !== 'operator' || end.text !== ')') return undefined;
    this.at = at + 1;
    return CAST_BITS[words.filter((word) => !/^(?:const|volatile|__force)$/.test(word)).join(' ')] ?? 0;
  }

  private until(close: string): Expression[] {
    const parts: Expression[] = [];
    while (!this.accept(close)) {
      if (parts.length > 0) this.expect(',');
      // A comma may stand after the last one.
      if (this.accept(close)) break;
      parts.push(this.choice());
    }
    return parts;
  }

  /** Strings one after the other are one. */
  private strings(): string {
    let text = '';
    for (let token = this.tokens[this.at]; token?.kind === 'string'; token = this.tokens[++this.at]) text += token.text;
    return text;
  }

  private operator(): string | undefined {
    const token = this.tokens[this.at] as Token | undefined;
    return token?.kind === 'operator' ? token.text : undefined;
  }

  private accept(text: string): boolean {
    if (this.operator() !== text) return false;
    this.at++;
    return true;
  }

  private expect(text: string): void {
    if (!this.accept(text)) throw new NotUnderstood();
  }
}
