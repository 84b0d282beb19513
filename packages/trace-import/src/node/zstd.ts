/**
 * Zstandard (RFC 8878): frames are cut into blocks here and given to the decoder one by one, so that it never holds more
 * than a block (128 KiB) and its window, and the window's size is known before anything is made for it.
 *
 * The decoder moves its whole window for each block. A legitimate block is large where the window is; a file that has a
 * large window and tiny blocks would run for hours, so the bytes moved are limited too.
 */
import { Decompress } from 'fzstd';
import type { ByteSource } from './byte-source.ts';
import { beginsWith, Damaged } from './members.ts';
import { Bomb, Unsupported, WindowTooLarge } from './refusals.ts';
import { Xxh64 } from './xxh64.ts';

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];
const SKIPPABLE = [0x2a, 0x4d, 0x18];
/** What the reference implementation refuses by default, too, is beyond 128 MiB; `--long=29` makes 512 MiB. */
const MAX_WINDOW = 512 * 2 ** 20;
const MAX_BLOCK = 128 * 1024;
const RLE = 1;
/** Window bytes that may be moved for each byte that comes out, and at all: 4 KiB blocks with a window of 16 MiB. */
const MOVED_A_BYTE = 4096;
const MOVED_FREE = 64 * 2 ** 30;

export function isZstd(start: Uint8Array): boolean | 'too-short' {
  const frame = beginsWith(start, MAGIC);
  if (frame !== false || start.length === 0) return frame;
  return start[0] >= 0x50 && start[0] <= 0x5f ? beginsWith(start.subarray(1), SKIPPABLE) : false;
}

/** Reads the frames of one file: one reader a file, for the limits hold for all frames together. */
export function zstdFrames(): (source: ByteSource) => AsyncGenerator<Uint8Array, boolean> {
  const work = { moved: 0, given: 0 };
  return (source) => readFrame(source, work);
}

async function* readFrame(
  source: ByteSource,
  work: { moved: number; given: number },
): AsyncGenerator<Uint8Array, boolean> {
  if ((await source.peek(1))[0] !== MAGIC[0]) return skipFrame(source);
  const start = await source.peek(18);
  if (start.length < 6) return true;
  const header = headerOf(start);
  if (start.length < header.length) return true;
  let packed = await source.take(header.length);
  const blocks: Uint8Array[] = [];
  const decoder = new Decompress((bytes) => void blocks.push(bytes));
  const sum = header.checked ? new Xxh64() : undefined;
  let length = 0;
  for (let last = false; !last;) {
    const head = await source.peek(3);
    if (head.length < 3) return true;
    last = (head[0] & 1) === 1;
    const type = (head[0] >> 1) & 3;
    const size = (head[0] >> 3) | (head[1] << 5) | (head[2] << 13);
    if (type > 2 || size > Math.min(MAX_BLOCK, header.window)) throw new Damaged('no such block');
    const bytes = 3 + (type === RLE ? 1 : size);
    const block = await source.take(bytes);
    if (block.length < bytes) return true;
    work.moved += header.window;
    if (work.moved > MOVED_FREE + MOVED_A_BYTE * work.given) throw new Bomb('tiny blocks with a large window');
    packed = packed.length === 0 ? block : Buffer.concat([packed, block]);
    if (packed.length >= 18 || last) {
      push(decoder, packed, last, header.checked);
      packed = new Uint8Array(0);
    }
    for (const out of blocks.splice(0)) {
      if (out.length === 0) continue;
      if (out.length > MAX_BLOCK) throw new Damaged('a block is too long');
      length += out.length;
      work.given += out.length;
      sum?.update(out);
      yield out;
    }
  }
  if (header.content !== undefined && header.content !== length) throw new Damaged('the length does not match');
  if (sum === undefined) return false;
  const expected = await source.take(4);
  if (expected.length < 4) return true;
  if (new DataView(expected.buffer, expected.byteOffset, 4).getUint32(0, true) !== sum.low32()) {
    throw new Damaged('the checksum does not match');
  }
  return false;
}

/** The last piece brings what the decoder wants to see after it, four bytes of checksum that it does not look at. */
function push(decoder: Decompress, packed: Uint8Array, last: boolean, checked: boolean): void {
  try {
    decoder.push(last && checked ? Buffer.concat([packed, new Uint8Array(4)]) : packed, last);
  } catch (error) {
    throw new Damaged((error as Error).message);
  }
}

interface Header {
  /** Bytes of the header, magic included. */
  readonly length: number;
  readonly window: number;
  /** Length of the content; undefined when the header does not tell. */
  readonly content?: number;
  readonly checked: boolean;
}

function headerOf(start: Uint8Array): Header {
  const descriptor = start[4];
  const single = (descriptor & 32) !== 0;
  if ((descriptor & 8) !== 0) throw new Damaged('the header makes no sense');
  let at = single ? 5 : 6;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3];
  for (let i = 0; i < dictionaryBytes; i++) if (start[at + i] > 0) throw new Unsupported('a dictionary');
  at += dictionaryBytes;
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag === 0 ? (single ? 1 : 0) : 1 << sizeFlag;
  let content = sizeFlag === 1 ? 256 : 0;
  for (let i = 0; i < sizeBytes; i++) content += (start[at + i] ?? 0) * 256 ** i;
  const base = 2 ** (10 + (start[5] >> 3));
  const window = single ? content : base + (base / 8) * (start[5] & 7);
  if (window > MAX_WINDOW) throw new WindowTooLarge(window, MAX_WINDOW);
  return {
    length: at + sizeBytes,
    window,
    content: sizeBytes > 0 ? content : undefined,
    checked: (descriptor & 4) !== 0,
  };
}

/** A frame of somebody else's data; true when the file ends inside it. */
async function skipFrame(source: ByteSource): Promise<boolean> {
  const head = await source.take(8);
  if (head.length < 8) return true;
  let left = new DataView(head.buffer, head.byteOffset, 8).getUint32(4, true);
  while (left > 0) {
    const bytes = await source.next(left);
    if (bytes.length === 0) return true;
    left -= bytes.length;
  }
  return false;
}
