/**
 * A column of numbers as bytes: the tightest of four codings (see `Column` in the schema), then raw deflate where it helps.
 *
 * Byte planes – all lowest bytes, then all second bytes – make long runs of what changes rarely, which deflate and its
 * inverse like best, and are put together again by loops that have no branch per value.
 *
 * HOT: the readers run once a value.
 */
import type { Packer } from './packer.ts';
import type { ColumnMessage } from './schema.ts';

export const CODING = { constant: 0, planes: 1, delta: 2, float: 3 } as const;

/** Columns of unsigned integers. */
export type UintColumn = Uint8Array | Uint16Array | Uint32Array;

/** Thrown by the readers for a column that cannot be what it says; the caller names the place. */
export class BadColumn extends Error {}

const NO_DATA = new Uint8Array(0);
/** Zigzag differences above this are kept as floats. */
const MAX_ZIGZAG = 2 ** 48;
const TWO_32 = 2 ** 32;

export function constantColumn(base: number): ColumnMessage {
  return { coding: CODING.constant, width: 0, base, unit: 0, packed: false, data: NO_DATA };
}

/** Unsigned integers as they are. */
export function planesColumn(values: UintColumn, packer: Packer): ColumnMessage {
  const { length } = values;
  if (length === 0) return constantColumn(0);
  let most = values[0];
  let same = true;
  for (let i = 1; i < length; i++) {
    if (values[i] !== values[0]) same = false;
    if (values[i] > most) most = values[i];
  }
  if (same) return constantColumn(most);
  const width = most < 256 ? 1 : most < 65536 ? 2 : most < 1 << 24 ? 3 : 4;
  const data = new Uint8Array(width * length);
  for (let plane = 0; plane < width; plane++) {
    const shift = 8 * plane;
    const at = plane * length;
    for (let i = 0; i < length; i++) data[at + i] = values[i] >>> shift;
  }
  return packed({ coding: CODING.planes, width, base: 0, unit: 0 }, data, packer);
}

/** Numbers that change little from one to the next; anything that differences cannot hold exactly is kept as it is. */
export function deltaColumn(values: Float64Array | Uint32Array, packer: Packer): ColumnMessage {
  const { length } = values;
  if (length === 0) return constantColumn(0);
  const base = values[0];
  let same = true;
  let whole = true;
  let thousands = true;
  for (let i = 0; i < length; i++) {
    const value = values[i];
    if (!Object.is(value, base)) same = false;
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) whole = false;
    if ((value - base) % 1000 !== 0) thousands = false;
  }
  if (same && Number.isFinite(base) && !Object.is(base, -0)) return constantColumn(base);
  if (!whole) return floatColumn(values, packer);

  const unit = thousands ? 1000 : 1;
  const low = new Uint32Array(length);
  const high = new Uint16Array(length);
  let most = 0;
  for (let i = 1; i < length; i++) {
    const step = values[i] - values[i - 1];
    const difference = step / unit;
    const zigzag = difference < 0 ? -2 * difference - 1 : 2 * difference;
    if (!Number.isSafeInteger(step) || !Number.isInteger(difference) || zigzag >= MAX_ZIGZAG)
      return floatColumn(values, packer);
    if (zigzag > most) most = zigzag;
    low[i] = zigzag;
    if (zigzag >= TWO_32) high[i] = Math.floor(zigzag / TWO_32);
  }
  let width = 1;
  while (most >= 256 ** width) width++;
  const data = new Uint8Array(width * length);
  for (let plane = 0; plane < width; plane++) {
    const half = plane < 4 ? low : high;
    const shift = 8 * (plane % 4);
    const at = plane * length;
    for (let i = 0; i < length; i++) data[at + i] = half[i] >>> shift;
  }
  return packed({ coding: CODING.delta, width, base, unit }, data, packer);
}

function floatColumn(values: ArrayLike<number>, packer: Packer): ColumnMessage {
  const { length } = values;
  const data = new Uint8Array(8 * length);
  const view = new DataView(new ArrayBuffer(8));
  for (let i = 0; i < length; i++) {
    view.setFloat64(0, values[i], true);
    for (let plane = 0; plane < 8; plane++) data[plane * length + i] = view.getUint8(plane);
  }
  return packed({ coding: CODING.float, width: 8, base: 0, unit: 0 }, data, packer);
}

function packed(
  head: Pick<ColumnMessage, 'coding' | 'width' | 'base' | 'unit'>,
  data: Uint8Array,
  packer: Packer,
): ColumnMessage {
  const small = packer.deflate(data);
  return small.length < data.length ? { ...head, packed: true, data: small } : { ...head, packed: false, data };
}

/** Writes `rows` unsigned integers to `into`, from `at` on. Throws BadColumn when they are none or do not fit. */
export function readUints(
  column: ColumnMessage | null,
  rows: number,
  into: UintColumn,
  at: number,
  packer: Packer,
): void {
  if (column === null) throw new BadColumn('a column is missing');
  const { coding, width, base } = column;
  if (coding === CODING.constant) {
    if (!Number.isInteger(base) || base < 0 || base >= 256 ** into.BYTES_PER_ELEMENT)
      throw new BadColumn('bad constant');
    into.fill(base, at, at + rows);
    return;
  }
  if (coding === CODING.delta && into instanceof Uint32Array) {
    readDeltas(column, rows, into, at, packer);
    return;
  }
  if (coding !== CODING.planes || width < 1 || width > into.BYTES_PER_ELEMENT) throw new BadColumn('bad coding');
  const data = unpacked(column, width * rows, packer);
  if (width === 1) into.set(data, at);
  else if (width === 2) for (let i = 0; i < rows; i++) into[at + i] = data[i] | (data[rows + i] << 8);
  else {
    const [second, third, fourth] = [rows, 2 * rows, 3 * rows];
    for (let i = 0; i < rows; i++) {
      const top = width === 4 ? data[fourth + i] : 0;
      into[at + i] = data[i] | (data[second + i] << 8) | (data[third + i] << 16) | (top << 24);
    }
  }
}

/** Writes `rows` numbers to `into`, from `at` on. Throws BadColumn, also for what is not finite. */
export function readNumbers(
  column: ColumnMessage | null,
  rows: number,
  into: Float64Array,
  at: number,
  packer: Packer,
): void {
  if (column === null) throw new BadColumn('a column is missing');
  const { coding, width, base } = column;
  if (coding === CODING.constant) {
    if (!Number.isFinite(base)) throw new BadColumn('bad constant');
    into.fill(base, at, at + rows);
  } else if (coding === CODING.delta) readDeltas(column, rows, into, at, packer);
  else if (coding === CODING.float && width === 8) readFloats(unpacked(column, 8 * rows, packer), rows, into, at);
  else throw new BadColumn('bad coding');
}

function readDeltas(
  column: ColumnMessage,
  rows: number,
  into: Float64Array | Uint32Array,
  at: number,
  packer: Packer,
): void {
  const { width, base, unit } = column;
  if (width < 1 || width > 6 || !Number.isSafeInteger(base) || !Number.isSafeInteger(unit))
    throw new BadColumn('bad differences');
  const data = unpacked(column, width * rows, packer);
  if (width > 4) readWideDeltas(data, column, rows, into, at);
  else if (into instanceof Uint32Array) readUintDeltas(data, column, rows, into, at);
  else readFloatDeltas(data, column, rows, into, at);
}

function readUintDeltas(data: Uint8Array, column: ColumnMessage, rows: number, into: Uint32Array, at: number): void {
  const { width, unit } = column;
  const [second, third, fourth] = planesOf(width, rows);
  let value = column.base | 0;
  if (width === 1) {
    for (let i = 0; i < rows; i++) {
      const z = data[i];
      value = (value + Math.imul((z >>> 1) ^ -(z & 1), unit)) | 0;
      into[at + i] = value;
    }
    return;
  }
  if (width <= 3) {
    for (let i = 0; i < rows; i++) {
      const top = width === 3 ? data[third + i] << 16 : 0;
      const z = data[i] | (data[second + i] << 8) | top;
      value = (value + Math.imul((z >>> 1) ^ -(z & 1), unit)) | 0;
      into[at + i] = value;
    }
    return;
  }
  for (let i = 0; i < rows; i++) {
    const z = data[i] | (data[second + i] << 8) | (data[third + i] << 16) | (data[fourth + i] << 24);
    value = (value + Math.imul((z >>> 1) ^ -(z & 1), unit)) | 0;
    into[at + i] = value;
  }
}

function readFloatDeltas(data: Uint8Array, column: ColumnMessage, rows: number, into: Float64Array, at: number): void {
  const { width, unit } = column;
  const [second, third, fourth] = planesOf(width, rows);
  let value = column.base;
  if (width === 1) {
    for (let i = 0; i < rows; i++) {
      const z = data[i];
      value += ((z >>> 1) ^ -(z & 1)) * unit;
      into[at + i] = value;
    }
    return;
  }
  if (width === 2) {
    for (let i = 0; i < rows; i++) {
      const z = data[i] | (data[second + i] << 8);
      value += ((z >>> 1) ^ -(z & 1)) * unit;
      into[at + i] = value;
    }
    return;
  }
  for (let i = 0; i < rows; i++) {
    const high = data[third + i] << 16;
    const top = width > 3 ? data[fourth + i] << 24 : 0;
    const z = data[i] | (data[second + i] << 8) | high | top;
    value += ((z >>> 1) ^ -(z & 1)) * unit;
    into[at + i] = value;
  }
}

function planesOf(width: number, rows: number): readonly [number, number, number] {
  return [width > 1 ? rows : 0, width > 2 ? 2 * rows : 0, width > 3 ? 3 * rows : 0];
}

function readWideDeltas(
  data: Uint8Array,
  column: ColumnMessage,
  rows: number,
  into: Float64Array | Uint32Array,
  at: number,
): void {
  const { width, unit } = column;
  let value = column.base;
  for (let i = 0; i < rows; i++) {
    const low = (data[i] | (data[rows + i] << 8) | (data[2 * rows + i] << 16) | (data[3 * rows + i] << 24)) >>> 0;
    const high = data[4 * rows + i] | (width === 6 ? data[5 * rows + i] << 8 : 0);
    const half = Math.floor(low / 2) + high * (TWO_32 / 2);
    value += (low & 1 ? -half - 1 : half) * unit;
    into[at + i] = value;
  }
}

function readFloats(data: Uint8Array, rows: number, into: Float64Array, at: number): void {
  const view = new DataView(new ArrayBuffer(8));
  for (let i = 0; i < rows; i++) {
    for (let plane = 0; plane < 8; plane++) view.setUint8(plane, data[plane * rows + i]);
    const value = view.getFloat64(0, true);
    if (!Number.isFinite(value)) throw new BadColumn('not a finite number');
    into[at + i] = value;
  }
}

/** The planes; exactly `length` bytes. */
function unpacked(column: ColumnMessage, length: number, packer: Packer): Uint8Array {
  let data = column.data;
  if (column.packed) {
    try {
      data = packer.inflate(data, length);
    } catch {
      throw new BadColumn('data that cannot be unpacked');
    }
  }
  if (data.length !== length) throw new BadColumn('data of the wrong length');
  // A plain view: the packer's own class of arrays would make the loops see two shapes.
  return new Uint8Array(data.buffer, data.byteOffset, length);
}
