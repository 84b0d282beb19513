/** At least 10,000 random layouts, allocations, frees and commits against a model of every page, with validate() after each. */
import { ARCH_PROFILES } from '@replug/core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { modelMachine, ops, PPC, runModel } from './dnuma-model.spec-kit.ts';

it.each([
  { arch: PPC, profile: '6.1', pages: 2048, length: 100, runs: 100, atLeast: 5000 },
  { arch: PPC, profile: '6.12', pages: 2048, length: 100, runs: 100, atLeast: 5000 },
  { arch: ARCH_PROFILES['x86-64'], profile: '6.12', pages: 8192, length: 60, runs: 40, atLeast: 1000 },
] as const)(
  'keep every page where a model of it says ($arch.id, $profile, $pages pages)',
  ({ arch, profile, pages, length, runs, atLeast }) => {
    let steps = 0;
    fc.assert(
      fc.property(ops(pages, length), (list) => {
        steps += list.length;
        expect(runModel(modelMachine(arch, profile, pages), list)).toBeUndefined();
      }),
      { numRuns: runs, endOnFailure: true },
    );
    expect(steps).toBeGreaterThan(atLeast);
  },
  120_000,
);
