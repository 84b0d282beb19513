/**
 * Many ranges laid over a layout, a later one over an earlier one: what a firmware's event does. Borders are sorted once and
 * painted from the last range back, each stretch once, so that a million records cost a sort.
 */
import { MemLayout, PieceBuilder, type LayoutRange } from './layout.ts';

export function painted(base: MemLayout, ranges: readonly LayoutRange[]): MemLayout {
  const borders = Float64Array.from(
    new Set([...base.borders, ...ranges.flatMap(({ start, end }) => [start, end])]),
  ).sort();
  const nids = Int16Array.from(borders, (border) => base.nidOf(border));
  /** Next stretch at or after an index that is not painted yet. */
  const next = Int32Array.from({ length: borders.length + 1 }, (_, i) => i);
  const free = (from: number): number => {
    let at = from;
    while (next[at] !== at) at = next[at] = next[next[at]];
    return at;
  };
  const indexed = new MemLayout(borders, nids);
  for (let i = ranges.length - 1; i >= 0; i--) {
    const { start, end, nid } = ranges[i];
    const stop = indexed.find(end);
    for (let at = free(indexed.find(start)); at < stop; at = free(at)) {
      nids[at] = nid;
      next[at] = at + 1;
    }
  }
  const build = new PieceBuilder(borders.length);
  borders.forEach((border, i) => build.push(border, nids[i]));
  return build.done();
}
