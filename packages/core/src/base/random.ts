/** Seeded pseudo-random numbers (mulberry32): the same seed gives the same run everywhere. */
export interface Random {
  /** Uniform in [0, 2^32). */
  uint32(): number;
  /** Uniform in [0, bound), bound ≤ 2^31. */
  below(bound: number): number;
}

/** A generator from a 32-bit seed. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const uint32 = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  return { uint32, below: (bound) => Math.floor((uint32() / 4294967296) * bound) };
}
