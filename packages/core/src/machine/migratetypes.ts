/**
 * Migratetypes as the model numbers them (those of a kernel with CMA and ISOLATION). Traces of kernels built without CMA
 * print 4 for ISOLATE; importers translate.
 *
 * Models: include/linux/mmzone.h enum migratetype; mm/page_alloc.c fallbacks[][], 6.12.
 */
export const MIGRATE = {
  UNMOVABLE: 0,
  MOVABLE: 1,
  RECLAIMABLE: 2,
  HIGHATOMIC: 3,
  CMA: 4,
  ISOLATE: 5,
} as const;

/** Types that have per-CPU lists; also the first type that is not mergeable with others. */
export const MIGRATE_PCPTYPES = 3;
export const MIGRATE_TYPES = 6;

/** Names as pagetypeinfo and page_owner print them. */
export const MIGRATETYPE_NAMES = ['Unmovable', 'Movable', 'Reclaimable', 'HighAtomic', 'CMA', 'Isolate'] as const;

/** Order in which other types are tried when a type's own lists are empty. */
export const FALLBACKS: readonly (readonly [number, number])[] = [
  [MIGRATE.RECLAIMABLE, MIGRATE.MOVABLE],
  [MIGRATE.RECLAIMABLE, MIGRATE.UNMOVABLE],
  [MIGRATE.UNMOVABLE, MIGRATE.MOVABLE],
];
