import { Core, createKernel, PageAllocator } from '@replug/core';
import { subsystemCases } from '@replug/core/testing';
import { describe, expect, it } from 'vitest';
import { fakeAllocator, fakeKernel } from './fake-allocator.spec-kit.ts';
import { MARKS_COLUMN } from './marks.ts';
import { dnuma } from './plugin.ts';

describe('a subsystem', () => {
  for (const { name, run } of subsystemCases) {
    it(name, () =>
      run(
        (machine, others = []) => createKernel({ machine, subsystems: [fakeAllocator(), dnuma(), ...others] }),
        'dnuma',
      ),
    );
  }
});

it('takes its column along when it goes', () => {
  const kernel = fakeKernel();
  const pages = kernel.get(Core.Pages);
  expect(pages.columnNames()).not.toContain(MARKS_COLUMN);
  kernel.get(PageAllocator).alloc(0, 0, 0, 0);
  kernel.execute('dnuma all 1');
  expect(pages.columnNames()).toContain(MARKS_COLUMN);
  kernel.dispose();
  expect(pages.columnNames()).not.toContain(MARKS_COLUMN);
});
