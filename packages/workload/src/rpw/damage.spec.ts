import { deflateRawSync } from 'node:zlib';
import { KIND, ReplugError } from '@replug/core';
import { describe, expect, it } from 'vitest';
import { EventColumnsBuilder } from '../builder.ts';
import { zlibPacker } from '../node/index.ts';
import type { Recording } from '../recording.ts';
import { constantColumn } from './column.ts';
import { RpwEncoder } from './encoder.ts';
import { fileHead, PACKING, readSectionHead, SECTION, SECTION_HEAD, sectionBytes, trailer } from './format.ts';
import { catalogueKinds } from './kinds.ts';
import { openRpwSource } from './open.ts';
import { readRecording } from './read.ts';
import { everything, smallEvents, smallFlags } from './recording.spec-kit.ts';
import { encodeMessage, type EntryMessage, type EventsMessage, type HeaderMessage } from './schema.ts';
import { bytesSource } from './source.ts';

const NOBODY = { writer: '', options: {}, sources: [] };

/** The small recording in chunks of two events, as bytes. */
function smallFile(): Uint8Array {
  const { trace, steps, dmesg, files, warnings, ...head } = everything();
  const { hasPageFlags: _, pageFlags: __, ...step } = steps[0];
  const encoder = new RpwEncoder(zlibPacker, { chunkRows: 2 });
  const sections = [
    ...encoder.begin(head, NOBODY),
    ...encoder.step(step, true),
    ...encoder.pageFlags(0, smallFlags()),
    ...encoder.endPageFlags(0),
    ...encoder.dmesg(dmesg),
    ...encoder.files(files),
    ...encoder.warnings(warnings),
    ...encoder.events(smallEvents()),
    ...encoder.trace(trace),
    ...encoder.end(),
  ];
  return Uint8Array.from(Buffer.concat(sections));
}

const read = async (bytes: Uint8Array): Promise<Recording> =>
  readRecording(await openRpwSource(bytesSource(bytes, 'test.rpw'), zlibPacker));

/** Reads; the code of a coded error, anything else is a failure of the test. */
async function readOrCode(bytes: Uint8Array): Promise<Recording | string> {
  try {
    return await read(bytes);
  } catch (error) {
    if (error instanceof ReplugError) return error.code;
    throw error;
  }
}

const ownWarnings = (recording: Recording) =>
  recording.warnings.map((w) => w.name).filter((name) => name.startsWith('rpw-'));
const lostRows = ({ files }: Recording) =>
  Object.values(files.find((f) => f.format === 'rpw')?.skipped ?? {}).reduce((a, b) => a + b, 0);

/** Where the sections of a type begin. */
function sectionsOf(bytes: Uint8Array, type: number): number[] {
  const places: number[] = [];
  for (let at = 16; ;) {
    const head = readSectionHead(bytes, at);
    if (head === undefined) return places;
    if (head.type === type) places.push(at);
    at += SECTION_HEAD + head.stored;
  }
}

function flipped(bytes: Uint8Array, at: number, mask = 0xff): Uint8Array {
  const copy = bytes.slice();
  copy[at] ^= mask;
  return copy;
}

describe('damage', () => {
  const whole = smallFile();

  it('is none in a whole file', async () => {
    const recording = await read(whole);
    expect(ownWarnings(recording)).toEqual([]);
    expect(recording.trace!.events.length).toBe(6);
  });

  it('of any one byte is an error or named, and no event is lost in silence: 2,000 flips', async () => {
    let random = 1;
    const errors = new Set<string>();
    for (let round = 0; round < 2000; round++) {
      random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
      const at = random % whole.length;
      const result = await readOrCode(flipped(whole, at, 1 + ((random >>> 24) % 255)));
      if (typeof result === 'string') {
        errors.add(result);
        continue;
      }
      expect(ownWarnings(result), `byte ${at}`).not.toEqual([]);
      expect(result.trace!.events.length + lostRows(result), `byte ${at}`).toBe(6);
    }
    expect([...errors].sort()).toEqual(['RP3101', 'RP3103']);
  });

  it('by a cut leaves what is whole: 200 cuts', async () => {
    const times = [...smallEvents().time];
    const codes = new Set<string>();
    const lengths = new Set<number>();
    for (let cut = 0; cut < 200; cut++) {
      const length = Math.floor((cut * whole.length) / 200);
      const result = await readOrCode(whole.subarray(0, length));
      if (typeof result === 'string') codes.add(result);
      else {
        expect(ownWarnings(result), `cut at ${length}`).toContain('rpw-index-missing');
        const events = result.trace?.events;
        expect([...(events?.time ?? [])]).toEqual(times.slice(0, events?.length ?? 0));
        lengths.add(events?.length ?? 0);
      }
    }
    expect([...codes].sort()).toEqual(['RP3101', 'RP3103']);
    expect([...lengths].sort()).toEqual([0, 2, 4, 6]);
  });

  it('of a chunk costs its rows, which count as lost', async () => {
    const [, second] = sectionsOf(whole, SECTION.events);
    const recording = await read(flipped(whole, second + SECTION_HEAD + 5));
    expect(recording.trace!.events.length).toBe(4);
    // 3 were lost while recording.
    expect(recording.trace!.lost).toBe(5);
    expect(recording.trace!.counts).toEqual({
      mm_page_alloc: 2,
      mm_compaction_isolate_freepages: 1,
      mm_page_free: 1,
      foo: 9,
    });
    expect(recording.files.at(-1)).toMatchObject({
      path: 'test.rpw',
      format: 'rpw',
      events: 4,
      skipped: { damaged: 2 },
    });
    expect(recording.warnings.find((w) => w.name === 'rpw-checksum')!.text).toContain(`events at byte ${second}`);
  });

  it('of the directory is read around', async () => {
    const recording = await read(whole.subarray(0, whole.length - 10));
    expect(ownWarnings(recording)).toEqual(['rpw-index-missing', 'rpw-truncated']);
    expect(recording.trace!.events.length).toBe(6);
  });

  it('of a section head without a directory is skipped to the next head', async () => {
    const [first] = sectionsOf(whole, SECTION.events);
    const recording = await read(flipped(whole.subarray(0, whole.length - 10), first + 9));
    expect(ownWarnings(recording)).toContain('rpw-bytes-skipped');
    expect([recording.trace!.events.length, recording.trace!.lost]).toEqual([4, 5]);
  });

  it('of page flags takes them from their step, not from others', async () => {
    const [flags] = sectionsOf(whole, SECTION.pageFlags);
    const { steps, warnings } = await read(flipped(whole, flags + SECTION_HEAD + 3));
    expect([steps[0].hasPageFlags, steps[0].pageFlags()]).toEqual([false, undefined]);
    expect(warnings.find((w) => w.name === 'rpw-page-flags-lost')!.text).toContain('01-before');
  });

  it('of a dictionary leaves its events without texts', async () => {
    const [words] = sectionsOf(whole, SECTION.dictionary);
    const recording = await read(flipped(whole, words + SECTION_HEAD));
    // Without any entry only rows of index 0 are possible.
    expect(recording.trace!.events.length + lostRows(recording)).toBe(6);
    expect(ownWarnings(recording)).toContain('rpw-checksum');
  });
});

describe('hostile files', () => {
  const header: HeaderMessage = {
    ...{ name: '', path: '', arch: 'x86_64', pageSize: 4096, kernel: '', commandLine: '', bigEndian: false },
    provenance: NOBODY,
    kinds: catalogueKinds(),
  };
  const section = (type: number, content: Uint8Array) => sectionBytes(type, PACKING.none, content, content.length);
  const fileOf = (...sections: Uint8Array[]) =>
    Buffer.concat([fileHead(), section(SECTION.header, encodeMessage('Header', header)), ...sections]);
  const constant = constantColumn(0);
  const chunk: EventsMessage = {
    ...{ firstRow: 0, rows: 1 << 20, leastTime: 0, greatestTime: 0, argCount: 0 },
    ...{ time: constant, pfnLow: constant, pfnHigh: constant, kind: constantColumn(1), unit: constant },
    ...{ flags: constant, cpu: constant, gfp: constant, task: constant, args: constant },
  };
  const events = (changes: Partial<EventsMessage>) =>
    section(SECTION.events, encodeMessage('EventChunk', { ...chunk, ...changes }));

  it('get 64 MiB and 1,000 times their size of memory', async () => {
    const chunks = Array.from({ length: 100 }, (_, i) => events({ firstRow: i << 20 }));
    const file = fileOf(...chunks);
    const { trace, warnings } = await read(file);
    expect(trace!.events.length * 24).toBeLessThan(2 ** 26 + 1000 * file.length);
    expect(trace!.events.length).toBeGreaterThan(0);
    expect(warnings.map((w) => w.name)).toContain('rpw-over-limit');
  });

  it('may be read chunk by chunk any number of times', async () => {
    const file = fileOf(events({}), events({ firstRow: 1 << 20 }));
    const open = await openRpwSource(bytesSource(file, 'test.rpw'), zlibPacker);
    const rows = [0, 0, 0];
    for (const round of rows.keys()) for await (const chunk of open.events()) rows[round] += chunk.length;
    expect(rows).toEqual([2 << 20, 2 << 20, 2 << 20]);
  });

  it('have no page flags that are 10,000 times larger', async () => {
    const step = { ordinal: 0, number: 1, name: 'a', path: '', hasPageFlags: true };
    const pages = { ordinal: 0, pages: 1 << 20, low: constant, high: constant };
    const chunks = Array.from({ length: 40 }, (_, i) =>
      section(SECTION.pageFlags, encodeMessage('PageFlagsChunk', { ...pages, firstPfn: i << 20 })),
    );
    const close = { ordinal: 0, pages: 40 << 20, hasCount: false };
    const recording = await read(
      fileOf(
        section(SECTION.step, encodeMessage('Step', step)),
        ...chunks,
        section(SECTION.pageFlagsEnd, encodeMessage('PageFlagsEnd', close)),
      ),
    );
    expect(recording.steps[0].hasPageFlags).toBe(false);
    expect(ownWarnings(recording)).toContain('rpw-page-flags-lost');
  });

  it('cannot unpack to more than they say', async () => {
    const bomb = deflateRawSync(new Uint8Array(1 << 24));
    const time = { coding: 1, width: 1, base: 0, unit: 0, packed: true, data: bomb };
    const recording = await read(fileOf(events({ rows: 10, kind: time })));
    expect(ownWarnings(recording)).toContain('rpw-malformed');
    const words = sectionBytes(SECTION.dictionary, PACKING.deflateRaw, bomb, 100);
    expect(ownWarnings(await read(fileOf(words)))).toContain('rpw-malformed');
  });

  it.each<[string, Partial<EventsMessage>]>([
    ['no rows', { rows: 0 }],
    ['too many rows', { rows: 2 ** 32 - 1 }],
    ['a kind that is none', { kind: constantColumn(77) }],
    ['a task that is none', { task: constantColumn(1) }],
    ['a cpu of 17 bits', { cpu: constantColumn(65536) }],
    ['no column', { cpu: null }],
    ['a time that is no number', { time: constantColumn(Infinity) }],
    ['values that nobody owns', { argCount: 1 }],
    ['more values than fit', { argCount: 2 ** 32 - 1 }],
    ['an unknown coding', { time: { ...constant, coding: 9 } }],
    ['wide planes', { pfnLow: { ...constant, coding: 1, width: 200 } }],
    ['too little data', { pfnLow: { ...constant, coding: 2, width: 2, unit: 1, data: new Uint8Array(5) } }],
    ['no deflate', { unit: { ...constant, coding: 1, width: 1, packed: true, data: new Uint8Array(5) } }],
  ])('a chunk with %s is left out', async (_, changes) => {
    const recording = await read(fileOf(events(changes)));
    expect(ownWarnings(recording).filter((name) => name !== 'rpw-index-missing')).toEqual(['rpw-malformed']);
    expect(recording.trace).toBeUndefined();
  });

  it('rows that come twice are taken once', async () => {
    const few = events({ rows: 5 });
    const recording = await read(fileOf(few, few));
    expect(recording.trace!.events.length).toBe(5);
    expect(ownWarnings(recording)).toContain('rpw-malformed');
  });

  it('a directory that overlaps, lies or claims the moon is not believed', async () => {
    const few = events({ rows: 5 });
    const start = fileOf(few);
    const entry: EntryMessage = {
      type: SECTION.events,
      offset: start.length - few.length,
      length: few.length,
      ...{ firstRow: 0, rows: 5, leastTime: 0, greatestTime: 0 },
    };
    const withEntries = (...entries: EntryMessage[]) => {
      const directory = section(SECTION.directory, encodeMessage('Directory', { entries }));
      return Buffer.concat([start, directory, trailer(start.length)]);
    };
    expect(ownWarnings(await read(withEntries(entry)))).toEqual(['rpw-trace-unfinished']);
    expect(ownWarnings(await read(withEntries(entry, entry)))).toContain('rpw-index-missing');
    const moon = await read(withEntries({ ...entry, rows: 2 ** 32 - 1 }));
    expect(moon.trace!.events.length).toBe(5);
    const shifted = await read(withEntries({ ...entry, offset: entry.offset - 1 }));
    expect(ownWarnings(shifted)).toContain('rpw-checksum');
  });

  it.each([
    ['pageSize', { pageSize: 4095 }, 'no page size'],
    ['arch', { arch: 'pdp11' }, 'unknown architecture'],
    ['kinds', { kinds: [{ name: 'mm_page_free', fields: [] }] }, 'mm_page_free is another'],
  ])('a header with a wrong %s is an error', async (_, changes, text) => {
    const bytes = [fileHead(), section(SECTION.header, encodeMessage('Header', { ...header, ...changes }))];
    await expect(read(Buffer.concat(bytes))).rejects.toThrow(new RegExp(`RP3103.*${text}`));
  });

  it('kinds and sections of a later version are left out and counted', async () => {
    const kinds = [...header.kinds, { name: 'mm_new', fields: ['a', 'b'] }];
    const next = catalogueKinds().length;
    const mixed = { coding: 1, width: 1, base: 0, unit: 0, packed: false, data: Uint8Array.of(1, next, 2, next) };
    const bytes = Buffer.concat([
      fileHead(),
      section(SECTION.header, encodeMessage('Header', { ...header, kinds })),
      events({ rows: 4, kind: mixed, pfnLow: { ...mixed, data: Uint8Array.of(7, 0, 9, 0) }, argCount: 4 }),
      section(99, new Uint8Array(3)),
    ]);
    const { trace, warnings, files } = await read(bytes);
    expect([...trace!.events.kind]).toEqual([1, 2]);
    expect([...trace!.events.pfnLow]).toEqual([7, 9]);
    expect(files[0].skipped).toEqual({ 'unknown-kind': 2 });
    expect(warnings.map((w) => w.name)).toContain('rpw-section-unknown');
  });

  it('millions of tiny lies take no time', async () => {
    const junk = Buffer.alloc(1 << 20, Buffer.from('RPWS'));
    const since = performance.now();
    const recording = await read(fileOf(junk, events({ rows: 3 }), junk));
    expect(recording.trace!.events.length).toBe(3);
    expect(performance.now() - since).toBeLessThan(5000);
  });
});

it('a large trace comes back chunk by chunk', async () => {
  const builder = new EventColumnsBuilder();
  const task = builder.internTask('a', 1);
  for (let i = 0; i < 150_000; i++) builder.pushPage(KIND.mm_page_free, i * 1000, 3, 0, task, i * 7, 0);
  const events = builder.finish();
  const { trace, ...rest } = everything();
  const encoder = new RpwEncoder(zlibPacker);
  const bytes = Buffer.concat([
    ...encoder.begin(rest, NOBODY),
    ...encoder.events(events),
    ...encoder.trace(trace),
    ...encoder.end(),
  ]);
  expect(bytes.length).toBeLessThan(150_000);
  const file = await openRpwSource(bytesSource(bytes, 'large.rpw'), zlibPacker);
  const lengths: number[] = [];
  for await (const chunk of file.events({ fromNs: 65_536_000, toNs: 131_072_000 })) lengths.push(chunk.length);
  expect(lengths).toEqual([65536]);
  expect(file.sections.filter((s) => s.rows > 0).map((s) => [s.leastTime, s.greatestTime])).toEqual([
    [0, 65_535_000],
    [65_536_000, 131_071_000],
    [131_072_000, 149_999_000],
  ]);
  const back = (await readRecording(file)).trace!.events;
  const bytesOf = ({ buffer, byteOffset, byteLength }: Float64Array | Uint32Array) =>
    Buffer.from(buffer, byteOffset, byteLength);
  expect(bytesOf(back.time).equals(bytesOf(events.time))).toBe(true);
  expect(bytesOf(back.pfnLow).equals(bytesOf(events.pfnLow))).toBe(true);
});
