import { expect, it } from 'vitest';
import { isUsage } from './errors.ts';
import { jobsOf, traceOf } from './open.ts';

it.each([
  ['1', 1],
  ['2', 2],
  ['64', 64],
])('--jobs %s', (text, jobs) => {
  expect(jobsOf(text)).toBe(jobs);
});

it.each(['0', '-1', '1.5', '65', 'two', ''])('--jobs "%s" makes no sense', (text) => {
  expect(() => jobsOf(text)).toThrow(expect.objectContaining({ code: 'RP7007' }));
  try {
    jobsOf(text);
  } catch (error) {
    expect(isUsage(error as Parameters<typeof isUsage>[0])).toBe(true);
  }
});

it('--trace text, dat, raw, or none', () => {
  expect(['text', 'dat', 'raw', undefined].map(traceOf)).toEqual(['text', 'dat', 'raw', undefined]);
  expect(() => traceOf('trace.dat')).toThrow(expect.objectContaining({ code: 'RP7018' }));
});
