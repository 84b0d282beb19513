/**
 * XXH64, seed 0, of which zstd stores the low 32 bits: 64-bit arithmetic in pairs of 32-bit numbers.
 *
 * HOT. One stripe is four lanes of eight bytes: lane = rotl(lane + input × P2, 31) × P1.
 */
const P1 = [0x9e3779b1, 0x85ebca87];
const P2 = [0xc2b2ae3d, 0x27d4eb4f];
const P3 = [0x165667b1, 0x9e3779f9];
const P4 = [0x85ebca77, 0xc2b2ae63];
const P5 = [0x27d4eb2f, 0x165667c5];
const STRIPE = 32;

type Pair = readonly number[];

export class Xxh64 {
  /** High and low halves of the four lanes. */
  private readonly high: Int32Array;
  private readonly low: Int32Array;
  /** Bytes that do not make a stripe yet. */
  private readonly rest = new Uint8Array(STRIPE);
  private held = 0;
  private length = 0;

  constructor() {
    const lanes = [add(P1, P2), P2, [0, 0], add([0, 0], [~P1[0] + (P1[1] === 0 ? 1 : 0), -P1[1]])];
    this.high = Int32Array.from(lanes, ([high]) => high | 0);
    this.low = Int32Array.from(lanes, ([, low]) => low | 0);
  }

  update(bytes: Uint8Array): void {
    this.length += bytes.length;
    let at = 0;
    if (this.held > 0) {
      at = Math.min(STRIPE - this.held, bytes.length);
      this.rest.set(bytes.subarray(0, at), this.held);
      this.held += at;
      if (this.held < STRIPE) return;
      this.stripes(this.rest);
      this.held = 0;
    }
    const whole = at + Math.floor((bytes.length - at) / STRIPE) * STRIPE;
    this.stripes(bytes.subarray(at, whole));
    this.rest.set(bytes.subarray(whole));
    this.held = bytes.length - whole;
  }

  /** The low half of the sum of all that was given, unsigned. */
  low32(): number {
    let sum: Pair;
    if (this.length < STRIPE) sum = P5;
    else {
      const lanes = [0, 1, 2, 3].map((i) => [this.high[i], this.low[i]]);
      sum = [1, 7, 12, 18].map((bits, i) => rotate(lanes[i], bits)).reduce(add);
      for (const lane of lanes) sum = add(multiply(xor(sum, round([0, 0], lane)), P1), P4);
    }
    sum = add(sum, [Math.floor(this.length / 2 ** 32), this.length | 0]);
    const { rest, held } = this;
    const view = new DataView(rest.buffer);
    let at = 0;
    for (; at + 8 <= held; at += 8) {
      const input = [view.getInt32(at + 4, true), view.getInt32(at, true)];
      sum = add(multiply(rotate(xor(sum, round([0, 0], input)), 27), P1), P4);
    }
    if (at + 4 <= held) {
      sum = add(multiply(rotate(xor(sum, multiply([0, view.getInt32(at, true)], P1)), 23), P2), P3);
      at += 4;
    }
    for (; at < held; at++) sum = multiply(rotate(xor(sum, multiply([0, rest[at]], P5)), 11), P1);
    sum = multiply(xor(sum, shiftRight(sum, 33)), P2);
    sum = multiply(xor(sum, shiftRight(sum, 29)), P3);
    sum = xor(sum, [0, sum[0]]);
    return sum[1] >>> 0;
  }

  /** Whole stripes only. */
  private stripes(bytes: Uint8Array): void {
    const { high, low } = this;
    const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
    const words = new Int32Array(aligned.buffer, aligned.byteOffset, aligned.length >> 2);
    for (let lane = 0; lane < 4; lane++) {
      let h = high[lane];
      let l = low[lane];
      for (let at = lane * 2; at < words.length; at += 8) {
        // lane += input × P2: P2 = 0xc2b2ae3d27d4eb4f
        const il = words[at];
        const i0 = il & 0xffff;
        const i1 = il >>> 16;
        let cross = Math.imul(i1, 0xeb4f) + (Math.imul(i0, 0xeb4f) >>> 16);
        let carry = (cross & 0xffff) + Math.imul(i0, 0x27d4);
        let ph = (Math.imul(i1, 0x27d4) + (cross >>> 16) + (carry >>> 16) + Math.imul(words[at + 1], 0x27d4eb4f)) | 0;
        ph = (ph + Math.imul(il, 0xc2b2ae3d)) | 0;
        const sum = (l >>> 0) + (Math.imul(il, 0x27d4eb4f) >>> 0);
        h = (h + ph + (sum > 0xffffffff ? 1 : 0)) | 0;
        l = sum | 0;
        // rotl 31
        const rh = (h << 31) | (l >>> 1);
        const rl = (l << 31) | (h >>> 1);
        // × P1 = 0x9e3779b185ebca87
        const r0 = rl & 0xffff;
        const r1 = rl >>> 16;
        cross = Math.imul(r1, 0xca87) + (Math.imul(r0, 0xca87) >>> 16);
        carry = (cross & 0xffff) + Math.imul(r0, 0x85eb);
        h = (Math.imul(r1, 0x85eb) + (cross >>> 16) + (carry >>> 16) + Math.imul(rh, 0x85ebca87)) | 0;
        h = (h + Math.imul(rl, 0x9e3779b1)) | 0;
        l = Math.imul(rl, 0x85ebca87);
      }
      high[lane] = h;
      low[lane] = l;
    }
  }
}

function round(lane: Pair, input: Pair): Pair {
  return multiply(rotate(add(lane, multiply(input, P2)), 31), P1);
}

function add(a: Pair, b: Pair): Pair {
  const low = (a[1] >>> 0) + (b[1] >>> 0);
  return [(a[0] + b[0] + (low > 0xffffffff ? 1 : 0)) | 0, low | 0];
}

function xor(a: Pair, b: Pair): Pair {
  return [a[0] ^ b[0], a[1] ^ b[1]];
}

/** `bits` from 1 to 31. */
function rotate([high, low]: Pair, bits: number): Pair {
  return [(high << bits) | (low >>> (32 - bits)), (low << bits) | (high >>> (32 - bits))];
}

function shiftRight([high, low]: Pair, bits: number): Pair {
  return bits < 32 ? [high >>> bits, (low >>> bits) | (high << (32 - bits))] : [0, high >>> (bits - 32)];
}

function multiply(a: Pair, b: Pair): Pair {
  const [a0, a1, b0, b1] = [a[1] & 0xffff, a[1] >>> 16, b[1] & 0xffff, b[1] >>> 16];
  const cross = a1 * b0 + ((a0 * b0) >>> 16);
  const carry = (cross % 65536) + a0 * b1;
  const high = a1 * b1 + Math.floor(cross / 65536) + Math.floor(carry / 65536);
  return [(high + Math.imul(a[0], b[1]) + Math.imul(a[1], b[0])) | 0, Math.imul(a[1], b[1])];
}
