/**
 * gzip (RFC 1952): header, deflate data, CRC-32 and length. The framing is read here and only the deflate data goes to
 * zlib: its own gzip reader is silent about what follows a member and drops what it holds when a file is cut.
 */
import { crc32, createInflateRaw, type InflateRaw } from 'node:zlib';
import type { ByteSource } from './byte-source.ts';
import { beginsWith, Damaged } from './members.ts';

const MAGIC = [0x1f, 0x8b];
const HEADER = 10;
const DEFLATE = 8;
const FHCRC = 2;
const FEXTRA = 4;
const FNAME = 8;
const FCOMMENT = 16;
const RESERVED = 0xe0;
/** Packed bytes a turn: how far the measured expansion may lag behind. */
const SLICE = 1 << 16;
const OUTPUT_CHUNK = 1 << 18;

export const isGzip = (start: Uint8Array) => beginsWith(start, MAGIC);

export async function* readGzipMember(source: ByteSource): AsyncGenerator<Uint8Array, boolean> {
  if (!(await skipHeader(source))) return true;
  const inflate = createInflateRaw({ chunkSize: OUTPUT_CHUNK, readableHighWaterMark: 1 } as object);
  let sum = 0;
  let length = 0;
  try {
    const turns = new Turns(inflate);
    while (!turns.ended) {
      const packed = await source.next(SLICE);
      if (packed.length === 0) return true;
      turns.write(packed);
      for (let out = await turns.next(); out !== undefined; out = await turns.next()) {
        sum = crc32(out, sum);
        length += out.length;
        yield out;
      }
      if (turns.ended) source.unread(packed.subarray(turns.used));
    }
  } finally {
    inflate.destroy();
  }
  const trailer = await source.take(8);
  if (trailer.length < 8) return true;
  const view = new DataView(trailer.buffer, trailer.byteOffset, 8);
  if (view.getUint32(0, true) !== sum || view.getUint32(4, true) !== length % 2 ** 32) {
    throw new Damaged('the checksum does not match');
  }
  return false;
}

/** False when the file ends inside the header. */
async function skipHeader(source: ByteSource): Promise<boolean> {
  const header = await source.take(HEADER);
  if (header.length < HEADER) return false;
  const flags = header[3];
  if (header[2] !== DEFLATE || (flags & RESERVED) !== 0) throw new Damaged('the header makes no sense');
  if ((flags & FEXTRA) !== 0) {
    const size = await source.take(2);
    if (size.length < 2) return false;
    const length = size[0] | (size[1] << 8);
    if ((await source.take(length)).length < length) return false;
  }
  for (const text of [FNAME, FCOMMENT]) {
    if ((flags & text) !== 0 && !(await skipText(source))) return false;
  }
  return (flags & FHCRC) === 0 || (await source.take(2)).length === 2;
}

/** Skips to behind the next zero byte. */
async function skipText(source: ByteSource): Promise<boolean> {
  for (;;) {
    const bytes = await source.next(SLICE);
    if (bytes.length === 0) return false;
    const end = bytes.indexOf(0);
    if (end === -1) continue;
    source.unread(bytes.subarray(end + 1));
    return true;
  }
}

/** Drives the stream by hand: one slice in, all that it gives out, then the next. */
class Turns {
  ended = false;
  private readonly stream: InflateRaw;
  private written = true;
  private before = 0;
  private failure: Error | undefined;
  private wake: () => void = () => undefined;

  constructor(stream: InflateRaw) {
    this.stream = stream;
    const on = (event: string, what: (error: Error) => void) =>
      stream.on(event, (error: Error) => {
        what(error);
        this.wake();
      });
    on('readable', () => undefined);
    on('end', () => (this.ended = true));
    on('error', (error) => (this.failure = error));
  }

  /** Bytes of the slice that were deflate data. */
  get used(): number {
    return this.stream.bytesWritten - this.before;
  }

  write(bytes: Uint8Array): void {
    this.written = false;
    this.before = this.stream.bytesWritten;
    this.stream.write(bytes, () => {
      this.written = true;
      // What is left over is none of its business: the deflate data has ended.
      this.ended ||= this.used < bytes.length;
      this.wake();
    });
  }

  /** The next output; undefined when the slice is used up or the deflate data has ended. */
  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const out = this.stream.read() as Uint8Array | null;
      if (out !== null) return out;
      if (this.failure !== undefined) throw new Damaged(this.failure.message);
      if (this.ended || this.written) return undefined;
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}
