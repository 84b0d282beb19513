/**
 * How much may come out of a file. Few bytes can stand for very many, by accident or by intent; memory and time are bounded
 * by what is read, not by what is there.
 */
import { expandsTooMuch, fileTooLarge } from '../errors.ts';

const GIB = 2 ** 30;

/** Bytes of a file whose events are read as they come: memory goes to the events, not to the text. */
export const MAX_STREAMED = 64 * GIB;
/** Bytes of a file that is held as a whole; the kpageflags of 512 GiB in pages of 4 KiB. */
export const MAX_WHOLE = GIB;
/**
 * Bytes out for a byte in. Lines that differ in nothing but a counting time reach 1,300 with `xz -9`, recorded ones 25; the
 * zeros of a bomb reach 6,900 in xz and 30,000 in zstd. deflate cannot exceed 1,032, so for gzip only sizes count.
 * Not for files held as a whole: page flags of an idle machine are a single word a million times over.
 */
export const MAX_RATIO = 4000;
/** Bytes that any file may grow to before its ratio is looked at. */
export const RATIO_FROM = 64 * 2 ** 20;

export interface Limits {
  /** Bytes of content. */
  readonly maxBytes?: number;
  /** Bytes of content for each byte of the file, from `ratioFrom` on. */
  readonly maxRatio?: number;
  readonly ratioFrom?: number;
}

/** Throws RP4007 or RP4008 when `given` bytes of content, from `taken` bytes of the file, are beyond the limits. */
export function checkLimits(
  path: string,
  kind: string | undefined,
  limits: Limits,
  given: number,
  taken: number,
): void {
  const { maxBytes = Infinity, maxRatio = Infinity, ratioFrom = RATIO_FROM } = limits;
  if (given > maxBytes) throw fileTooLarge(path, maxBytes);
  if (kind !== undefined && given > ratioFrom && given > taken * maxRatio) throw expandsTooMuch(path, kind, maxRatio);
}
