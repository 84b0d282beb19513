import { seededRandom } from '@replug/core';
import { expect, it } from 'vitest';
import { InitJob } from './init-job.ts';
import { exhaust, piecesOfFault, piecesOfTheLetter, randomScene, Scene, wander } from './interleave.spec-kit.ts';
import { PieceLayout } from './piece-layout.ts';

it('120,000 orders by chance of large jobs: every page once, no fault too early', () => {
  const random = seededRandom(20180716);
  let steps = 0;
  for (let run = 0; run < 120_000; run++) {
    const scene = randomScene(random, 3000);
    const problems = wander(scene, random);
    if (problems.length > 0) expect(problems, `run ${run}`).toEqual([]);
    steps += scene.job.layout.pieces;
  }
  expect(steps).toBeGreaterThan(1_000_000);
});

it('every order of steps of all small jobs with one fault of any place and length', () => {
  let states = 0;
  let missed = 0;
  for (let pages = 1; pages <= 7; pages++)
    for (let threads = 1; threads <= 2; threads++)
      for (let ranges = 1; ranges <= 3; ranges++)
        for (let pfn = 0; pfn < pages; pfn++)
          for (let length = 1; pfn + length <= pages; length++) {
            const layout = PieceLayout.partitioned(0, pages, threads, ranges);
            const fault = [{ pfn, pages: length }];
            const found = exhaust(new Scene(new InitJob(layout), fault, piecesOfFault));
            expect([...found.problems], `${pages} ${threads} ${ranges} ${pfn} ${length}`).toEqual([]);
            states += found.states;
            missed += exhaust(new Scene(new InitJob(layout), fault, piecesOfTheLetter)).problems.size > 0 ? 1 : 0;
          }
  expect(states).toBeGreaterThan(10_000);
  expect(missed).toBeGreaterThan(0);
});
