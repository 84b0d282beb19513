import { describe, expect, it } from 'vitest';
import { Hasher } from '../base/hasher.ts';
import { ARCH_PROFILES } from './arch-profiles.ts';
import { PageMap } from './page-map.ts';

const arch = ARCH_PROFILES['x86-64'];
const SECTION = 32768;

describe('PageMap', () => {
  it('packs sections: rows are dense, physical addresses may be anywhere', () => {
    const pages = new PageMap(arch, 3 * SECTION);
    const far = 2 ** 34 / SECTION;
    expect(pages.addSection(7)).toBe(0);
    expect(pages.addSection(far)).toBe(SECTION);
    expect(pages.pfnToRow(far * SECTION + 5)).toBe(SECTION + 5);
    expect(pages.rowToPfn(SECTION + 5)).toBe(2 ** 34 + 5);
    expect(pages.pfnToRow(0)).toBe(-1);
  });

  it("clears every column, a subsystem's too, before rows are used again", () => {
    const pages = new PageMap(arch, 2 * SECTION);
    const mine = pages.extra('mine', Uint32Array);
    pages.addSection(1);
    pages.setZone(SECTION, SECTION + 100, 3);
    mine[42] = 7;
    pages.pageClass[42] = 9;
    pages.removeSection(1);
    expect(pages.addSection(2)).toBe(0);
    expect([mine[42], pages.pageClass[42], pages.zoneOf(42)]).toEqual([0, 0, -1]);
  });

  it('gives zones by section or by page', () => {
    const pages = new PageMap(arch, 2 * SECTION);
    pages.addSection(0);
    pages.addSection(1);
    pages.setZone(0, 2 * SECTION, 4);
    pages.setZone(4096, 8192, 1);
    expect([0, 4095, 4096, 8191, 8192, SECTION].map((row) => pages.zoneOf(row))).toEqual([4, 4, 1, 1, 4, 4]);
    pages.setZone(0, SECTION, 2);
    expect([4096, SECTION].map((row) => pages.zoneOf(row))).toEqual([2, 4]);
  });

  it('hashes in pfn order: the same pages in other slots hash alike', () => {
    const hash = (order: number[]) => {
      const pages = new PageMap(arch, 2 * SECTION);
      for (const nr of order) pages.addSection(nr);
      pages.pageClass[pages.pfnToRow(3 * SECTION + 1)] = 5;
      const hasher = new Hasher();
      pages.hash(hasher);
      return hasher.digest();
    };
    expect(hash([3, 9])).toBe(hash([9, 3]));
  });

  it('refuses more rows than it has, unknown and double sections', () => {
    const pages = new PageMap(arch, SECTION);
    pages.addSection(0);
    expect(() => pages.addSection(0)).toThrow('RP1002');
    expect(() => pages.addSection(1)).toThrow('RP1001');
    expect(() => pages.removeSection(5)).toThrow('RP1003');
    expect(() => new PageMap(arch, 2 ** 32)).toThrow('RP1001');
  });

  it("costs at most 20 bytes a touched page with core's own columns", () => {
    expect(new PageMap(arch, SECTION).bytesPerTouchedPage()).toBe(4);
  });
});
