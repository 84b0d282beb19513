/**
 * Damage to small binary traces where it hurts: sizes, offsets, section ids, commit words, event headers, format texts. Whatever
 * comes out, it is a coded refusal or a reading in which every record is accounted for, soon and in little memory.
 */
import { ReplugError } from '@replug/core';
import { expect } from 'vitest';
import { Account } from '../account.ts';
import { UNPACKERS } from '../node/unpackers.ts';
import { readFormat } from '../event-format/format-text.ts';
import { readPrintFormat } from '../event-format/print-format.ts';
import { memoryBytes } from '../ring-buffer/bytes.ts';
import { planOf } from '../ring-buffer/event-plan.ts';
import { readRawPages, type RawPages } from '../ring-buffer/raw-pages.ts';
import { seededRandom } from '../testing/index.ts';
import { readTraceDat } from './trace-dat.ts';
import {
  alloc,
  FORMATS,
  free,
  headerPage,
  joined,
  page,
  record,
  X86,
  type Item,
  type Machine,
} from '../ring-buffer/pages.spec-kit.ts';
import { traceDat, type DatSpec } from './writer.spec-kit.ts';

const LITTLE: Machine = { ...X86, pageSize: 512 };
const BIG: Machine = { ...LITTLE, little: false };
const NARROW: Machine = { ...LITTLE, longSize: 4 };

const items = (machine: Machine): Item[] => [
  { delta: 1, payload: alloc(machine, 12, 0x100, 1, 0x40, 1) },
  { extend: 2 ** 30 },
  { delta: 2, payload: free(machine, 34, 0x100, 1), long: true },
  {
    delta: 1,
    payload: record(machine, 4, 34, [
      [2, 4],
      [0xffffffff81000010n, 8],
      [0x1234, 8],
    ]),
  },
  { padding: 8, delta: 3 },
  { stamp: 2 ** 33 },
  {
    delta: 4,
    payload: record(machine, 5, 12, [
      [0, 8],
      [0x6f6b, 4],
    ]),
  },
  {
    delta: 5,
    payload: record(machine, 302, 12, [
      [1, 8],
      [2, 8],
      [3, 8],
      [4, 8],
      [1, 1],
    ]),
  },
];

const pages = (machine: Machine, cpu: number): Uint8Array =>
  joined(
    page(machine, 1000 + cpu, items(machine)),
    page(machine, 2 ** 34, [{ delta: 0, payload: free(machine, 99, 7) }], { lost: 5 }),
  );

function file(version: 6 | 7, machine: Machine, compression: DatSpec['compression']): Uint8Array {
  const cpus = [0, 1].map((cpu) => ({ cpu, pages: pages(machine, cpu) }));
  const options = [[7, new TextEncoder().encode('100\0')] as const];
  const formats = [FORMATS.mm_page_alloc, FORMATS.mm_page_free, FORMATS.mm_compaction_begin];
  const buffers = [
    { name: '', cpus },
    { name: 'b', cpus: cpus.slice(0, 1) },
  ];
  return traceDat({
    version,
    machine,
    compression,
    formats,
    ftraceFormats: [FORMATS.print, FORMATS.kernel_stack],
    options,
    buffers,
  });
}

const FILES = [
  file(6, LITTLE, 'none'),
  file(6, BIG, 'none'),
  file(7, LITTLE, 'none'),
  file(7, BIG, 'none'),
  file(7, NARROW, 'none'),
  file(7, LITTLE, 'zlib'),
  file(7, LITTLE, 'zstd'),
];

const raw = (machine: Machine): RawPages => ({
  cpus: [0, 1].map((cpu) => ({ cpu, bytes: memoryBytes(pages(machine, cpu)) })),
  headerPage: headerPage(machine),
  formats: [FORMATS.mm_page_alloc, FORMATS.mm_page_free, FORMATS.print, FORMATS.kernel_stack].map(({ text }) => text),
  cmdlines: '12 sh\n',
  stats: '== cpu0\nentries: 9\noverrun: 1\n',
});
const RAW = [raw(LITTLE), raw(BIG), raw(NARROW)];

type Random = () => number;
const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)];
const upTo = (random: Random, most: number) => Math.floor(random() * most);

/** Numbers that are at an edge of something. */
const EDGES = [
  0,
  1,
  2,
  3,
  4,
  5,
  7,
  8,
  12,
  16,
  22,
  27,
  28,
  29,
  30,
  31,
  111,
  116,
  255,
  256,
  495,
  496,
  497,
  511,
  512,
  513,
  4096,
  65535,
  65536,
  0x7ffffff,
  0x8000000,
  0x3fffffff,
  0x40000000,
  0x7fffffff,
  0x80000000,
  0xc0000010,
  0xffffffff,
  2 ** 32,
  2 ** 48,
  2 ** 53,
];
const CHARACTERS = '(){}[],;:"\\%|&~!<>=?+-*/.0129axXREC->_ \n\t\0\u00ff';

/** Sets a number of 1, 2, 4 or 8 bytes to an edge, or moves it a little. */
function setNumber(bytes: Uint8Array, random: Random): void {
  const size = pick(random, [1, 2, 4, 4, 8]);
  if (bytes.length < size) return;
  const at = upTo(random, bytes.length - size + 1);
  const little = random() < 0.6;
  let value = BigInt(random() < 0.15 ? upTo(random, bytes.length) : pick(random, EDGES));
  if (random() < 0.3) {
    value = 0n;
    for (let i = 0; i < size; i++) value |= BigInt(bytes[at + i]) << BigInt(8 * (little ? i : size - 1 - i));
    value += BigInt(upTo(random, 17) - 8);
  }
  for (let i = 0; i < size; i++) {
    bytes[at + i] = Number((value >> BigInt(8 * (little ? i : size - 1 - i))) & 255n);
  }
}

function mutateBytes(whole: Uint8Array, random: Random): Uint8Array {
  let bytes = whole.slice();
  for (let count = 1 + upTo(random, 3); count > 0; count--) {
    const kind = random();
    if (kind < 0.75) setNumber(bytes, random);
    else if (kind < 0.85) bytes[upTo(random, bytes.length)] ^= 1 << upTo(random, 8);
    else if (kind < 0.9) bytes = bytes.slice(0, upTo(random, bytes.length));
    else if (kind < 0.95) {
      const from = upTo(random, bytes.length);
      bytes.copyWithin(upTo(random, bytes.length), from, from + upTo(random, 64));
    } else {
      const at = upTo(random, bytes.length);
      for (let i = at; i < Math.min(bytes.length, at + 6); i++)
        bytes[i] = CHARACTERS.charCodeAt(upTo(random, CHARACTERS.length));
    }
  }
  return bytes;
}

function mutateText(text: string, random: Random): string {
  const at = upTo(random, text.length);
  const inserted = Array.from({ length: upTo(random, 4) }, () => CHARACTERS[upTo(random, CHARACTERS.length)]).join('');
  const kind = random();
  if (kind < 0.4) return text.slice(0, at) + inserted + text.slice(at + inserted.length);
  if (kind < 0.6) return text.slice(0, at) + text.slice(at + upTo(random, 40));
  if (kind < 0.8) return text.replace(/\d+/g, (number) => (random() < 0.2 ? String(pick(random, EDGES)) : number));
  return text.slice(0, at) + text.slice(at, at + 20).repeat(1 + upTo(random, 30)) + text.slice(at);
}

/** The head and the tables of a file are a small part of it: most damage goes there. */
function mutateFile(whole: Uint8Array, random: Random): Uint8Array {
  const kind = random();
  if (kind < 0.35) return mutateBytes(whole, random);
  const parts = kind < 0.5 ? [0, 48] : kind < 0.75 ? [whole.length - 260, whole.length] : undefined;
  if (parts === undefined) {
    const at = upTo(random, whole.length);
    return joined(whole.subarray(0, at), mutateBytes(whole.subarray(at, at + 600), random), whole.subarray(at + 600));
  }
  const [from, to] = parts;
  return joined(whole.subarray(0, from), mutateBytes(whole.subarray(from, to), random), whole.subarray(to));
}

/** Bytes that a reading may take beside what is read: a few tables of fixed size. */
const MOST_ROWS_A_BYTE = 1 / 8;
const PAGE_REASONS = new Set(['torn-page', 'bad-page', 'cut-page', 'bad-piece']);
const REFUSALS = /^RP40(?:05|07|08|13|14|15|16|18)$/;

export interface Outcome {
  read: number;
  refused: number;
  /** ms of the longest one. */
  longest: number;
  codes: Set<string>;
}

function judge(
  outcome: Outcome,
  size: number,
  read: (account: Account) => { readonly length: number } | undefined,
): void {
  const account = new Account('hostile', 'trace-dat');
  const begin = performance.now();
  try {
    const events = read(account);
    outcome.read++;
    const { details } = account;
    if (details.records !== undefined && account.lines === 0) {
      const skipped = Object.entries(account.skipped).filter(([reason]) => !PAGE_REASONS.has(reason));
      const settled = skipped.reduce((sum, [, count]) => sum + count, account.events + (details['stack records'] ?? 0));
      if (settled !== details.records) throw new Error(`${settled} of ${details.records} records are accounted for`);
      if ((events?.length ?? 0) > size * MOST_ROWS_A_BYTE) throw new Error(`${events?.length} rows of ${size} bytes`);
    }
  } catch (error) {
    if (!(error instanceof ReplugError) || !REFUSALS.test(error.code)) throw error;
    outcome.refused++;
    outcome.codes.add(error.code);
  }
  outcome.longest = Math.max(outcome.longest, performance.now() - begin);
}

const nothing = (): Outcome => ({ read: 0, refused: 0, longest: 0, codes: new Set() });

/** Reads `count` damaged files, and of each fourth instead damaged raw pages with damaged texts beside them. */
export function surviveFiles(count: number, seed: number): Outcome {
  const random = seededRandom(seed);
  const outcome = nothing();
  for (let i = 0; i < count; i++) {
    if (i % 4 === 3) {
      const given = mutateRaw(pick(random, RAW), random);
      const size = given.cpus.reduce((sum, { bytes }) => sum + bytes.size, 0);
      judge(outcome, size, (account) => readRawPages(given, account).trace?.events);
    } else {
      const bytes = mutateFile(pick(random, FILES), random);
      // What is compressed may come to more than the file; the bound is that of the pieces.
      const size = bytes.length * 16;
      judge(
        outcome,
        size,
        (account) => readTraceDat(memoryBytes(bytes), account, { unpackers: UNPACKERS }).trace?.events,
      );
    }
  }
  expect(outcome.read + outcome.refused).toBe(count);
  return outcome;
}

function mutateRaw({ cpus, ...texts }: RawPages, random: Random): RawPages {
  const damaged = cpus.map(({ cpu, bytes }) => {
    const content = new Uint8Array(bytes.size);
    bytes.read(0, content);
    return { cpu, bytes: memoryBytes(random() < 0.7 ? mutateBytes(content, random) : content) };
  });
  return {
    ...texts,
    cpus: damaged,
    headerPage: random() < 0.2 ? mutateText(texts.headerPage, random) : texts.headerPage,
    formats: random() < 0.5 ? texts.formats.map((text) => mutateText(text, random)) : texts.formats,
  };
}

/** Pages that are read with one set of tables. A page begins anew whatever the one before it was. */
const PAGES_AT_ONCE = 64;

/** Reads `count` damaged pages, a few of them at a time. */
export function survivePages(count: number, seed: number): Outcome {
  const random = seededRandom(seed);
  const outcome = nothing();
  const whole = [LITTLE, BIG, NARROW].map((machine) => pages(machine, 0));
  for (let left = count; left > 0; left -= PAGES_AT_ONCE) {
    const which = upTo(random, RAW.length);
    const damaged = Array.from({ length: PAGES_AT_ONCE }, () => {
      const bytes = mutateBytes(whole[which].subarray(0, 512), random);
      return joined(bytes, new Uint8Array(512 - bytes.length));
    });
    const given = { ...RAW[which], cpus: [{ cpu: 1, bytes: memoryBytes(joined(...damaged)) }] };
    judge(outcome, PAGES_AT_ONCE * 512, (account) => {
      const { events } = readRawPages(given, account, { bigEndian: which === 1 }).trace!;
      const { pages: held = 0 } = account.details;
      const seen = held + (account.skipped['bad-page'] ?? 0);
      if (seen !== PAGES_AT_ONCE) throw new Error(`${seen} of ${PAGES_AT_ONCE} pages are accounted for`);
      return events;
    });
  }
  expect(outcome.refused).toBe(0);
  return outcome;
}

/** Reads `count` damaged format texts; gives how many of them were understood. */
export function surviveFormats(count: number, seed: number): { understood: number; longest: number } {
  const random = seededRandom(seed);
  const texts = Object.values(FORMATS).map(({ text }) => text);
  let understood = 0;
  let longest = 0;
  for (let i = 0; i < count; i++) {
    let text = pick(random, texts);
    for (let times = 1 + upTo(random, 3); times > 0; times--) text = mutateText(text, random);
    const begin = performance.now();
    const format = readFormat(text);
    if (format !== undefined && readPrintFormat(format.print, 64) !== undefined) understood++;
    if (format !== undefined) planOf(format, { little: true, longBits: 64, variables: new Map() });
    longest = Math.max(longest, performance.now() - begin);
  }
  return { understood, longest };
}
