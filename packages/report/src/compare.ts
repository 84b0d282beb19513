/**
 * Two JSON reports side by side: every number by path with its difference, every text, what only one of them has.
 *
 * Elements of arrays are matched by what identifies them – a step, a node and zone, a recording's name and span, the start
 * of a range – where each element has that and no two have the same, else by index. So a checkpoint that one report lacks
 * is one finding and does not shift the rest.
 *
 * Names, paths and wall-clock times differ between runs that agree and are left out unless the caller says otherwise. The
 * JSON names are stable.
 */
import { parsePattern, pathText, type Path, type Pattern } from './compare-paths.ts';
import { isWithin, toleranceFor, type Tolerance } from './compare-tolerance.ts';
import { tooDeep } from './errors.ts';
import { table } from './text.ts';

/** Patterns of what is left out by default. */
export const IGNORED_BY_DEFAULT: readonly string[] = ['**.name', '**.path', '**.wall*', '**.elapsed*', '**.*PerSecond'];

export type DifferenceKind = 'number' | 'text' | 'type' | 'missing' | 'extra';

export interface Difference {
  readonly path: string;
  /** `missing`: only the first report has it; `extra`: only the second. `text`: strings and booleans. */
  readonly kind: DifferenceKind;
  /** The values; objects and arrays that only one report has are `null` here. */
  readonly a: number | string | boolean | null;
  readonly b: number | string | boolean | null;
  /** b − a; `null` unless both are numbers. */
  readonly absolute: number | null;
  /** (b − a) / |a|; `null` where a is 0 or not both are numbers. */
  readonly relative: number | null;
  /** The tolerance that fits the path, as written. */
  readonly tolerance: string | null;
}

export interface CompareReport {
  readonly a: string;
  readonly b: string;
  /** Values that both reports have. */
  readonly compared: number;
  readonly equal: number;
  /** Values, objects and arrays that a pattern left out. */
  readonly ignored: number;
  /** Differences that a tolerance allows. */
  readonly tolerated: readonly Difference[];
  /** All others, the largest relative difference first; what has none comes before. */
  readonly findings: readonly Difference[];
}

export interface CompareOptions {
  readonly tolerances?: readonly Tolerance[];
  /** Patterns besides IGNORED_BY_DEFAULT. */
  readonly ignore?: readonly string[];
  /** Names of the two in the report. */
  readonly names?: readonly [string, string];
}

/** Levels of nesting that are followed; a report has fewer than ten. */
const MAX_DEPTH = 500;

/** Errors: RP6010 (a pattern), RP6012 (nested too deeply). */
export function compareReports(a: unknown, b: unknown, options: CompareOptions = {}): CompareReport {
  const { tolerances = [], ignore = [], names = ['A', 'B'] } = options;
  const comparison = new Comparison(tolerances, [...IGNORED_BY_DEFAULT, ...ignore].map(parsePattern));
  comparison.walk(a, b, []);
  return {
    a: names[0],
    b: names[1],
    compared: comparison.compared,
    equal: comparison.equal,
    ignored: comparison.ignored,
    tolerated: comparison.tolerated.sort(bySize),
    findings: comparison.findings.sort(bySize),
  };
}

class Comparison {
  compared = 0;
  equal = 0;
  ignored = 0;
  readonly tolerated: Difference[] = [];
  readonly findings: Difference[] = [];
  private readonly tolerances: readonly Tolerance[];
  private readonly ignore: readonly Pattern[];

  constructor(tolerances: readonly Tolerance[], ignore: readonly Pattern[]) {
    this.tolerances = tolerances;
    this.ignore = ignore;
  }

  walk(a: unknown, b: unknown, path: Path): void {
    if (path.length > MAX_DEPTH) throw tooDeep(pathText(path.slice(0, 5)));
    if (path.length > 0 && this.ignore.some((pattern) => pattern.matches(path))) {
      this.ignored++;
      return;
    }
    if (a === undefined || b === undefined) this.oneSided(a, b, path);
    else if (Array.isArray(a) && Array.isArray(b)) this.children(...elements(a, b), path);
    else if (isObject(a) && isObject(b)) this.children(new Map(Object.entries(a)), new Map(Object.entries(b)), path);
    else this.value(a, b, path);
  }

  private children(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>, path: Path): void {
    for (const [key, value] of a) this.walk(value, b.get(key), [...path, key]);
    for (const [key, value] of b) if (!a.has(key)) this.walk(undefined, value, [...path, key]);
  }

  private oneSided(a: unknown, b: unknown, path: Path): void {
    const kind = b === undefined ? 'missing' : 'extra';
    this.findings.push(difference(path, kind, scalar(a), scalar(b), null));
  }

  private value(a: unknown, b: unknown, path: Path): void {
    this.compared++;
    if (Object.is(a, b) || a === b) {
      this.equal++;
      return;
    }
    const kind = kindOf(a, b);
    const tolerance = kind === 'number' ? toleranceFor(this.tolerances, path) : undefined;
    const found = difference(path, kind, scalar(a), scalar(b), tolerance?.text ?? null);
    const allowed = tolerance !== undefined && isWithin(tolerance, a as number, b as number);
    (allowed ? this.tolerated : this.findings).push(found);
  }
}

function kindOf(a: unknown, b: unknown): DifferenceKind {
  if (typeof a !== typeof b || typeof a === 'object') return 'type';
  return typeof a === 'number' ? 'number' : 'text';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function scalar(value: unknown): number | string | boolean | null {
  return typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean' ? value : null;
}

function difference(
  path: Path,
  kind: DifferenceKind,
  a: Difference['a'],
  b: Difference['b'],
  tolerance: string | null,
): Difference {
  const both = kind === 'number' && typeof a === 'number' && typeof b === 'number';
  const absolute = both ? b - a : null;
  const relative = both && a !== 0 ? (b - a) / Math.abs(a) : null;
  return { path: pathText(path), kind, a, b, absolute, relative, tolerance };
}

/** Properties that together identify an element of an array, the most telling first. */
const IDENTITIES: readonly (readonly string[])[] = [
  ['name', 'from', 'to'],
  ['recording', 'step'],
  ['step'],
  ['node', 'zone'],
  ['node', 'name'],
  ['arch', 'kernel'],
  ['zone', 'quantity'],
  ['path'],
  ['name'],
  ['start'],
];

function elements(a: readonly unknown[], b: readonly unknown[]): [Map<string, unknown>, Map<string, unknown>] {
  for (const names of IDENTITIES) {
    const left = byIdentity(a, names);
    const right = left && byIdentity(b, names);
    if (left !== undefined && right !== undefined) return [left, right];
  }
  const byIndex = (values: readonly unknown[]): Map<string, unknown> => new Map(values.map((v, i) => [String(i), v]));
  return [byIndex(a), byIndex(b)];
}

function byIdentity(values: readonly unknown[], names: readonly string[]): Map<string, unknown> | undefined {
  const found = new Map<string, unknown>();
  for (const value of values) {
    if (!isObject(value)) return undefined;
    const parts = names.map((name) => (Object.hasOwn(value, name) ? scalar(value[name]) : null));
    if (parts.includes(null)) return undefined;
    found.set(parts.join(' '), value);
  }
  return found.size === values.length ? found : undefined;
}

/** What has no relative size – texts, missing parts, a 0 that became something – first, then by size; ties by path. */
function bySize(x: Difference, y: Difference): number {
  const size = (d: Difference): number => (d.relative === null ? Infinity : Math.abs(d.relative));
  const [a, b] = [size(x), size(y)];
  if (a !== b) return a > b ? -1 : 1;
  return x.path < y.path ? -1 : x.path > y.path ? 1 : 0;
}

/** Findings printed; all are in the JSON. */
const LISTED = 100;

export function renderCompare(report: CompareReport): string {
  const { a, b, compared, equal, ignored, tolerated, findings } = report;
  const head =
    `${compared} values in both, ${equal} equal, ${tolerated.length} within tolerance, ${findings.length} findings` +
    `${ignored > 0 ? `; ${ignored} left out` : ''}\n`;
  const parts = [`A ${a}\nB ${b}\n${head}`];
  if (findings.length > 0) parts.push(differences(findings));
  if (tolerated.length > 0) parts.push(`within tolerance\n${differences(tolerated)}`);
  return parts.join('\n');
}

function differences(list: readonly Difference[]): string {
  const rows = list
    .slice(0, LISTED)
    .map((d) => [d.path, text(d, d.a, 'extra'), text(d, d.b, 'missing'), change(d), share(d), d.tolerance ?? '']);
  const more = list.length > LISTED ? `and ${list.length - LISTED} more (see --json)\n` : '';
  return table(['path', 'A', 'B', 'difference', 'relative', 'tolerance'], rows) + more;
}

function text({ kind }: Difference, value: Difference['a'], absentIn: DifferenceKind): string {
  if (kind === absentIn) return '(none)';
  return value === null ? '(value)' : String(value).slice(0, 60);
}

function change({ kind, absolute }: Difference): string {
  if (absolute === null) return kind;
  return `${absolute > 0 ? '+' : ''}${Number(absolute.toPrecision(6))}`;
}

function share({ relative }: Difference): string {
  return relative === null ? '' : `${relative > 0 ? '+' : ''}${(relative * 100).toPrecision(3)} %`;
}
