import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ByteRuns } from './byte-runs.ts';

it('ends where the bytes change, at most at the end that is given', () => {
  const bytes = Uint8Array.from([7, 7, 7, 7, 7, 7, 7, 7, 7, 200, 200, 0, 0, 0, 0, 0]);
  const runs = new ByteRuns(bytes);
  expect([
    runs.end(0, 16),
    runs.end(3, 16),
    runs.end(0, 6),
    runs.end(9, 16),
    runs.end(11, 16),
    runs.end(15, 16),
  ]).toEqual([9, 9, 6, 11, 16, 16]);
});

it('agrees with a look at each byte', () => {
  const byte = fc.constantFrom(0, 1, 0xff);
  fc.assert(
    fc.property(fc.array(fc.tuple(byte, fc.integer({ min: 1, max: 20 }))), fc.nat(200), fc.nat(200), (parts, a, b) => {
      const bytes = Uint8Array.from([0, ...parts.flatMap(([value, count]) => Array<number>(count).fill(value))]);
      const from = a % bytes.length;
      const end = Math.min(bytes.length, from + 1 + b);
      let naive = from + 1;
      while (naive < end && bytes[naive] === bytes[from]) naive++;
      expect(new ByteRuns(bytes).end(from, end)).toBe(naive);
    }),
    { seed: 20121129 },
  );
});

it('fills what differs, and nothing else', () => {
  const bytes = new Uint8Array(12);
  const runs = new ByteRuns(bytes);
  runs.fill(9, 2, 11);
  runs.fill(9, 2, 11);
  runs.fill(0, 10, 12);
  runs.fill(5, 4, 4);
  expect([...bytes]).toEqual([0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 0, 0]);
});
