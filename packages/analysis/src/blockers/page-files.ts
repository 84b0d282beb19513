/**
 * kpageflags and kpagecount where they lie, plain, packed or in procfs, read side by side in pieces: nothing of them is held.
 *
 * Models: fs/proc/page.c kpageflags_read(), kpagecount_read(): one u64 a pfn, in the machine's byte order, from pfn 0 on.
 */
import { access, constants, readdir, stat } from 'node:fs/promises';
import { endianness } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { contentOf, possibleByteOrders } from '@replug/trace-import';
import { MappedPages, PageClassifier } from '@replug/workload';
import { notPageWords, pagesUnreadable } from '../errors.ts';

export interface PageFiles {
  readonly flags: string;
  readonly counts?: string;
}

/** kpageflags, kpageflags.bin, host7.kpageflags, kpageflags.bin.xz … */
const FLAGS_NAME = /kpageflags([._-]?\w+)?(\.(xz|gz|zst))?$/;
/** Pages in a piece. */
const PIECE = 1 << 16;

/** The page files in a folder; undefined when it has none. */
export async function pageFilesIn(folder: string): Promise<PageFiles | undefined> {
  const names = (await readdir(folder).catch(() => [])).sort();
  const flags = names.find((name) => FLAGS_NAME.test(name));
  return flags === undefined ? undefined : withCounts(join(folder, flags), names);
}

/** The page files that a path to one of them means; undefined for any other file. */
export async function pageFilesOf(path: string): Promise<PageFiles | undefined> {
  if (!FLAGS_NAME.test(basename(path))) return undefined;
  return withCounts(path, await readdir(dirname(path)).catch(() => []));
}

function withCounts(flags: string, names: readonly string[]): PageFiles {
  const counts = basename(flags).replace('kpageflags', 'kpagecount');
  const plain = counts.replace(/\.(xz|gz|zst)$/, '');
  const found = [counts, plain, `${plain}.xz`, `${plain}.gz`, `${plain}.zst`].find((name) => names.includes(name));
  return found === undefined ? { flags } : { flags, counts: join(dirname(flags), found) };
}

export interface ReadPages {
  /** The recording's byte order; undefined: the words tell. */
  readonly bigEndian: boolean | undefined;
  readonly onPages: (pfn: number, bytes: Uint8Array, pages: number) => void;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Class bytes of all pages, piece by piece; the counts first, for two packed files cannot be unpacked side by side. Gives what
 * was odd. Throws RP6009, RP6013 and what `contentOf` throws.
 */
export async function readPageFiles({ flags, counts }: PageFiles, options: ReadPages): Promise<string[]> {
  const notes: string[] = [];
  await mayRead(flags);
  const [size, countSize] = [await sizeOf(flags), counts === undefined ? 0 : await sizeOf(counts)];
  const { bigEndian = await orderOf(flags), onProgress, onPages } = options;
  let mapped: MappedPages | undefined;
  if (counts !== undefined && (await isReadable(counts))) {
    const counted = (mapped = new MappedPages());
    await eachPiece(counts, bigEndian, (words, pages, read) => {
      counted.add(words, LOW, 2, pages);
      if (size > 0) onProgress?.(Math.min(read, countSize), size + countSize);
    });
  }
  const classifier = new PageClassifier(mapped);
  const bytes = new Uint8Array(PIECE);
  let pfn = 0;
  const rest = await eachPiece(flags, bigEndian, (words, pages, read) => {
    if (pfn === 0 && !possible(words, pages)) throw notPageWords(flags, IMPOSSIBLE);
    classifier.classify({ low: words, lowAt: LOW, high: words, highAt: 1 - LOW, stride: 2 }, pages, bytes);
    onPages(pfn, bytes, pages);
    pfn += pages;
    if (size > 0) onProgress?.(countSize + Math.min(read, size), size + countSize);
  });
  if (pfn === 0) throw notPageWords(flags, 'it is empty');
  if (rest > 0) notes.push(`${basename(flags)} ends within a word: ${rest} bytes are not used`);
  if (mapped !== undefined && mapped.length < pfn)
    notes.push(`${basename(counts!)} is shorter: ${pfn - mapped.length} pages are without their count`);
  return notes;
}

const IMPOSSIBLE = 'its words have bits that no kernel sets';

/** Which half of a word comes first in this machine's memory. */
const LOW = endianness() === 'LE' ? 0 : 1;

async function mayRead(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK);
  } catch (cause) {
    throw pagesUnreadable(path, (cause as NodeJS.ErrnoException).code ?? String(cause), cause);
  }
}

const isReadable = (path: string): Promise<boolean> =>
  access(path, constants.R_OK).then(
    () => true,
    () => false,
  );

const sizeOf = async (path: string): Promise<number> => (await stat(path)).size;

/** Byte order by the first piece. */
async function orderOf(path: string): Promise<boolean> {
  for await (const chunk of contentOf(path)) {
    const { little, big } = possibleByteOrders(chunk.subarray(0, 8 * PIECE));
    if (!little && !big) throw notPageWords(path, IMPOSSIBLE);
    return big && !little;
  }
  throw notPageWords(path, 'it is empty');
}

/** The kernel exports no flag from bit 44 on. */
function possible(words: Uint32Array, pages: number): boolean {
  for (let i = 0; i < pages; i++) if (words[2 * i + 1 - LOW] >>> 12 !== 0) return false;
  return true;
}

/**
 * The words of a file in this machine's byte order, in pieces of up to PIECE pages; `read`: bytes of the file so far. Gives the
 * count of bytes at the end that make no word.
 */
async function eachPiece(
  path: string,
  bigEndian: boolean,
  onPiece: (words: Uint32Array, pages: number, read: number) => void,
): Promise<number> {
  const bytes = Buffer.alloc(8 * PIECE);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, 2 * PIECE);
  let filled = 0;
  let read = 0;
  const flush = (): void => {
    const pages = Math.floor(filled / 8);
    if (pages === 0) return;
    if (bigEndian !== (LOW === 1)) bytes.subarray(0, 8 * pages).swap64();
    onPiece(words, pages, read);
    filled -= 8 * pages;
  };
  for await (const chunk of contentOf(path, { onRead: (count) => (read = count) })) {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + bytes.length - filled);
      bytes.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled === bytes.length) flush();
    }
  }
  flush();
  return filled;
}
