import { describe, expect, it } from 'vitest';
import { gfpPageClass } from './gfp-class.ts';
import { parseGfp } from './gfp.ts';
import { PAGE_CLASS } from './page-state.ts';

describe('gfpPageClass', () => {
  // Requests as the captures print them.
  it.each([
    ['GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO', PAGE_CLASS.MOVABLE],
    ['GFP_USER|__GFP_RETRY_MAYFAIL|__GFP_COMP|__GFP_MOVABLE', PAGE_CLASS.MOVABLE],
    ['GFP_TRANSHUGE_LIGHT|__GFP_NORETRY', PAGE_CLASS.MOVABLE],
    ['GFP_KERNEL|__GFP_NOWARN|__GFP_NORETRY', PAGE_CLASS.KERNEL],
    ['GFP_NOFS|__GFP_RECLAIMABLE|__GFP_COMP', PAGE_CLASS.SLAB],
    ['GFP_ATOMIC', PAGE_CLASS.KERNEL],
    ['none', PAGE_CLASS.KERNEL],
  ])('%s', (text, use) => {
    expect(gfpPageClass(parseGfp(text).flags)).toBe(use);
  });
});
