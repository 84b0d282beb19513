import { describe, expect, it } from 'vitest';
import { formatGfp, GFP, GFP_MASKS, gfpMigratetype, parseGfp } from './gfp.ts';

describe('gfp flags', () => {
  // Texts as captured traces print them.
  it.each([
    'none',
    'GFP_NOFS|__GFP_NOFAIL|__GFP_COMP|__GFP_HARDWALL|__GFP_MOVABLE',
    'GFP_NOFS|__GFP_COMP',
    'GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO',
    'GFP_KERNEL_ACCOUNT',
    '__GFP_HIGH|__GFP_ATOMIC|__GFP_ZERO',
  ])('%s survives parsing and printing', (text) => {
    const { flags, unknown } = parseGfp(text);
    expect(unknown).toEqual([]);
    expect(parseGfp(formatGfp(flags)).flags).toBe(flags);
  });

  it('keeps what it does not know by name', () => {
    expect(parseGfp('GFP_KERNEL|__GFP_FROBNICATE')).toEqual({
      flags: GFP_MASKS.GFP_KERNEL,
      unknown: ['__GFP_FROBNICATE'],
    });
    expect(formatGfp(GFP_MASKS.GFP_KERNEL | (1 << 25))).toBe('GFP_KERNEL|0x2000000');
  });

  it('decides the migratetype', () => {
    expect(gfpMigratetype(GFP_MASKS.GFP_KERNEL)).toBe(0);
    expect(gfpMigratetype(GFP_MASKS.GFP_HIGHUSER_MOVABLE)).toBe(1);
    expect(gfpMigratetype(GFP_MASKS.GFP_KERNEL | GFP.RECLAIMABLE)).toBe(2);
  });
});
