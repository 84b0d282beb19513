import { KIND } from '@replug/core';
import { describe, expect, it } from 'vitest';
import { EventColumnsBuilder } from './builder.ts';
import { alignClocks, monotonicToTraceNs } from './clock.ts';
import type { Step, StepTime, TraceFile } from './recording.ts';
import { parseTime, resolveTime } from './time.ts';

const s = 1e9;

/** Events at these trace seconds; a text makes it a trace_marker. */
function trace(...rows: (number | [number, string])[]): TraceFile {
  const builder = new EventColumnsBuilder();
  for (const row of rows) {
    if (typeof row === 'number') builder.pushPage(KIND.mm_page_free, row * s, 0, 0, 0, 1, 0);
    else builder.pushArgs(KIND.tracing_mark_write, row[0] * s, 0, 0, 0, [builder.words.intern(row[1])]);
  }
  return { path: 'trace', events: builder.finish(), counts: {}, lost: 0, clock: 'global', fromBoot: false };
}

function step(number: number, name: string, when?: Partial<StepTime>): Step {
  const time = when && { begin: 0, end: 0, tracing: 'unchanged' as const, reads: {}, ...when };
  return { number, name, path: name, when: time, hasPageFlags: false, pageFlags: () => undefined };
}

const before = step(1, 'before', { begin: 1, end: 2, tracing: 'started-after-reading' });
const middle = step(2, 'fragmented', { begin: 5, end: 5.1 });
const after = step(3, 'after', { begin: 9, end: 9.5, tracing: 'stopped-before-reading' });

describe('parseTime', () => {
  it.each([
    ['start', { kind: 'start' }],
    ['end', { kind: 'end' }],
    ['2', { kind: 'step', ref: 2 }],
    ['02', { kind: 'step', ref: 2 }],
    ['fragmented', { kind: 'step', ref: 'fragmented' }],
    ['02-fragmented', { kind: 'step', ref: '02-fragmented' }],
    ['07-end', { kind: 'step', ref: '07-end' }],
    ['12.5s', { kind: 'seconds', seconds: 12.5 }],
    ['.5s', { kind: 'seconds', seconds: 0.5 }],
    ['12s', { kind: 'seconds', seconds: 12 }],
  ])('%s', (text, time) => expect(parseTime(text)).toEqual(time));

  it.each(['', ' ', '-3s', '1 2', 'a/b', '12.5 s'])('%j is none', (text) =>
    expect(() => parseTime(text)).toThrow(/RP3001/),
  );
});

describe('alignClocks', () => {
  it('by the order of reads and events', () => {
    // The first event at 12.4 comes after the reads end at 2: at most 10.4. The last at 19.2 is before 9: at least 10.2.
    const alignment = alignClocks({ steps: [before, after], trace: trace(12.4, 15, 19.2) })!;
    expect(alignment).toMatchObject({ offsetNs: 10.3 * s, source: 'read-order' });
    expect(alignment.uncertaintyNs).toBeCloseTo(0.1 * s, -1);
    expect(monotonicToTraceNs(alignment, 5)).toBe(15.3 * s);
  });

  it('by writes to tracing_on', () => {
    const on = step(1, 'a', {
      begin: 1,
      end: 2,
      tracing: 'started-after-reading',
      tracingOn: { begin: 2.1, end: 2.2 },
    });
    const off = step(2, 'b', {
      begin: 9,
      end: 9.5,
      tracing: 'stopped-before-reading',
      tracingOff: { begin: 8.8, end: 8.9 },
    });
    const alignment = alignClocks({ steps: [on, off], trace: trace(12.4, 19.2) })!;
    expect(alignment).toMatchObject({ offsetNs: 10.3 * s, source: 'tracing-on-write' });
    expect(alignment.uncertaintyNs).toBeCloseTo(0, -1);
  });

  it('by markers around a step', () => {
    const marked = step(2, 'm', { begin: 5, end: 5.1, reads: { buddyinfo: { begin: 5, end: 5.1 } } });
    const events = trace(12.4, [15.29, 'snapx mid begin'], [15.41, 'snapx mid end'], 19);
    const alignment = alignClocks({ steps: [marked], trace: events })!;
    expect(alignment).toMatchObject({ offsetNs: 10.3 * s, source: 'trace-marker' });
    expect(alignment.uncertaintyNs).toBeCloseTo(0.01 * s, -1);
  });

  it('tells when the bounds cross', () => {
    const alignment = alignClocks({ steps: [before, after], trace: trace(12.4, 19.6) })!;
    expect(alignment.offsetNs).toBeCloseTo(10.5 * s, -1);
    expect(alignment.uncertaintyNs).toBeCloseTo(0.1 * s, -1);
    expect(alignment.note).toMatch(/cross/);
  });

  it('is undefined without a bound on both sides', () => {
    expect(alignClocks({ steps: [before, middle], trace: trace(12.4) })).toBeUndefined();
    expect(alignClocks({ steps: [before, after] })).toBeUndefined();
    expect(alignClocks({ steps: [before, after], trace: trace() })).toBeUndefined();
  });
});

describe('resolveTime', () => {
  const recording = { steps: [before, middle, after], trace: trace(12.4, 15, 15.3, 15.4, 19.2) };

  it('start and end are the ends of the trace', () => {
    expect(resolveTime(recording, 'start')).toMatchObject({ ns: 12.4 * s, eventIndex: 0, step: before });
    expect(resolveTime(recording, 'end')).toMatchObject({ ns: 19.2 * s, eventIndex: 5, step: after });
  });

  it('a step at an end of the trace needs no clocks', () => {
    expect(resolveTime(recording, '1')).toMatchObject({ eventIndex: 0, step: before });
    expect(resolveTime(recording, 'after')).toMatchObject({ eventIndex: 5, step: after });
  });

  it('a step between them is placed by the clocks', () => {
    const { ns, eventIndex, note } = resolveTime(recording, '02-fragmented');
    expect(ns).toBe(15.3 * s);
    expect(eventIndex).toBe(2);
    expect(note).toMatch(/± ?100\.000 ms \(read-order\)/);
  });

  it('seconds are on the trace clock', () => {
    expect(resolveTime(recording, '15.35s')).toMatchObject({ ns: 15.35 * s, eventIndex: 3 });
  });

  it('without a trace a step has its monotonic time', () => {
    expect(resolveTime({ steps: [before] }, 'before')).toMatchObject({ ns: 1 * s, eventIndex: 0 });
    expect(resolveTime({ steps: [before] }, 'start').step).toBe(before);
    expect(resolveTime({ steps: [step(1, 'now')] }, 'now').ns).toBeNaN();
  });

  it.each([
    ['4', 'RP3002'],
    ['nowhere', 'RP3002'],
    ['twice', 'RP3003'],
  ])('%s: %s', (text, code) => {
    const steps = [before, step(2, 'twice'), step(3, 'twice')];
    expect(() => resolveTime({ steps }, text)).toThrow(code);
  });

  it('refuses seconds without a trace and steps that nothing places', () => {
    expect(() => resolveTime({ steps: [] }, '3s')).toThrow(/RP3004/);
    expect(() => resolveTime({ steps: [middle], trace: trace(1, 2) }, '2')).toThrow(/RP3005/);
    expect(() => resolveTime({ steps: [step(1, 'x')], trace: trace(1, 2) }, 'x')).toThrow(/RP3005/);
  });
});
