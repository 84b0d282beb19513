/**
 * HOT. Functions that hand scalar arguments on to several listeners. One is chosen, by number of arguments and of
 * listeners, whenever a tracepoint's listeners change; so a call neither counts nor spreads anything.
 */

export type Scalar = number | string;
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- one table for all signatures
type Call = (...args: any[]) => void;

/** Calls two listeners in order. */
export function fanTwo(arity: number, x: Call, y: Call): Call {
  // prettier-ignore
  switch (arity) {
    case 1: return (a: Scalar) => { x(a); y(a); };
    case 2: return (a: Scalar, b: Scalar) => { x(a, b); y(a, b); };
    case 3: return (a: Scalar, b: Scalar, c: Scalar) => { x(a, b, c); y(a, b, c); };
    case 4: return (a: Scalar, b: Scalar, c: Scalar, d: Scalar) => { x(a, b, c, d); y(a, b, c, d); };
    case 5: return (a: Scalar, b: Scalar, c: Scalar, d: Scalar, e: Scalar) => { x(a, b, c, d, e); y(a, b, c, d, e); };
    case 6: return (a: Scalar, b: Scalar, c: Scalar, d: Scalar, e: Scalar, f: Scalar) => { x(a, b, c, d, e, f); y(a, b, c, d, e, f); };
    case 7: return (a: Scalar, b: Scalar, c: Scalar, d: Scalar, e: Scalar, f: Scalar, g: Scalar) => { x(a, b, c, d, e, f, g); y(a, b, c, d, e, f, g); };
    case 8: return (a: Scalar, b: Scalar, c: Scalar, d: Scalar, e: Scalar, f: Scalar, g: Scalar, h: Scalar) => { x(a, b, c, d, e, f, g, h); y(a, b, c, d, e, f, g, h); };
    default: return (...args: Scalar[]) => { x(...args); y(...args); };
  }
}

/** Calls any number of listeners in order. `all` must not change afterwards. */
export function fanMany(arity: number, all: readonly Call[]): Call {
  const n = all.length;
  // prettier-ignore
  switch (arity) {
    case 1: return (a: Scalar) => { for (let i = 0; i < n; i++) all[i](a); };
    case 2: return (a: Scalar, b: Scalar) => { for (let i = 0; i < n; i++) all[i](a, b); };
    case 3: return (a: Scalar, b: Scalar, c: Scalar) => { for (let i = 0; i < n; i++) all[i](a, b, c); };
    case 4: return (a: Scalar, b: Scalar, c: Scalar, d: Scalar) => { for (let i = 0; i < n; i++) all[i](a, b, c, d); };
    case 5: return (a: Scalar, b: Scalar, c: Scalar, d: Scalar, e: Scalar) => { for (let i = 0; i < n; i++) all[i](a, b, c, d, e); };
    case 6: return (a: Scalar, b: Scalar, c: Scalar, d: Scalar, e: Scalar, f: Scalar) => { for (let i = 0; i < n; i++) all[i](a, b, c, d, e, f); };
    case 7: return (a: Scalar, b: Scalar, c: Scalar, d: Scalar, e: Scalar, f: Scalar, g: Scalar) => { for (let i = 0; i < n; i++) all[i](a, b, c, d, e, f, g); };
    case 8: return (a: Scalar, b: Scalar, c: Scalar, d: Scalar, e: Scalar, f: Scalar, g: Scalar, h: Scalar) => { for (let i = 0; i < n; i++) all[i](a, b, c, d, e, f, g, h); };
    default: return (...args: Scalar[]) => { for (let i = 0; i < n; i++) all[i](...args); };
  }
}
