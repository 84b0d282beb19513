/**
 * The state byte of a page: who holds the block that begins here. Zero means untouched: the page is the tail of a block,
 * inside a free block of the maximal order (those live in the allocator's side table), or was never handed to it.
 *
 *   bits 4–7 holder, bits 0–3 order of the block that begins at this row
 *
 * Models: PageBuddy and page->private, the per-CPU lists and refcount 0/1, include/linux/page-flags.h.
 */
export const PAGE_STATE = {
  UNTOUCHED: 0x00,
  /** Head of a block on a zone's free list. */
  FREE: 0x10,
  /** Head of a block on a per-CPU list. */
  PCP: 0x20,
  /** Head of an allocated block. */
  ALLOCATED: 0x30,
  /** Head of a block that compaction or isolation took out of the free lists and holds: neither free nor handed out. */
  HELD: 0x40,
} as const;

export const STATE_HOLDER_MASK = 0xf0;
export const STATE_ORDER_MASK = 0x0f;

/**
 * What an allocated page is used for: what migration, blockers and relocation ask. 0 = nothing is known of it.
 * Whether a page is free is the state byte's word, not the class's.
 */
export const PAGE_CLASS = {
  UNKNOWN: 0,
  FREE: 1,
  PCP: 2,
  LRU_ANON: 3,
  LRU_FILE: 4,
  HUGETLB: 5,
  THP: 6,
  SLAB: 7,
  PAGE_TABLE: 8,
  KERNEL: 9,
  RESERVED: 10,
  OFFLINE: 11,
  HWPOISON: 12,
  DEVICE: 13,
  PINNED: 14,
  MOVABLE_OPS: 15,
  /** Inside a section, but there is no memory here. */
  HOLE: 16,
  /** Allocated from movable memory, use not known closer (an mm_page_alloc with __GFP_MOVABLE). */
  MOVABLE: 17,
} as const;

export type PageClass = (typeof PAGE_CLASS)[keyof typeof PAGE_CLASS];
export const PAGE_CLASS_NAMES: readonly string[] = Object.keys(PAGE_CLASS).map((n) =>
  n.toLowerCase().replace('_', '-'),
);
