/**
 * An order-sensitive 64-bit hash for states: two FNV-1a style lanes over 32-bit words, finished with avalanche rounds.
 * Not cryptographic. Equal input gives equal output on every machine: words are fed as numbers, never as bytes of memory.
 */
export class Hasher {
  private a = 0x811c9dc5 | 0;
  private b = 0x9747b28c | 0;

  /** Feeds the low 32 bits of a number. */
  word(value: number): this {
    const v = value | 0;
    this.a = Math.imul(this.a ^ v, 0x01000193);
    this.a ^= this.a >>> 15;
    this.b = Math.imul(this.b ^ v, 0x5bd1e995);
    this.b ^= this.b >>> 13;
    return this;
  }

  /** Feeds an integer of up to 53 bits. */
  integer(value: number): this {
    return this.word(value >>> 0).word(Math.floor(value / 4294967296));
  }

  text(value: string): this {
    this.word(value.length);
    for (let i = 0; i < value.length; i++) this.word(value.charCodeAt(i));
    return this;
  }

  /** Sixteen hex digits. */
  digest(): string {
    return (
      mix(this.a).toString(16).padStart(8, '0') +
      mix(this.b ^ this.a)
        .toString(16)
        .padStart(8, '0')
    );
  }
}

function mix(value: number): number {
  let v = value;
  v = Math.imul(v ^ (v >>> 16), 0x85ebca6b);
  v = Math.imul(v ^ (v >>> 13), 0xc2b2ae35);
  return (v ^ (v >>> 16)) >>> 0;
}
