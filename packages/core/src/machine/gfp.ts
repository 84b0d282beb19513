/**
 * gfp flags: bits, names, and what they decide (highest zone, migratetype). Bits 0–23 are those of 6.12; bit 9 is unused
 * there and __GFP_ATOMIC in 6.1. Higher bits depend on the kernel's configuration and are never decoded.
 *
 * Models: include/linux/gfp_types.h, gfp.h gfp_zone(), gfp_migratetype(); include/trace/events/mmflags.h, 6.12.
 */
export const GFP = {
  DMA: 1 << 0,
  HIGHMEM: 1 << 1,
  DMA32: 1 << 2,
  MOVABLE: 1 << 3,
  RECLAIMABLE: 1 << 4,
  HIGH: 1 << 5,
  IO: 1 << 6,
  FS: 1 << 7,
  ZERO: 1 << 8,
  ATOMIC_61: 1 << 9,
  DIRECT_RECLAIM: 1 << 10,
  KSWAPD_RECLAIM: 1 << 11,
  WRITE: 1 << 12,
  NOWARN: 1 << 13,
  RETRY_MAYFAIL: 1 << 14,
  NOFAIL: 1 << 15,
  NORETRY: 1 << 16,
  MEMALLOC: 1 << 17,
  COMP: 1 << 18,
  NOMEMALLOC: 1 << 19,
  HARDWALL: 1 << 20,
  THISNODE: 1 << 21,
  ACCOUNT: 1 << 22,
  ZEROTAGS: 1 << 23,
} as const;

const RECLAIM = GFP.DIRECT_RECLAIM | GFP.KSWAPD_RECLAIM;
const KERNEL = RECLAIM | GFP.IO | GFP.FS;
const USER = KERNEL | GFP.HARDWALL;
const HIGHUSER = USER | GFP.HIGHMEM;
const HIGHUSER_MOVABLE = HIGHUSER | GFP.MOVABLE;
const TRANSHUGE_LIGHT = (HIGHUSER_MOVABLE | GFP.COMP | GFP.NOMEMALLOC | GFP.NOWARN) & ~RECLAIM;

/** Composite masks. */
export const GFP_MASKS = {
  GFP_TRANSHUGE: TRANSHUGE_LIGHT | GFP.DIRECT_RECLAIM,
  GFP_TRANSHUGE_LIGHT: TRANSHUGE_LIGHT,
  GFP_HIGHUSER_MOVABLE: HIGHUSER_MOVABLE,
  GFP_HIGHUSER: HIGHUSER,
  GFP_USER: USER,
  GFP_KERNEL_ACCOUNT: KERNEL | GFP.ACCOUNT,
  GFP_KERNEL: KERNEL,
  GFP_NOFS: RECLAIM | GFP.IO,
  GFP_ATOMIC: GFP.HIGH | GFP.KSWAPD_RECLAIM,
  GFP_NOIO: RECLAIM,
  GFP_NOWAIT: GFP.KSWAPD_RECLAIM | GFP.NOWARN,
  GFP_DMA: GFP.DMA,
  GFP_DMA32: GFP.DMA32,
} as const;

/** Names in the kernel's table order: printing takes the first whose bits are all set, greedily. */
const NAMES: readonly (readonly [string, number])[] = [
  ...Object.entries(GFP_MASKS).filter(([name]) => name !== 'GFP_DMA32'),
  ['__GFP_HIGHMEM', GFP.HIGHMEM],
  ['GFP_DMA32', GFP.DMA32],
  ['__GFP_HIGH', GFP.HIGH],
  ['__GFP_ATOMIC', GFP.ATOMIC_61],
  ['__GFP_IO', GFP.IO],
  ['__GFP_FS', GFP.FS],
  ['__GFP_NOWARN', GFP.NOWARN],
  ['__GFP_RETRY_MAYFAIL', GFP.RETRY_MAYFAIL],
  ['__GFP_NOFAIL', GFP.NOFAIL],
  ['__GFP_NORETRY', GFP.NORETRY],
  ['__GFP_COMP', GFP.COMP],
  ['__GFP_ZERO', GFP.ZERO],
  ['__GFP_NOMEMALLOC', GFP.NOMEMALLOC],
  ['__GFP_MEMALLOC', GFP.MEMALLOC],
  ['__GFP_HARDWALL', GFP.HARDWALL],
  ['__GFP_THISNODE', GFP.THISNODE],
  ['__GFP_RECLAIMABLE', GFP.RECLAIMABLE],
  ['__GFP_MOVABLE', GFP.MOVABLE],
  ['__GFP_ACCOUNT', GFP.ACCOUNT],
  ['__GFP_WRITE', GFP.WRITE],
  ['__GFP_RECLAIM', RECLAIM],
  ['__GFP_DIRECT_RECLAIM', GFP.DIRECT_RECLAIM],
  ['__GFP_KSWAPD_RECLAIM', GFP.KSWAPD_RECLAIM],
  ['__GFP_ZEROTAGS', GFP.ZEROTAGS],
];
const BY_NAME = new Map<string, number>(NAMES);

/** `GFP_KERNEL|__GFP_COMP` as ftrace prints it; `none` for 0, unknown bits as hex. */
export function formatGfp(flags: number): string {
  if (flags === 0) return 'none';
  const names: string[] = [];
  let rest = flags;
  for (const [name, mask] of NAMES) {
    if (mask !== 0 && (rest & mask) === mask) {
      names.push(name);
      rest &= ~mask;
    }
  }
  if (rest !== 0) names.push(`0x${(rest >>> 0).toString(16)}`);
  return names.join('|');
}

/**
 * Flags of a printed name list. Old names without the `__` prefix are known too. Names that are not known add nothing
 * and are returned by name.
 */
export function parseGfp(text: string): { flags: number; unknown: string[] } {
  const unknown: string[] = [];
  let flags = 0;
  if (text === 'none' || text === '') return { flags, unknown };
  for (const name of text.split('|')) {
    const mask =
      BY_NAME.get(name) ??
      BY_NAME.get(`__${name}`) ??
      (/^0x[0-9a-f]+$/i.test(name) ? Number.parseInt(name, 16) : undefined);
    if (mask === undefined) unknown.push(name);
    else flags |= mask;
  }
  return { flags, unknown };
}

/** gfp_migratetype(): 0 UNMOVABLE, 1 MOVABLE, 2 RECLAIMABLE (both bits set is illegal in the kernel and reads as MOVABLE). */
export function gfpMigratetype(flags: number): number {
  const bits = (flags >>> 3) & 3;
  return bits === 3 ? 1 : bits;
}

/**
 * gfp_zone(): rank of the highest zone kind a request may use, keyed by the low four bits. -1 marks combinations that
 * are illegal in the kernel. A kind that the machine does not have falls back to Normal (see Zonelists).
 */
export const GFP_ZONE_TABLE: readonly number[] = [2, 0, 3, -1, 1, -1, -1, -1, 2, 0, 4, -1, 1, -1, -1, -1];
