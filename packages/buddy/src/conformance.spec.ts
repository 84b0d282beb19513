import { createKernel } from '@replug/core';
import {
  allocatorPreviewCases,
  compactionCases,
  contiguousRangesCases,
  pageAllocatorCases,
  pageMigratorCases,
  zoneFreeListsCases,
} from '@replug/core/testing';
import { describe, it } from 'vitest';
import { buddy } from './plugin.ts';

describe.each(['6.1', '6.12'] as const)('profile %s', (profile) => {
  describe('PageAllocator', () => {
    for (const { name, run } of pageAllocatorCases) {
      it(name, () => run((machine) => createKernel({ machine: { ...machine, profile }, subsystems: [buddy()] })));
    }
  });
  describe('Compaction', () => {
    for (const { name, run } of compactionCases) {
      it(name, () => run((machine) => createKernel({ machine: { ...machine, profile }, subsystems: [buddy()] })));
    }
  });
  describe('PageMigrator', () => {
    for (const { name, run } of pageMigratorCases) {
      it(name, () => run((machine) => createKernel({ machine: { ...machine, profile }, subsystems: [buddy()] })));
    }
  });
  describe('ContiguousRanges', () => {
    for (const { name, run } of contiguousRangesCases) {
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
