/**
 * What a tracepoint costs its call site, by number of listeners: nothing to speak of when nobody listens. Arguments come
 * from a seeded generator, so that runs are comparable.
 */
import { seededRandom } from '../src/base/random.ts';
import { createTracepoints } from '../src/events/tracepoints.ts';

const EVENTS = 1 << 22;
const ROUNDS = 9;
const random = seededRandom(1);
const pfns = Float64Array.from({ length: 4096 }, () => random.below(2 ** 30));
const { mm_page_free } = createTracepoints();
// A column: a plain variable of doubles would be boxed anew by every addition.
const sums = new Float64Array(2);

function loop(events: number): void {
  const column = pfns;
  const tracepoint = mm_page_free;
  for (let i = 0; i < events; i++) {
    const pfn = column[i & 4095];
    sums[0] += pfn;
    if (tracepoint.enabled) tracepoint.emit(pfn, i & 7);
  }
}

function median(run: () => void): number {
  const ns = Array.from({ length: ROUNDS }, () => {
    const since = performance.now();
    run();
    return ((performance.now() - since) * 1e6) / EVENTS;
  });
  return ns.sort((a, b) => a - b)[ROUNDS >> 1];
}

let listeners = 0;
for (const wanted of [0, 1, 2, 4]) {
  for (; listeners < wanted; listeners++) mm_page_free.on((pfn, order) => void (sums[1] += pfn + order));
  const ns = median(() => loop(EVENTS));
  console.log(`tracepoint, ${wanted} listeners: ${ns.toFixed(2)} ns an event`);
  console.log(JSON.stringify({ bench: 'tracepoint', listeners: wanted, ns }));
}
