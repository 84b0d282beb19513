/** Seeded damage: the same bytes are cut and flipped in every run. */

/** A seeded generator of numbers from 0 to 1. */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A copy with `count` bytes set to any value. */
export function withFlips(bytes: Uint8Array, count: number, random: () => number): Uint8Array {
  const flipped = bytes.slice();
  for (let i = 0; i < count; i++) flipped[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
  return flipped;
}

/** Lines of a text: newlines, and a last line without one. */
export function lineCount(bytes: Uint8Array): number {
  let lines = bytes.length > 0 && bytes[bytes.length - 1] !== 10 ? 1 : 0;
  for (const byte of bytes) if (byte === 10) lines++;
  return lines;
}
