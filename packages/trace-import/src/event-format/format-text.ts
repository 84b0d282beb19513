/**
 * A tracepoint's format file, as in /sys/kernel/tracing/events/kmem/mm_page_alloc/format and inside a trace.dat:
 *
 *   name: mm_page_alloc
 *   ID: 621
 *   format:
 *   	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
 *   	field:unsigned long pfn;	offset:8;	size:8;	signed:0;
 *
 *   print fmt: "pfn=0x%lx", REC->pfn
 *
 * It is the only authority on where a field lies in a record. header_page has lines of the same shape.
 *
 * Models: kernel/trace/trace_events.c f_show(), include/trace/stages/stage4_event_fields.h.
 */
export interface FormatField {
  readonly name: string;
  /** As declared, without the name: `unsigned long`, `__data_loc char[]`. */
  readonly type: string;
  /** Bytes from the record's start. */
  readonly offset: number;
  /** Bytes; 0 for an array that goes on to the record's end. */
  readonly size: number;
  readonly signed: boolean;
  /** The field holds where its data lies: length << 16 | offset; `relative` from the field's own end. */
  readonly dynamic?: 'absolute' | 'relative';
}

export interface EventFormat {
  readonly name: string;
  readonly id: number;
  readonly fields: readonly FormatField[];
  /** All of what follows `print fmt:`; '' when there is none. */
  readonly print: string;
}

/** Characters of a format file that are looked at; the longest of a 6.12 has 40,000. */
export const MAX_FORMAT = 1 << 20;
const MAX_FIELDS = 256;
/** A record has at most a page, and a page at most this many bytes. */
const MAX_OFFSET = 1 << 20;

const FIELD = /^\s*field: ?(.{1,400}?);\s*offset:(\d{1,7});\s*size:(\d{1,7});(?:\s*signed:(\d);)?/;
const NAME = /^(.*?)\s*\b([A-Za-z_]\w{0,127})((?:\[[^\]]{0,128}\])*)$/s;

/** The name and number in a format file that begins so; undefined when it has none. */
export function formatHead(start: string): { name: string; id: number } | undefined {
  const match = /^name: (\w{1,64})\s*\nID: ?(\d{1,5})\s*\n/.exec(start);
  return match === null || Number(match[2]) > 65535 ? undefined : { name: match[1], id: Number(match[2]) };
}

/** The whole file; undefined when it is none. Lines that are no fields are left out. */
export function readFormat(text: string): EventFormat | undefined {
  const head = formatHead(text);
  if (head === undefined || text.length > MAX_FORMAT) return undefined;
  const print = /^print fmt: ?/m.exec(text);
  const fields = readFields(print === null ? text : text.slice(0, print.index));
  return { ...head, fields, print: print === null ? '' : text.slice(print.index + print[0].length) };
}

/** The fields of lines `field:…; offset:…; size:…;`. */
export function readFields(text: string): FormatField[] {
  const fields: FormatField[] = [];
  for (const line of text.split('\n')) {
    const match = FIELD.exec(line);
    const declared = match === null ? null : NAME.exec(match[1].trim().replace(/\s+/g, ' '));
    if (match === null || declared === null || fields.length === MAX_FIELDS) continue;
    const [offset, size] = [Number(match[2]), Number(match[3])];
    if (offset + size > MAX_OFFSET) continue;
    const type = (declared[1] + declared[3]).trim();
    const dynamic = type.startsWith('__data_loc') ? 'absolute' : type.startsWith('__rel_loc') ? 'relative' : undefined;
    fields.push({ name: declared[2], type, offset, size, signed: match[4] === '1', dynamic });
  }
  return fields;
}
