import { describe, expect, it } from 'vitest';
import { parseDuration } from './duration.ts';

describe('a duration', () => {
  it.each([
    ['250ms', 250_000_000],
    ['1s', 1_000_000_000],
    [' 1.5s ', 1_500_000_000],
    ['.5s', 500_000_000],
    ['2m', 120_000_000_000],
    ['1h', 3_600_000_000_000],
    ['100us', 100_000],
    ['7ns', 7],
  ])('%s', (text, ns) => expect(parseDuration(text)).toBe(ns));

  it.each(['', '1', 's', '-1s', '0s', '1 s', '1e3s', '0.1ns', '1d', '1s2', 'NaNs', `${'9'.repeat(40)}h`])(
    'refuses %j',
    (text) => expect(() => parseDuration(text)).toThrow('RP3007'),
  );
});
