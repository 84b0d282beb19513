import { seededRandom } from '@replug/core';
import { describe, expect, it } from 'vitest';
import { InitJob } from './init-job.ts';
import {
  exhaust,
  piecesOfFault,
  piecesOfTheLetter,
  randomScene,
  Scene,
  wander,
  type Fault,
} from './interleave.spec-kit.ts';
import { PieceLayout } from './piece-layout.ts';

const scene = (layout: PieceLayout, faults: readonly Fault[], pieces = piecesOfFault) =>
  exhaust(new Scene(new InitJob(layout), faults, pieces));

describe('every order of steps', () => {
  it.each([
    [
      'two threads, two pieces each, two faults',
      PieceLayout.partitioned(10, 18, 2, 2),
      [
        { pfn: 11, pages: 4 },
        { pfn: 17, pages: 1 },
      ],
      4,
    ],
    [
      'three threads, a remainder, a fault on everything',
      PieceLayout.partitioned(7, 18, 3, 2),
      [{ pfn: 0, pages: 99 }],
      11,
    ],
    [
      'a shared cursor, two faults',
      PieceLayout.cursor(3, 19, 2, 2, 2),
      [
        { pfn: 4, pages: 5 },
        { pfn: 6, pages: 9 },
      ],
      9,
    ],
    [
      'one page',
      PieceLayout.partitioned(5, 6, 8, 128),
      [
        { pfn: 5, pages: 1 },
        { pfn: 5, pages: 1 },
      ],
      1,
    ],
  ] as const)('%s', (_, layout, faults, pieces) => {
    expect(layout.pieces).toBe(pieces);
    const { states, problems } = scene(layout, faults);
    expect([...problems]).toEqual([]);
    expect(states).toBeGreaterThan(5);
  });

  it("finds what the letter's formula misses: a range that begins inside a piece and is as long as k of them", () => {
    const layout = PieceLayout.partitioned(0, 16, 2, 2);
    const fault = { pfn: 2, pages: 4 };
    const job = new InitJob(layout);
    // Pages 2..5 lie in two pieces of four; ceil(4 / 4) visits one.
    expect([piecesOfFault(job, fault), piecesOfTheLetter(job, fault)]).toEqual([[0, 1], [0]]);
    expect([...scene(layout, [fault]).problems]).toEqual([]);
    expect([...scene(layout, [fault], piecesOfTheLetter).problems]).toContain(
      'fault on page 4, which is not initialised',
    );
    // Where it begins at a piece both are right.
    expect([...scene(layout, [{ pfn: 4, pages: 4 }], piecesOfTheLetter).problems]).toEqual([]);
  });
});

it('3,000 orders by chance: every page once, no fault too early', () => {
  const random = seededRandom(1);
  for (let run = 0; run < 3000; run++) expect(wander(randomScene(random, 300), random)).toEqual([]);
});
