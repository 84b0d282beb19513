import { describe, expect, it } from 'vitest';
import { ARCH_PROFILES, pagesPerSection } from './arch-profiles.ts';
import { memoryBlockSize } from './memory-block-size.ts';

const GiB = 2 ** 30;
const MiB = 2 ** 20;

describe('architecture profiles', () => {
  it.each(Object.values(ARCH_PROFILES))(
    '$id: a maximal block fits into a section, a pageblock into a maximal block',
    (arch) => {
      expect(arch.pageblockOrder).toBeLessThanOrEqual(arch.maxPageOrder);
      expect(arch.maxPageOrder + arch.pageShift).toBeLessThanOrEqual(arch.sectionSizeBits);
    },
  );

  it.each([
    ['x86-64', 32768],
    ['ppc64-64k-radix', 256],
    ['ppc64-4k', 4096],
    ['s390x', 65536],
  ] as const)('%s has %d pages in a section', (id, pages) => expect(pagesPerSection(ARCH_PROFILES[id])).toBe(pages));
});

describe('memory block size', () => {
  it.each([
    [32 * GiB, true, 128 * MiB],
    [64 * GiB, false, 2 * GiB],
    [65 * GiB, true, 1 * GiB],
    [64.5 * GiB, true, 512 * MiB],
    [64 * GiB + 128 * MiB, true, 128 * MiB],
    [98 * GiB, true, 2 * GiB],
  ])('x86-64 ending at %d, guest %s: %d', (memoryEnd, guest, size) => {
    expect(memoryBlockSize(ARCH_PROFILES['x86-64'], { memoryEnd, guest })).toBe(size);
  });

  it.each([
    [[128 * MiB, 64 * MiB], 1 * GiB],
    [[1 * GiB], 256 * MiB],
    [[4 * GiB], 1 * GiB],
    [[1.25 * GiB], 64 * MiB],
    [[512 * MiB, 512 * MiB], 1 * GiB],
  ])('pseries memory nodes %j: %d', (memoryNodes, size) => {
    expect(memoryBlockSize(ARCH_PROFILES['ppc64-64k-radix'], { memoryEnd: 0, guest: true, memoryNodes })).toBe(size);
  });

  it('takes ibm,lmb-size and the SCLP increment as given', () => {
    expect(memoryBlockSize(ARCH_PROFILES['ppc64-64k-radix'], { memoryEnd: 0, guest: true, lmbSize: 0x10000000 })).toBe(
      256 * MiB,
    );
    expect(memoryBlockSize(ARCH_PROFILES.s390x, { memoryEnd: 0, guest: true, increment: 512 * MiB })).toBe(512 * MiB);
    expect(memoryBlockSize(ARCH_PROFILES.s390x, { memoryEnd: 0, guest: true, increment: 128 * MiB })).toBe(256 * MiB);
  });
});
