/**
 * Units. Plain numbers with named meanings; brands only would not survive the hot loops, so names carry them.
 *
 *   pfn    page frame number: physical address / page size. Up to 2^40 and more: a double, divided, never shifted.
 *   row    index of a page in the packed columns of PageMap. 31 bits: may be shifted and masked.
 *   nid    node id            order  log2 of a block's pages            zone  index into Zones.all
 */
export type Pfn = number;
export type Row = number;
export type Nid = number;
export type Order = number;
export type Bytes = number;
/** Virtual nanoseconds since the start of a run; f64. */
export type Nanoseconds = number;

const SUFFIX: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40, p: 2 ** 50 };

/** Bytes of a size such as `8G`, `512M`, `1.5T`, `4096`, `0x8000000`; undefined when it is none. Suffixes are powers of 1024. */
export function parseSize(text: string): Bytes | undefined {
  const hex = /^0x[0-9a-f]+$/i.test(text.trim());
  if (hex) return Number.parseInt(text, 16);
  const match = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)(?:i?b)?$/i.exec(text.trim());
  if (match === null) return undefined;
  const bytes = Number(match[1]) * SUFFIX[match[2].toLowerCase()];
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** `8 GiB`, `96.5 MiB`, `640 KiB`: at most one decimal. */
export function formatSize(bytes: Bytes): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[unit]}`;
}
