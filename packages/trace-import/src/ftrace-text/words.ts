/**
 * Four bytes at a time: a literal is compared as a few 32-bit numbers instead of byte by byte. Reading them may run past
 * a line's end into the next one; an equal result proves that it did not, for no literal holds a newline.
 */

/** Bytes [at, at + 4) as one number. The caller sees to it that they are inside. */
export function word(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}

/** The number that `word` gives for four characters. */
export function wordOf(text: string): number {
  return text.charCodeAt(0) | (text.charCodeAt(1) << 8) | (text.charCodeAt(2) << 16) | (text.charCodeAt(3) << 24);
}

/** Bytes that `word` may touch beyond a line's newline: buffers are this much longer than what is parsed. */
export const SLACK = 32;
