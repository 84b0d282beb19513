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

/** What migration can do with a page of a class. */
export const MOVABILITY = {
  /** On the LRU, or owned by movable_ops: migration takes it. */
  MOVABLE: 0,
  /** Stays where it is: it stops isolation, or keeps it trying for ever when it is pinned. */
  UNMOVABLE: 1,
  /** Not known. Nobody may count on either. */
  UNCERTAIN: 2,
  /** No obstacle, and nothing to move: free, offline, poisoned. */
  NOTHING: 3,
} as const;
export type Movability = (typeof MOVABILITY)[keyof typeof MOVABILITY];

/**
 * Movability by class, as memory offlining sees it.
 *
 * Models: mm/page_isolation.c has_unmovable_pages(), mm/memory_hotplug.c scan_movable_pages(), 6.12.
 */
export const CLASS_MOVABILITY: Readonly<Uint8Array> = movabilities({
  UNKNOWN: MOVABILITY.UNCERTAIN,
  FREE: MOVABILITY.NOTHING,
  PCP: MOVABILITY.NOTHING,
  LRU_ANON: MOVABILITY.MOVABLE,
  LRU_FILE: MOVABILITY.MOVABLE,
  HUGETLB: MOVABILITY.MOVABLE,
  THP: MOVABILITY.MOVABLE,
  SLAB: MOVABILITY.UNMOVABLE,
  PAGE_TABLE: MOVABILITY.UNMOVABLE,
  KERNEL: MOVABILITY.UNMOVABLE,
  RESERVED: MOVABILITY.UNMOVABLE,
  OFFLINE: MOVABILITY.NOTHING,
  HWPOISON: MOVABILITY.NOTHING,
  DEVICE: MOVABILITY.UNMOVABLE,
  PINNED: MOVABILITY.UNMOVABLE,
  MOVABLE_OPS: MOVABILITY.MOVABLE,
  HOLE: MOVABILITY.UNMOVABLE,
  MOVABLE: MOVABILITY.MOVABLE,
});

function movabilities(table: Readonly<Record<keyof typeof PAGE_CLASS, Movability>>): Uint8Array {
  const byClass = new Uint8Array(256).fill(MOVABILITY.UNCERTAIN);
  for (const name of Object.keys(table) as (keyof typeof PAGE_CLASS)[]) byClass[PAGE_CLASS[name]] = table[name];
  return byClass;
}
