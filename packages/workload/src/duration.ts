/**
 * Lengths of time as people write them: `250ms`, `1s`, `1.5s`, `2m`, `1h`, `100us`, `5000ns`. A bare number has no unit and
 * is refused: it could be seconds or events.
 */
import { badDuration } from './errors.ts';

const NS = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 } as const;

/** Reads a length of time in ns, at least 1. Throws RP3007. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d*)?|\.\d+)(ns|us|ms|s|m|h)$/.exec(text.trim());
  if (match === null) throw badDuration(text);
  const ns = Math.round(Number(match[1]) * NS[match[2] as keyof typeof NS]);
  if (!(ns >= 1 && ns <= Number.MAX_SAFE_INTEGER)) throw badDuration(text);
  return ns;
}
