import { createKernel } from '@replug/core';
import { allocatorPreviewCases, pageAllocatorCases, zoneFreeListsCases } from '@replug/core/testing';
import { describe, it } from 'vitest';
import { buddy } from './plugin.ts';

describe.each(['6.1', '6.12'] as const)('profile %s', (profile) => {
  describe('PageAllocator', () => {
    for (const { name, run } of pageAllocatorCases) {
      it(name, () => run((machine) => createKernel({ machine: { ...machine, profile }, subsystems: [buddy()] })));
    }
  });
  describe('ZoneFreeLists', () => {
    for (const { name, run } of zoneFreeListsCases) {
      it(name, () =>
        run((machine) => createKernel({ machine: { ...machine, profile }, subsystems: [buddy({ start: 'nothing' })] })),
      );
    }
  });
  describe('AllocatorPreview', () => {
    for (const { name, run } of allocatorPreviewCases) {
      it(name, () =>
        run((machine) => createKernel({ machine: { ...machine, profile }, subsystems: [buddy({ start: 'nothing' })] })),
      );
    }
  });
});
