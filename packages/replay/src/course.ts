/**
 * A run over a span of events, interrupted where something is to be looked at: at checkpoints, at sampling times, and often
 * enough to tell how far it is.
 */
import type { EventColumns } from '@replug/workload';
import type { Prepared } from './prepare.ts';
import { sampleTimes, SeriesSampler, type Series } from './sampling.ts';
import type { Span, Stop } from './span.ts';

export interface CourseOptions {
  /** Called about every 65,536 events. */
  readonly onProgress?: (done: number, total: number) => void;
  /** ns between samples of the free memory; without: none are taken. */
  readonly sampleEvery?: number;
}

const CHUNK = 65536;

/** Runs a span; `at` is called at each stop with the events applied before it. Returns the series that was asked for. */
export function runCourse(
  span: Span,
  prepared: Prepared,
  run: (from: number, to: number) => void,
  at: (stop: Stop, done: number) => void,
  options: CourseOptions,
  /** Fallbacks are counted from these events; a function is given the sampler, to tell it of them itself. */
  fallbacks: EventColumns | ((sampler: SeriesSampler) => void),
): Series | undefined {
  const { events, from, to } = span;
  const { sampleEvery, onProgress } = options;
  const samples = sampleEvery === undefined ? [] : sampleTimes(events, from, to, sampleEvery);
  const sampler =
    sampleEvery === undefined
      ? undefined
      : new SeriesSampler(prepared.machine, prepared.lists, {
          every: sampleEvery,
          events: typeof fallbacks === 'function' ? undefined : fallbacks,
          from,
        });
  if (sampler !== undefined && typeof fallbacks === 'function') fallbacks(sampler);
  let done = from;
  let nextSample = 0;
  for (const stop of span.stops) {
    advance(stop.index);
    at(stop, stop.index - from);
  }
  advance(to);
  return sampler?.finish();

  function advance(index: number): void {
    for (;;) {
      while (nextSample < samples.length && samples[nextSample].index <= done) {
        const { time, index: before } = samples[nextSample++];
        sampler!.sample(time, before);
      }
      if (done >= index) return;
      const next = Math.min(index, done + CHUNK, samples[nextSample]?.index ?? Infinity);
      run(done, next);
      done = next;
      onProgress?.(done - from, to - from);
    }
  }
}
