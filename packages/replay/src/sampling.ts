/**
 * Free memory as series: what a machine looks like at regular instants of a replay.
 *
 *   const stops = sampleTimes(events, from, to, parseDuration('1s'));
 *   const sampler = new SeriesSampler(machine, lists, { every: 1e9, events, from });
 *   for (const { time, index } of stops) {
 *     replay.run(at, index);
 *     sampler.sample(time, index);
 *     at = index;
 *   }
 *   const series = sampler.finish();
 *
 * A sample reads counters and costs zones × orders, whatever the machine's size: no page is looked at. Samples are columns;
 * their number is bounded, further ones are counted in `dropped`.
 */
import {
  contigPageInfo,
  fragmentationIndex,
  KIND,
  unusableFreeIndex,
  type Machine,
  type Zone,
  type ZoneFreeLists,
} from '@replug/core';
import { eventArg, firstEventAtOrAfter, type EventColumns } from '@replug/workload';
import { tooManySamples } from './errors.ts';

/** Samples of one run that are kept unless the caller says otherwise. */
export const MAX_SAMPLES = 10_000;

/** One zone; each array has an entry a sample, those by order are [order][sample]. */
export interface ZoneSeries {
  readonly node: number;
  readonly zone: string;
  /** Free blocks. */
  readonly free: readonly (readonly number[])[];
  readonly freePages: readonly number[];
  /** Pages on per-CPU lists. */
  readonly cpuPages: readonly number[];
  /** mm_page_alloc_extfrag events since the sample before. */
  readonly fallbacks: readonly number[];
  /** unusable_free_index × 1000: 0 all free memory serves the order, 1000 none. */
  readonly unusable: readonly (readonly number[])[];
  /** Fragmentation index × 1000: -1000 the order can be served; towards 0 too little memory, towards 1000 fragmented. */
  readonly fragmentation: readonly (readonly number[])[];
}

export interface Series {
  /** ns between samples. */
  readonly every: number;
  /** ns on the trace clock. */
  readonly time: readonly number[];
  /** Events of the recording before each sample. */
  readonly event: readonly number[];
  /** Samples that were asked for beyond the limit. */
  readonly dropped: number;
  /** The order that huge pages ask for. */
  readonly pageblockOrder: number;
  readonly zones: readonly ZoneSeries[];
}

export interface SampleStop {
  /** ns on the trace clock. */
  readonly time: number;
  /** Events [.., index) come before it. */
  readonly index: number;
}

/**
 * Where to stop in events [from, to): at the time of the first, every `every` ns after it, and at the end. Errors: RP5006
 * when that is more than `max` stops.
 */
export function sampleTimes(
  events: EventColumns,
  from: number,
  to: number,
  every: number,
  max = MAX_SAMPLES,
): SampleStop[] {
  if (from >= to) return [];
  const begin = events.time[from];
  const end = events.time[to - 1];
  const count = Math.floor((end - begin) / every) + 1;
  if (!(count < max)) throw tooManySamples(every, (end - begin) / max);
  const stops: SampleStop[] = [];
  for (let k = 0; k < count; k++) {
    const time = begin + k * every;
    const index = Math.min(to, Math.max(from, firstEventAtOrAfter(events, time)));
    stops.push({ time, index });
  }
  stops.push({ time: end, index: to });
  return stops;
}

export interface SamplerOptions {
  /** ns between samples, told in the result. */
  readonly every: number;
  readonly maxSamples?: number;
  /** Recorded events whose fallbacks are counted, from row `from` on. Without: only what `fallback()` is told. */
  readonly events?: EventColumns;
  readonly from?: number;
}

interface ZoneColumns {
  readonly zone: Zone;
  readonly free: number[][];
  readonly freePages: number[];
  readonly cpuPages: number[];
  readonly fallbacks: number[];
  readonly unusable: number[][];
  readonly fragmentation: number[][];
}

export class SeriesSampler {
  private readonly machine: Machine;
  private readonly lists: ZoneFreeLists;
  private readonly every: number;
  private readonly maxSamples: number;
  private readonly events: EventColumns | undefined;
  private counted: number;
  private readonly time: number[] = [];
  private readonly event: number[] = [];
  private readonly zones: readonly ZoneColumns[];
  /** Fallbacks since the last sample, by zone index. */
  private readonly fallbacks: Float64Array;
  private dropped = 0;

  constructor(machine: Machine, lists: ZoneFreeLists, options: SamplerOptions) {
    const { every, maxSamples = MAX_SAMPLES, events, from = 0 } = options;
    this.machine = machine;
    this.lists = lists;
    this.every = every;
    this.maxSamples = maxSamples;
    this.events = events;
    this.counted = from;
    this.fallbacks = new Float64Array(machine.zones.all.length);
    const byOrder = (): number[][] => Array.from({ length: machine.description.arch.maxPageOrder + 1 }, () => []);
    this.zones = machine.zones.all
      .filter((zone) => zone.spannedPages > 0)
      .map((zone) => ({
        zone,
        free: byOrder(),
        freePages: [],
        cpuPages: [],
        fallbacks: [],
        unusable: byOrder(),
        fragmentation: byOrder(),
      }));
  }

  /** Counts a fallback at a pfn that the recorded events do not tell: a listener of mm_page_alloc_extfrag. */
  fallback(pfn: number): void {
    const { pages } = this.machine;
    const row = pages.pfnToRow(pfn);
    const zone = row < 0 ? -1 : pages.zoneOf(row);
    if (zone >= 0) this.fallbacks[zone]++;
  }

  /** Records the state of now. `time` in ns on the trace clock, `eventIndex` the events applied before. */
  sample(time: number, eventIndex: number): void {
    this.countRecorded(eventIndex);
    if (this.time.length >= this.maxSamples) {
      this.dropped++;
      return;
    }
    this.time.push(time);
    this.event.push(eventIndex);
    const { cpus, arch } = this.machine.description;
    const counts = new Array<number>(arch.maxPageOrder + 1);
    for (const columns of this.zones) {
      const { index } = columns.zone;
      for (let order = 0; order < counts.length; order++) {
        counts[order] = this.lists.freeBlocks(index, order);
        columns.free[order].push(counts[order]);
      }
      for (let order = 0; order < counts.length; order++) {
        const info = contigPageInfo(counts, order);
        if (order === 0) columns.freePages.push(info.freePages);
        columns.unusable[order].push(unusableFreeIndex(order, info));
        columns.fragmentation[order].push(fragmentationIndex(order, info));
      }
      let cpuPages = 0;
      for (let cpu = 0; cpu < cpus; cpu++) cpuPages += this.lists.cpuCount(index, cpu);
      columns.cpuPages.push(cpuPages);
      columns.fallbacks.push(this.fallbacks[index]);
      this.fallbacks[index] = 0;
    }
  }

  finish(): Series {
    return {
      every: this.every,
      time: this.time,
      event: this.event,
      dropped: this.dropped,
      pageblockOrder: this.machine.description.arch.pageblockOrder,
      zones: this.zones.map(({ zone, ...columns }) => ({ node: zone.nid, zone: zone.name, ...columns })),
    };
  }

  private countRecorded(until: number): void {
    const { events } = this;
    if (events === undefined) return;
    const { kind } = events;
    for (; this.counted < until; this.counted++) {
      if (kind[this.counted] === KIND.mm_page_alloc_extfrag) this.fallback(eventArg(events, this.counted, 0));
    }
  }
}
