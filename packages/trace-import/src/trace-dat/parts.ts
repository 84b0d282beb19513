/**
 * The parts that versions 6 and 7 have in common, whatever frames them: page and event headers, format files, names of tasks.
 * Of the format files only what the catalogue has is read as a whole; of the others name and number. kallsyms is read when
 * somebody asks, printk formats are skipped.
 *
 * Models: trace-cmd.dat.v6(5), trace-cmd.dat.v7(5).
 */
import { TRACEPOINT_KIND } from '@replug/core';
import { damagedTraceDat } from '../errors.ts';
import { formatHead, MAX_FORMAT, readFormat, type EventFormat } from '../event-format/format-text.ts';
import { OTHER_NAMES, STACK_EVENTS } from '../ftrace-text/event-sink.ts';
import type { Cursor } from './cursor.ts';

/** Number, name, and the beginning of the fields: common_type is the first. */
const HEAD = 512;
const MAX_SYSTEMS = 4096;
const MAX_EVENTS = 65536;
const MAX_HEADER = 65536;
const MAX_CMDLINES = 64 << 20;
const MAX_KALLSYMS = 32 << 20;

/** What a file tells beside the pages. */
export interface Parts {
  pageHeader: string;
  formats: EventFormat[];
  cmdlines: string;
  /** The text of /proc/kallsyms; empty where there is none. */
  kallsyms: () => string;
  /** Format files that are none, or too long. */
  badFormats: number;
}

export function emptyParts(): Parts {
  return { pageHeader: '', formats: [], cmdlines: '', kallsyms: () => '', badFormats: 0 };
}

export function readHeaders(cursor: Cursor, parts: Parts): void {
  if (cursor.string(32) !== 'header_page') throw damagedTraceDat('there is no header_page at byte', cursor.at);
  parts.pageHeader = cursor.text(bounded(cursor.u64(), MAX_HEADER, 'bytes of header_page'));
  if (cursor.string(32) !== 'header_event') throw damagedTraceDat('there is no header_event at byte', cursor.at);
  cursor.skip(cursor.u64());
}

/** Formats of ftrace's own events. */
export function readFtraceFormats(cursor: Cursor, parts: Parts): void {
  readFormats(cursor, bounded(cursor.u32(), MAX_EVENTS, 'formats'), parts);
}

/** Formats of all systems. */
export function readSystems(cursor: Cursor, parts: Parts): void {
  const systems = bounded(cursor.u32(), MAX_SYSTEMS, 'event systems');
  for (let i = 0; i < systems; i++) {
    cursor.string();
    readFormats(cursor, bounded(cursor.u32(), MAX_EVENTS, 'formats'), parts);
  }
}

export function readCmdlines(cursor: Cursor, parts: Parts): void {
  const size = cursor.u64();
  const taken = Math.min(size, MAX_CMDLINES);
  parts.cmdlines = cursor.text(taken);
  cursor.skip(size - taken);
}

/** A u32 size and as many bytes; only a call chain asks for them. */
export function readKallsyms(cursor: Cursor, parts: Parts): void {
  const place = cursor.fork();
  parts.kallsyms = () => kallsymsText(place);
  skipCounted(cursor);
}

export function kallsymsText(cursor: Cursor): string {
  return cursor.text(Math.min(cursor.u32(), MAX_KALLSYMS));
}

/** A u32 size and as many bytes, which nobody wants: printk formats. */
export function skipCounted(cursor: Cursor): void {
  cursor.skip(cursor.u32());
}

function readFormats(cursor: Cursor, count: number, parts: Parts): void {
  for (let i = 0; i < count; i++) {
    const size = cursor.u64();
    if (parts.formats.length === MAX_EVENTS) throw damagedTraceDat('more formats than events have numbers', MAX_EVENTS);
    const taken = Math.min(size, HEAD);
    const start = cursor.text(taken);
    const head = formatHead(start);
    if (head === undefined || size > MAX_FORMAT) {
      parts.badFormats++;
      cursor.skip(size - taken);
      continue;
    }
    const wanted = isWanted(head.name);
    const format = readFormat(wanted ? start + cursor.text(size - taken) : start.replace(/^print fmt:[^]*$/m, ''));
    if (!wanted) cursor.skip(size - taken);
    if (format === undefined) parts.badFormats++;
    else parts.formats.push(format);
  }
}

const isWanted = (name: string) => TRACEPOINT_KIND.has(name) || OTHER_NAMES.has(name) || STACK_EVENTS.has(name);

function bounded(count: number, most: number, what: string): number {
  if (count > most) throw damagedTraceDat(`there cannot be so many ${what}`, count);
  return count;
}
