import { createKernel } from '@replug/core';
import { zoneFreeListsCases } from '@replug/core/testing';
import { describe, it } from 'vitest';
import { naive } from './naive-lists.spec-kit.ts';

describe('the lists that these tests are driven against keep the contract', () => {
  for (const { name, run } of zoneFreeListsCases)
    it(name, () => run((machine) => createKernel({ machine, subsystems: [naive()] })));
});
