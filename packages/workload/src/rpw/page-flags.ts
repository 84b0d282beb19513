/**
 * Page flags of the steps: kept as packed columns and made words when somebody asks. A step of which any part is missing or
 * damaged has none: a page without its flags would pass for one in use.
 */
import { rpwPageFlagsDamaged } from '../errors.ts';
import type { PageFlags } from '../recording.ts';
import { readUints } from './column.ts';
import { MAX_CHUNK_ROWS } from './format.ts';
import type { Packer } from './packer.ts';
import type { Messages, PageFlagsMessage } from './schema.ts';

/** Pages of a step that a reader takes; 4 TiB in pages of 4 KiB. */
const MAX_PAGES = 2 ** 30;
/**
 * Bytes that the words of one step may take: 64 MiB, and 10,000 times the size of the file. A chunk in which every page is
 * like the next grows 8,000 times.
 */
const FREE_BYTES = 1 << 26;
const BYTES_PER_BYTE = 10_000;
const PAGE_BYTES = 12;

interface Pages {
  readonly chunks: PageFlagsMessage[];
  length: number;
  whole: boolean;
  hasCount: boolean;
}

export class PageFlagsReader {
  private readonly steps = new Map<number, Pages>();
  private readonly mostPages: number;

  constructor(fileSize: number) {
    this.mostPages = Math.min(MAX_PAGES, (FREE_BYTES + BYTES_PER_BYTE * fileSize) / PAGE_BYTES);
  }

  /** Chunks come in order of pfn; one that does not follow spoils its step. */
  add(chunk: PageFlagsMessage): void {
    const pages = this.of(chunk.ordinal);
    const fits = chunk.pages >= 1 && chunk.pages <= MAX_CHUNK_ROWS && chunk.firstPfn === pages.length;
    if (!fits || pages.length + chunk.pages > this.mostPages) pages.length = NaN;
    else {
      pages.length += chunk.pages;
      pages.chunks.push(chunk);
    }
  }

  close({ ordinal, pages: length, hasCount }: Messages['PageFlagsEnd']): void {
    const pages = this.of(ordinal);
    const counted = pages.chunks.every((chunk) => (chunk.count !== undefined) === hasCount);
    pages.hasCount = hasCount;
    pages.whole = pages.length === length && counted;
  }

  /** What gives the page flags of a step; undefined when they are not whole. */
  whole(ordinal: number, label: string, packer: Packer): (() => PageFlags) | undefined {
    const pages = this.steps.get(ordinal);
    if (pages === undefined || !pages.whole) return undefined;
    return () => {
      try {
        return inflate(pages, packer);
      } catch (cause) {
        throw rpwPageFlagsDamaged(label, cause);
      }
    };
  }

  private of(ordinal: number): Pages {
    let pages = this.steps.get(ordinal);
    if (pages === undefined) {
      pages = { chunks: [], length: 0, whole: false, hasCount: false };
      this.steps.set(ordinal, pages);
    }
    return pages;
  }
}

function inflate({ chunks, length, hasCount }: Pages, packer: Packer): PageFlags {
  const low = new Uint32Array(length);
  const high = new Uint32Array(length);
  const count = hasCount ? new Uint32Array(length) : undefined;
  for (const chunk of chunks) {
    readUints(chunk.low, chunk.pages, low, chunk.firstPfn, packer);
    readUints(chunk.high, chunk.pages, high, chunk.firstPfn, packer);
    if (count !== undefined) readUints(chunk.count ?? null, chunk.pages, count, chunk.firstPfn, packer);
  }
  return { length, low, high, count };
}
