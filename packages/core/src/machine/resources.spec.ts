import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { insertMemory, nodeOfPfn, pagesInside, removeMemory } from './memory-ranges.ts';
import { bootResources, Resources } from './resources.ts';

describe('/proc/iomem', () => {
  it('refuses what conflicts, puts what fits inside, merges what touches', () => {
    const resources = bootResources(
      [
        { start: 1, end: 0x9f },
        { start: 0x100, end: 0x200 },
      ],
      4096,
    );
    expect(resources.request(0x50000, 0x60fff, 'System RAM')).toBeUndefined();
    expect(resources.request(0x1ff000, 0x2fffff, 'System RAM')).toBeUndefined();
    expect(resources.request(0x100000000, 0x1ffffffff, 'virtio0', false)).toBeDefined();
    expect(resources.request(0x100000000, 0x107ffffff, 'System RAM (virtio_mem)')).toBeDefined();
    expect(resources.request(0x108000000, 0x10fffffff, 'System RAM (virtio_mem)')).toBeDefined();
    expect(resources.count).toBe(5);
    resources.merge(0x108000000);
    expect(resources.render()).toBe(
      '00001000-0009efff : System RAM\n' +
        '00100000-001fffff : System RAM\n' +
        '100000000-1ffffffff : virtio0\n' +
        '  100000000-10fffffff : System RAM (virtio_mem)\n',
    );
    expect(resources.find(0x104000000)?.name).toBe('System RAM (virtio_mem)');
    expect(resources.release(0x104000000, 0x107ffffff)).toBe(true);
    expect(resources.render()).toContain('  100000000-103ffffff : System RAM (virtio_mem)\n  108000000-10fffffff');
    expect(resources.release(0x104000000, 0x107ffffff)).toBe(false);
    expect(resources.request(5, 4, 'nothing')).toBeUndefined();
  });

  it('is what a map of bytes says', () => {
    const step = fc.record({
      add: fc.boolean(),
      start: fc.nat(40),
      size: fc.integer({ min: 1, max: 12 }),
      merge: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const resources = new Resources();
        const owner = new Array<number>(60).fill(0);
        for (const { add, start, size, merge } of steps) {
          const covered = owner.slice(start, start + size);
          if (add) {
            const free = covered.every((o) => o === 0);
            expect(resources.request(start, start + size - 1, 'x') !== undefined).toBe(free);
            if (!free) continue;
            owner.fill(1, start, start + size);
            if (merge) resources.merge(start);
          } else if (resources.release(start, start + size - 1)) {
            expect(covered.every((o) => o === 1)).toBe(true);
            owner.fill(0, start, start + size);
          }
          for (let at = 0; at < 60; at++) expect(resources.find(at) !== undefined).toBe(owner[at] === 1);
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('the list of memory', () => {
  it('is what a map of pages says', () => {
    const step = fc.record({
      add: fc.boolean(),
      start: fc.nat(40),
      size: fc.integer({ min: 1, max: 12 }),
      nid: fc.nat(2),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const memory: { nid: number; start: number; end: number }[] = [];
        const nodes = new Array<number>(60).fill(-1);
        for (const { add, start, size, nid } of steps) {
          if (add) {
            const free = nodes.slice(start, start + size).every((n) => n < 0);
            expect(insertMemory(memory, { nid, start, end: start + size })).toBe(free);
            if (free) nodes.fill(nid, start, start + size);
          } else {
            removeMemory(memory, start, start + size);
            nodes.fill(-1, start, start + size);
          }
          for (let pfn = 0; pfn < 60; pfn++) expect(nodeOfPfn(memory, pfn)).toBe(nodes[pfn]);
          expect(pagesInside(memory, start, start + size)).toBe(
            nodes.slice(start, start + size).filter((n) => n >= 0).length,
          );
          // Touching ranges of one node are one.
          const joined = memory.every((m, i) => i === 0 || memory[i - 1].end < m.start || memory[i - 1].nid !== m.nid);
          expect(joined).toBe(true);
        }
      }),
      { numRuns: 100 },
    );
  });
});
