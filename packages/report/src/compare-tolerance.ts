/**
 * How far two numbers may differ, by path: `counts.*=5` absolute, `checkpoints.*.kpageflags.agreeing=0.1%` relative to the
 * first report's number. The last tolerance that fits a path counts.
 */
import { parsePattern, type Path, type Pattern } from './compare-paths.ts';
import { badTolerance } from './errors.ts';

export interface Tolerance {
  /** As written. */
  readonly text: string;
  readonly pattern: Pattern;
  readonly value: number;
  /** `value` is a share of the first number, 0.01 is 1 %. */
  readonly relative: boolean;
}

/** Reads `PATTERN=VALUE` or `PATTERN=VALUE%`; throws RP6010, RP6011. */
export function parseTolerance(text: string): Tolerance {
  const match = /^(.+)=(\d+(?:\.\d*)?|\.\d+)(%?)$/.exec(text.trim());
  if (match === null) throw badTolerance(text);
  const [, pattern, number, percent] = match;
  const value = Number(number) / (percent === '%' ? 100 : 1);
  if (!Number.isFinite(value)) throw badTolerance(text);
  return { text, pattern: parsePattern(pattern), value, relative: percent === '%' };
}

export function toleranceFor(tolerances: readonly Tolerance[], path: Path): Tolerance | undefined {
  for (let i = tolerances.length - 1; i >= 0; i--) if (tolerances[i].pattern.matches(path)) return tolerances[i];
  return undefined;
}

/** True when `b` is as near to `a` as the tolerance asks. */
export function isWithin({ value, relative }: Tolerance, a: number, b: number): boolean {
  return Math.abs(b - a) <= (relative ? Math.abs(a) * value : value);
}
