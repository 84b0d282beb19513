/**
 * xz, format 1.2: the decoder reads one stream of one file at a time and says neither where it ends nor what it is about to
 * need, so the structure is walked here first: headers, LZMA2 chunks by their sizes, check, index, footer.
 *
 * A dictionary of more than 64 MiB (`xz -9` has exactly that) is refused: it is what the decoder has room for.
 */
import xz from 'xz-decompress';
import type { ByteSource } from './byte-source.ts';
import { beginsWith, Damaged } from './members.ts';
import { Unsupported, WindowTooLarge } from './refusals.ts';

const MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];
const LZMA2 = 0x21;
const MAX_DICTIONARY = 64 * 2 ** 20;
/** Bytes of the check after a block, by its id: none, CRC32, CRC64. */
const CHECK_BYTES: Readonly<Record<number, number>> = { 0: 0, 1: 4, 4: 8 };
const FOOTER = 12;
/** Results of the decoder that mean: valid, but not for me. */
const REFUSED: Readonly<Record<string, string>> = { 2: 'an unknown check', 4: 'too much memory', 6: 'unknown options' };
/** The decoder wants more input than there is. */
const NO_PROGRESS = '8';
const CUT = { done: false, value: new Uint8Array(0) } as const;
/** Empty chunks in a row after which a decoder that got all of its input is taken to wait for more. */
const STALLED = 4;

export const isXz = (start: Uint8Array) => beginsWith(start, MAGIC);

/** What `walk` has found out when its last piece was taken. */
interface Walk {
  done: boolean;
  truncated: boolean;
}

/**
 * The decoder keeps one context for the whole process and gives it back only when a stream ends, fails or is cancelled,
 * so a reader that stops early must cancel. Past the end of its input it gives empty chunks for ever: the input was cut.
 */
export async function* readXzStream(source: ByteSource): AsyncGenerator<Uint8Array, boolean> {
  const state: Walk = { done: false, truncated: false };
  const pieces = walk(source, state);
  let failure: unknown;
  const packed = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await pieces.next();
          if (done !== true) {
            controller.enqueue(value);
            return;
          }
        } catch (error) {
          failure = error;
        }
        state.done = true;
        controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  const reader = new xz.XzReadableStream(packed).getReader();
  let empty = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        if (failure === undefined && state.truncated && codeOf(error) === NO_PROGRESS) return CUT;
        throw failure ?? refusal(error);
      });
      if (failure !== undefined) throw failure;
      if (value === CUT.value) return true;
      if (done) break;
      if (value.length > 0) yield value;
      empty = state.done && value.length === 0 ? empty + 1 : 0;
      if (empty < STALLED) continue;
      if (state.truncated) return true;
      throw new Damaged('the data ends too early');
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
  // The decoder ends with the footer's last byte, which came with the walk's last piece.
  if (!(await pieces.next()).done) throw new Damaged('the stream goes on after its end');
  return state.truncated;
}

const codeOf = (error: unknown) => /error code (\d+)/.exec(String(error))?.[1] ?? '';

function refusal(error: unknown): Error {
  const code = codeOf(error);
  return code in REFUSED ? new Unsupported(REFUSED[code]) : new Damaged(String(error));
}

/** One stream in pieces of at most 64 KiB and a header; ends early, `truncated`, where the file does. */
async function* walk(source: ByteSource, state: Walk): AsyncGenerator<Uint8Array, void> {
  const piece = async (count: number) => {
    const bytes = await source.take(count);
    state.truncated ||= bytes.length < count;
    return bytes;
  };
  const header = await piece(12);
  if (!state.truncated && !(header[7] in CHECK_BYTES)) throw new Unsupported(`check ${header[7]}`);
  yield header;
  if (state.truncated) return;
  for (;;) {
    const [size] = await source.peek(1);
    if (size === undefined) state.truncated = true;
    if (state.truncated) return;
    if (size === 0) break;
    const block = await piece((size + 1) * 4);
    if (!state.truncated) refuseLargeDictionary(block);
    yield block;
    let length = 0;
    for (let more = true; more && !state.truncated;) {
      const head = await source.peek(5);
      const [control] = head;
      more = control !== 0;
      const bytes = await piece(more ? chunkLength(head) : 1);
      length += bytes.length;
      yield bytes;
    }
    if (state.truncated) return;
    yield await piece(((4 - (length % 4)) % 4) + CHECK_BYTES[header[7]]);
  }
  yield* walkIndex(piece, state);
}

/** Bytes of the LZMA2 chunk that begins so. Too few bytes of it mean that the file ends here. */
function chunkLength(head: Uint8Array): number {
  const control = head[0];
  if (control === 1 || control === 2) return 3 + ((head[1] << 8) | head[2]) + 1;
  if (control < 0x80) throw new Damaged('no such LZMA2 chunk');
  return (control >= 0xc0 ? 6 : 5) + ((head[3] << 8) | head[4]) + 1;
}

async function* walkIndex(
  piece: (count: number) => Promise<Uint8Array>,
  state: Walk,
): AsyncGenerator<Uint8Array, void> {
  let length = 1;
  yield await piece(1);
  const number: number[] = [];
  /** Reads one multibyte integer into `number`. */
  const vli = async () => {
    number.length = 0;
    for (let byte = 0x80; byte >= 0x80 && number.length < 9 && !state.truncated;) {
      const bytes = await piece(1);
      number.push(...bytes);
      length += bytes.length;
      [byte = 0] = bytes;
    }
    return Uint8Array.from(number);
  };
  const count = await vli();
  yield count;
  let values = 2 * count.reduceRight((value, byte) => value * 128 + (byte & 0x7f), 0);
  for (; values > 0 && !state.truncated; values--) yield await vli();
  if (!state.truncated) yield await piece(((4 - (length % 4)) % 4) + 4 + FOOTER);
}

/** The block's only filter must be LZMA2; its one property byte is the dictionary's size. */
function refuseLargeDictionary(block: Uint8Array): void {
  const flags = block[1];
  let at = 2;
  const vli = () => {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = block[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) return value;
    }
  };
  if ((flags & 0x40) !== 0) vli();
  if ((flags & 0x80) !== 0) vli();
  const filter = vli();
  if (filter !== LZMA2) throw new Unsupported(`filter 0x${filter.toString(16)}`);
  if (vli() !== 1) throw new Damaged('no such filter properties');
  const bits = block[at] & 0x3f;
  const dictionary = (2 | (bits & 1)) * 2 ** ((bits >> 1) + 11);
  if (dictionary > MAX_DICTIONARY) throw new WindowTooLarge(dictionary, MAX_DICTIONARY);
}
