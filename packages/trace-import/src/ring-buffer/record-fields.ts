/**
 * Fields of one record, by the format file: for what is read now and then. A field that lies outside its record, or is no
 * integer, is undefined.
 */
import type { EventFormat, FormatField } from '../event-format/format-text.ts';
import type { Surroundings } from '../event-format/evaluate.ts';

/** Bytes of the longest text that is taken from a record. */
const MAX_TEXT = 65536;
const decoder = new TextDecoder();

export class RecordFields implements Surroundings {
  private readonly little: boolean;
  private readonly variables: ReadonlyMap<string, number>;
  private readonly byName: ReadonlyMap<string, FormatField>;
  private view: DataView = new DataView(new ArrayBuffer(0));
  private at = 0;
  private length = 0;

  constructor(format: EventFormat, little: boolean, variables: ReadonlyMap<string, number>) {
    this.little = little;
    this.variables = variables;
    this.byName = new Map(format.fields.map((field) => [field.name, field]));
  }

  /** The record that is asked about from now on. */
  moveTo(view: DataView, at: number, length: number): void {
    this.view = view;
    this.at = at;
    this.length = length;
  }

  field(name: string): bigint | undefined {
    const field = this.byName.get(name);
    if (field === undefined || field.dynamic !== undefined || field.offset + field.size > this.length) return undefined;
    const { view, little } = this;
    const at = this.at + field.offset;
    const unsigned = field.size === 8 ? view.getBigUint64(at, little) : smallInteger(view, at, field.size, little);
    if (unsigned === undefined) return undefined;
    return field.signed ? BigInt.asIntN(field.size * 8, unsigned) : unsigned;
  }

  /** What `__get_str` gives, or the characters of an array. */
  text(name: string): string | undefined {
    const field = this.byName.get(name);
    if (field === undefined || field.offset + field.size > this.length) return undefined;
    let from = field.offset;
    let length = field.size === 0 ? this.length - from : field.size;
    if (field.dynamic !== undefined) {
      if (field.size !== 4) return undefined;
      const place = this.view.getUint32(this.at + field.offset, this.little);
      from = (place & 0xffff) + (field.dynamic === 'relative' ? field.offset + 4 : 0);
      length = place >>> 16;
    } else if (!field.type.includes('[')) return undefined;
    if (from + length > this.length) return undefined;
    const start = this.view.byteOffset + this.at + from;
    const bytes = new Uint8Array(this.view.buffer, start, Math.min(length, MAX_TEXT));
    const zero = bytes.indexOf(0);
    return decoder.decode(zero === -1 ? bytes : bytes.subarray(0, zero));
  }

  name(name: string): bigint | undefined {
    const value = this.variables.get(name);
    return value === undefined ? undefined : BigInt(value);
  }
}

function smallInteger(view: DataView, at: number, size: number, little: boolean): bigint | undefined {
  if (size === 4) return BigInt(view.getUint32(at, little));
  if (size === 2) return BigInt(view.getUint16(at, little));
  return size === 1 ? BigInt(view.getUint8(at)) : undefined;
}
