/**
 * C's operators on 64-bit integers, held as they are meant: unsigned fields are positive, signed ones may be negative.
 * undefined where C has no answer either.
 */

export function unaryOf(operator: string, a: bigint): bigint | undefined {
  if (operator === '-') return -a;
  if (operator === '+') return a;
  if (operator === '~') return ~a;
  return operator === '!' ? truth(a === 0n) : undefined;
}

export function binaryOf(operator: string, a: bigint, b: bigint): bigint | undefined {
  switch (operator) {
    case '|':
      return word(a | b);
    case '&':
      return a & b;
    case '^':
      return word(a ^ b);
    case '+':
      return word(a + b);
    case '-':
      return word(a - b);
    case '*':
      return word(a * b);
    case '/':
      return b === 0n ? undefined : a / b;
    case '%':
      return b === 0n ? undefined : a % b;
    case '<<':
      return b < 0n || b > 63n ? undefined : BigInt.asUintN(64, a << b);
    case '>>':
      return b < 0n || b > 63n ? undefined : a >> b;
    // -1UL is what the largest unsigned field holds.
    case '==':
      return truth(BigInt.asUintN(64, a) === BigInt.asUintN(64, b));
    case '!=':
      return truth(BigInt.asUintN(64, a) !== BigInt.asUintN(64, b));
    case '<':
      return truth(a < b);
    case '>':
      return truth(a > b);
    case '<=':
      return truth(a <= b);
    case '>=':
      return truth(a >= b);
    case '&&':
      return truth(a !== 0n && b !== 0n);
    case '||':
      return truth(a !== 0n || b !== 0n);
    default:
      return undefined;
  }
}

/** `bits` negative: signed. */
export function castOf(bits: number, a: bigint): bigint {
  return bits < 0 ? BigInt.asIntN(-bits, a) : BigInt.asUintN(bits, a);
}

const truth = (yes: boolean) => (yes ? 1n : 0n);

/** Within 64 bits, of either sign: nothing grows without end. */
function word(a: bigint): bigint {
  return a < 0n ? BigInt.asIntN(64, a) : BigInt.asUintN(64, a);
}
