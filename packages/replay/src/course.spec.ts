import { Core, KIND } from '@replug/core';
import { EventColumnsBuilder, type EventColumns, type Step } from '@replug/workload';
import { describe, expect, it } from 'vitest';
import { runCourse, type CourseOptions } from './course.ts';
import type { Prepared } from './prepare.ts';
import type { SeriesSampler } from './sampling.ts';
import type { Span } from './span.ts';
import { BASE, rig, trace } from './streams.spec-kit.ts';

/** Runs events [2, end) with stops at 4 and at the end, and logs what happens in which order. */
function course(
  events: EventColumns,
  options: CourseOptions,
  stops = [4, events.length],
  fallbacks: EventColumns | ((sampler: SeriesSampler) => void) = events,
) {
  const { kernel, lists } = rig();
  const log: string[] = [];
  const span: Span = {
    events,
    from: 2,
    to: events.length,
    machineStep: {} as Step,
    fromBoot: false,
    begin: undefined,
    baseline: undefined,
    hint: undefined,
    stops: stops.map((index) => ({ index, next: events.length, step: { name: `at ${index}` } as Step, note: '' })),
    notes: [],
  };
  const series = runCourse(
    span,
    { machine: kernel.get(Core.Machine), lists } as unknown as Prepared,
    (from, to) => {
      log.push(`run ${from}-${to}`);
      // One more free page an event, so that a sample shows when it was taken.
      for (let i = from; i < to; i++) lists.placeFree(2 * i, 0, 1);
    },
    ({ step }, done) => log.push(`${step.name} ${done}`),
    { ...options, onProgress: (done, total) => log.push(`${done}/${total}`) },
    fallbacks,
  );
  return { log, series };
}

const nine = trace(...Array.from({ length: 9 }, (_, i) => `got ${i}`));

describe('a course over a span', () => {
  it('stops behind the events before each stop, and goes on to the end', () => {
    expect(course(nine, {}).log).toEqual(['run 2-4', '2/7', 'at 4 2', 'run 4-9', '7/7', 'at 9 7']);
    expect(course(nine, {}, [4]).log).toEqual(['run 2-4', '2/7', 'at 4 2', 'run 4-9', '7/7']);
    expect(course(nine, {}, [4, 4]).log).toEqual(['run 2-4', '2/7', 'at 4 2', 'at 4 2', 'run 4-9', '7/7']);
    expect(course(nine, {}).series).toBeUndefined();
  });

  it('samples at regular times, before a stop at the same place', () => {
    // Events 2… are at 3 ms…9 ms; samples at 3, 5.5, 8 and, behind the last event, 9 ms.
    const { log, series } = course(nine, { sampleEvery: 2.5e6 });
    expect(log.filter((said) => !said.includes('/'))).toEqual([
      'run 2-4',
      'at 4 2',
      'run 4-5',
      'run 5-7',
      'run 7-9',
      'at 9 7',
    ]);
    expect(series!.time).toEqual([3e6, 5.5e6, 8e6, 9e6]);
    expect(series!.event).toEqual([2, 5, 7, 9]);
    expect(series!.zones[0].freePages).toEqual([0, 3, 5, 7]);
  });

  it('counts fallbacks from the events, or is told of them', () => {
    const extfrag = ['mm_page_alloc_extfrag', BASE, 0, 9, 9, 0, 1, 0, 1] as const;
    const events = trace('got 0', 'got 1', extfrag, 'got 2', extfrag, extfrag, 'got 3');
    expect(course(events, { sampleEvery: 2.5e6 }, []).series!.zones[0].fallbacks).toEqual([0, 2, 1]);
    // Where the model falls back by itself, the recorded fallbacks are not meant.
    const told = course(events, { sampleEvery: 2.5e6 }, [], (sampler) => sampler.fallback(BASE));
    expect(told.series!.zones[0].fallbacks).toEqual([1, 0, 0]);
  });

  it('tells how far it is often enough', () => {
    const builder = new EventColumnsBuilder();
    const task = builder.internTask('task', 1);
    for (let i = 0; i < 70_002; i++) builder.pushPage(KIND.mm_page_free, i, 0, 0, task, BASE, 0);
    const { kernel, lists } = rig();
    const said: number[] = [];
    const events = builder.finish();
    runCourse(
      { events, from: 2, to: 70_002, stops: [] } as unknown as Span,
      { machine: kernel.get(Core.Machine), lists } as unknown as Prepared,
      () => undefined,
      () => undefined,
      { onProgress: (done) => said.push(done) },
      events,
    );
    expect(said).toEqual([65_536, 70_000]);
  });
});
