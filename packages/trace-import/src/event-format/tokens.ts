/** The C of a `print fmt` as tokens: numbers, strings, names, operators. */
export type Token =
  | { readonly kind: 'number'; readonly value: bigint }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'name'; readonly text: string }
  | { readonly kind: 'operator'; readonly text: string };

/** A 6.12 kernel's longest print fmt has some 6,000. */
const MAX_TOKENS = 100_000;

const NEXT =
  /\s+|(0[xX][\da-fA-F]{1,16}|\d{1,20})[uUlL]{0,3}(?!\w)|"((?:[^"\\]|\\.)*)"|'(\\?.)'|([A-Za-z_]\w*)|(->|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^~!<>?:(){}[\],.])/sy;

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '0': '\0' };

/** The tokens of a text; undefined when it holds anything else, or too much. */
export function tokensOf(text: string): Token[] | undefined {
  const tokens: Token[] = [];
  NEXT.lastIndex = 0;
  while (NEXT.lastIndex < text.length) {
    const match = NEXT.exec(text);
    if (match === null || tokens.length === MAX_TOKENS) return undefined;
    const [, number, string, character, name, operator] = match;
    if (number !== undefined) tokens.push({ kind: 'number', value: integer(number) });
    else if (string !== undefined) tokens.push({ kind: 'string', text: unescape(string) });
    else if (character !== undefined) tokens.push({ kind: 'number', value: BigInt(unescape(character).charCodeAt(0)) });
    else if (name !== undefined) tokens.push({ kind: 'name', text: name });
    else if (operator !== undefined) tokens.push({ kind: 'operator', text: operator });
  }
  return tokens;
}

/** A leading zero is octal, as in C. */
function integer(text: string): bigint {
  return /^0[0-7]+$/.test(text) ? BigInt(`0o${text.slice(1)}`) : BigInt(text);
}

function unescape(text: string): string {
  return text.replace(/\\(.)/gs, (_, c: string) => ESCAPES[c] ?? c);
}
