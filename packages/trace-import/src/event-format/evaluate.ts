/**
 * An expression of a print fmt, worked out for one record. Called for rare fields and for each new value of a frequent one,
 * never for each event.
 *
 * Models: kernel/trace/trace_output.c trace_print_flags_seq(), trace_print_symbols_seq().
 */
import { binaryOf, castOf, unaryOf } from './arithmetic.ts';
import type { Expression } from './expression.ts';

export type Value = bigint | string;

/** What the expressions draw from. */
export interface Surroundings {
  /** The value of a field; undefined when the record has none or it is no integer. */
  field(name: string): bigint | undefined;
  /** The text that `__get_str(name)` gives, or a field that is an array of characters. */
  text(name: string): string | undefined;
  /** A variable or enum of the kernel. */
  name(name: string): bigint | undefined;
}

/** The value; undefined when a part of it cannot be told. */
export function evaluate(expression: Expression, around: Surroundings): Value | undefined {
  switch (expression.op) {
    case 'number':
      return expression.value;
    case 'text':
      return expression.text;
    case 'field':
      return around.field(expression.name) ?? around.text(expression.name);
    case 'name':
      return around.name(expression.name);
    case 'cast': {
      const a = integer(expression.a, around);
      return a === undefined ? undefined : castOf(expression.bits, a);
    }
    case 'unary': {
      const a = integer(expression.a, around);
      return a === undefined ? undefined : unaryOf(expression.operator, a);
    }
    case 'binary': {
      const a = integer(expression.a, around);
      const b = integer(expression.b, around);
      return a === undefined || b === undefined ? undefined : binaryOf(expression.operator, a, b);
    }
    case 'choice': {
      const a = integer(expression.a, around);
      return a === undefined ? undefined : evaluate(a === 0n ? expression.c : expression.b, around);
    }
    case 'call':
      return call(expression.name, expression.parts, around);
    case 'list':
      return undefined;
  }
}

function integer(expression: Expression, around: Surroundings): bigint | undefined {
  const value = evaluate(expression, around);
  return typeof value === 'bigint' ? value : undefined;
}

function call(name: string, parts: readonly Expression[], around: Surroundings): Value | undefined {
  switch (name) {
    case '__print_symbolic': {
      const value = integer(parts[0], around);
      return value === undefined ? undefined : symbolOf(value, pairs(parts.slice(1), around));
    }
    case '__print_flags': {
      const value = integer(parts[0], around);
      const between = evaluate(parts[1], around);
      if (value === undefined || typeof between !== 'string') return undefined;
      return flagsOf(value, between, pairs(parts.slice(2), around));
    }
    case '__get_str':
    case '__get_rel_str': {
      const [field] = parts as (Expression | undefined)[];
      return field?.op === 'name' ? around.text(field.name) : undefined;
    }
    default:
      return undefined;
  }
}

type Pair = readonly [bigint, string];

/** `{value, "name"}` up to the first whose value cannot be told: what follows it might be hidden by it. */
function pairs(lists: readonly Expression[], around: Surroundings): Pair[] {
  const found: Pair[] = [];
  for (const list of lists) {
    if (list.op !== 'list' || list.parts.length !== 2) break;
    const value = integer(list.parts[0], around);
    const text = evaluate(list.parts[1], around);
    if (value === undefined || typeof text !== 'string') break;
    found.push([BigInt.asUintN(64, value), text]);
  }
  return found;
}

function symbolOf(value: bigint, names: readonly Pair[]): string {
  const word = BigInt.asUintN(64, value);
  return names.find(([number]) => number === word)?.[1] ?? hex(word);
}

/** Greedy: the first mask that fits takes its bits away; bits without a name are left over as a number. */
function flagsOf(value: bigint, between: string, names: readonly Pair[]): string {
  let left = BigInt.asUintN(64, value);
  const texts: string[] = [];
  for (const [mask, name] of names) {
    if (left === 0n) break;
    if ((left & mask) !== mask) continue;
    texts.push(name);
    left &= ~mask;
  }
  if (left !== 0n) texts.push(hex(left));
  return texts.join(between);
}

const hex = (value: bigint) => `0x${value.toString(16)}`;
