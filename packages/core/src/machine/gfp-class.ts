/**
 * What a request says of the use of its pages: all that a trace tells of a page that no dump describes.
 *
 * Movable memory belongs to somebody whom migration can point elsewhere; __GFP_RECLAIMABLE is given by slab caches whose
 * objects shrinkers free; all else stays where it is. Models: include/linux/gfp_types.h "page mobility hints",
 * mm/slub.c calculate_sizes(), 6.1 and 6.12.
 */
import { GFP } from './gfp.ts';
import { PAGE_CLASS, type PageClass } from './page-state.ts';

/** PAGE_CLASS by the two mobility bits (RECLAIMABLE above MOVABLE); both at once is nothing that a kernel asks for. */
const BY_MOBILITY: readonly PageClass[] = [PAGE_CLASS.KERNEL, PAGE_CLASS.MOVABLE, PAGE_CLASS.SLAB, PAGE_CLASS.MOVABLE];

/** PAGE_CLASS of the pages that a request gets. */
export function gfpPageClass(flags: number): PageClass {
  return BY_MOBILITY[(flags & (GFP.MOVABLE | GFP.RECLAIMABLE)) >> 3];
}
