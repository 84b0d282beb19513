/**
 * A compressed file is one or more members – gzip's members, xz's streams, zstd's frames – one after the other, which
 * together are one content. Between two of them, and after the last, there may be padding of zeros.
 */
import type { ByteSource } from './byte-source.ts';

/** How a compressed file ended. */
export interface End {
  /** The file ends inside a member: it was cut. */
  readonly truncated: boolean;
  /** Bytes after the last member that begin no other; not read. */
  readonly trailing: number;
}

/** Reads one member from its magic on; true when the file ended inside it. Throws `Damaged`. */
export type MemberReader = (source: ByteSource) => AsyncGenerator<Uint8Array, boolean>;

/** Data that contradicts itself. The caller knows the path. */
export class Damaged extends Error {}

/** The content of all members. What a cut file still gave was handed out before. */
export async function* readMembers(
  source: ByteSource,
  magic: (start: Uint8Array) => boolean | 'too-short',
  member: MemberReader,
): AsyncGenerator<Uint8Array, End> {
  for (;;) {
    if (yield* member(source)) return { truncated: true, trailing: 0 };
    await skipZeros(source);
    const start = await source.peek(MAGIC_LENGTH);
    if (start.length === 0) return { truncated: false, trailing: 0 };
    const begins = magic(start);
    if (begins === 'too-short') return { truncated: true, trailing: 0 };
    if (!begins) return { truncated: false, trailing: await source.drain() };
  }
}

async function skipZeros(source: ByteSource): Promise<void> {
  for (;;) {
    const bytes = await source.next(1 << 20);
    const first = bytes.findIndex((byte) => byte !== 0);
    if (first !== -1) source.unread(bytes.subarray(first));
    if (first !== -1 || bytes.length === 0) return;
  }
}

/** Bytes that tell a compression. */
export const MAGIC_LENGTH = 6;

/** Whether bytes begin so; `too-short` when there are fewer than the magic has and these fit. */
export function beginsWith(start: Uint8Array, magic: readonly number[]): boolean | 'too-short' {
  for (const [i, byte] of magic.entries()) {
    if (i === start.length) return 'too-short';
    if (start[i] !== byte) return false;
  }
  return true;
}
