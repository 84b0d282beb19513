/**
 * Names of kpageflags bits, as the kernel's page-types tool prints them. A bit without a name there is `bitN`.
 *
 * Models: include/uapi/linux/kernel-page-flags.h, include/linux/kernel-page-flags.h, 6.1 and 6.12.
 */
const LOW =
  'locked error referenced uptodate dirty lru active slab writeback reclaim buddy mmap anonymous swapcache swapbacked ' +
  'compound_head compound_tail huge unevictable hwpoison nopage ksm thp offline zero_page idle_page pgtable';
/** From bit 32 on: kernel hacking. */
const HIGH = 'reserved mlocked mappedtodisk private private_2 owner_private arch uncached softdirty arch_2';

const lowNames = LOW.split(' ');
const highNames = HIGH.split(' ');

/** Names of the bits that are set, lowest first. `high`: bits 32–63. */
export function pageFlagNames(low: number, high: number): string[] {
  const names: string[] = [];
  for (let bit = 0; bit < 32; bit++) if (((low >>> bit) & 1) === 1) names.push(lowNames[bit] ?? `bit${bit}`);
  for (let bit = 0; bit < 32; bit++) if (((high >>> bit) & 1) === 1) names.push(highNames[bit] ?? `bit${bit + 32}`);
  return names;
}
