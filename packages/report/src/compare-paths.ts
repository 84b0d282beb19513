/**
 * Paths into a JSON value, and patterns over them.
 *
 *   counts.freedWhileFree            a property in a property
 *   checkpoints.fragmented.events    an array's element by what identifies it, else by its index
 *   summary.[6.1.0-50-s390x].total   a segment that holds a dot, a blank or a bracket stands in brackets
 *
 * In a pattern `*` is any text within a segment and `**` any number of segments: `counts.*`, `**.kpageflags.agreeing`.
 */
import { badPattern } from './errors.ts';

export type Path = readonly string[];

export function pathText(path: Path): string {
  if (path.length === 0) return '(the whole)';
  return path.map((segment) => (/^[^\s.[\]]+$/.test(segment) ? segment : `[${segment}]`)).join('.');
}

export interface Pattern {
  readonly text: string;
  matches(path: Path): boolean;
}

/** Reads a pattern; throws RP6010 for an empty one or an unclosed bracket. */
export function parsePattern(text: string): Pattern {
  const segments = splitPattern(text);
  const tests = segments.map((segment) => (segment === '**' ? undefined : segmentTest(segment)));
  return { text, matches: (path) => matchFrom(tests, path) };
}

function splitPattern(text: string): string[] {
  const segments: string[] = [];
  let at = 0;
  while (at <= text.length) {
    if (text[at] === '[') {
      const close = text.indexOf(']', at);
      if (close === -1 || (close + 1 < text.length && text[close + 1] !== '.')) throw badPattern(text);
      segments.push(text.slice(at + 1, close));
      at = close + 2;
    } else {
      const dot = text.indexOf('.', at);
      const end = dot === -1 ? text.length : dot;
      segments.push(text.slice(at, end));
      at = end + 1;
    }
  }
  if (segments.length === 0 || segments.includes('')) throw badPattern(text);
  return segments;
}

type SegmentTest = (segment: string) => boolean;

/** `*` is any text: the parts between must follow one another, so no pattern can make a long segment expensive. */
function segmentTest(segment: string): SegmentTest {
  const parts = segment.split('*');
  if (parts.length === 1) return (text) => text === segment;
  const first = parts[0];
  const last = parts[parts.length - 1];
  const middle = parts.slice(1, -1);
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    let at = first.length;
    for (const part of middle) {
      const found = text.indexOf(part, at);
      if (found === -1 || found + part.length > text.length - last.length) return false;
      at = found + part.length;
    }
    return true;
  };
}

/** Which segments of the pattern may come next, path segment by path segment: `**` keeps its place and gives way. */
function matchFrom(tests: readonly (SegmentTest | undefined)[], path: Path): boolean {
  let places = skipAny(tests, [0]);
  for (const segment of path) {
    const next: number[] = [];
    for (const place of places) {
      const test = tests[place];
      if (place === tests.length) continue;
      if (test === undefined) next.push(place);
      else if (test(segment)) next.push(place + 1);
    }
    places = skipAny(tests, next);
    if (places.length === 0) return false;
  }
  return places.includes(tests.length);
}

/** Adds the places behind each `**`. */
function skipAny(tests: readonly (SegmentTest | undefined)[], places: readonly number[]): number[] {
  const all = new Set<number>();
  for (let place of places) {
    all.add(place);
    while (place < tests.length && tests[place] === undefined) all.add(++place);
  }
  return [...all];
}
