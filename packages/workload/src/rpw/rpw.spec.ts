import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emptyEvents, eventWord, sliceEvents } from '../builder.ts';
import { eventArg, eventPfn, type EventColumns } from '../events.ts';
import { openRpw, readRpw, RpwWriter, writeRpw } from '../node/index.ts';
import { DESCRIPTOR } from './descriptor.ts';
import { fileHead } from './format.ts';
import { bare, comparable, everything, smallEvents, smallFlags } from './recording.spec-kit.ts';
import { upgrade } from './upgrade.ts';

const golden = fileURLToPath(new URL('../../fixtures/version-1.rpw', import.meta.url));
const schema = fileURLToPath(new URL('../../schema/replug.proto', import.meta.url));

let folder = '';
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'replug-rpw-'))));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

describe('a recording', () => {
  it('comes back with every field', async () => {
    expect(await writeRpw(everything(), at('all.rpw'))).toMatchObject({ events: 6, steps: 1 });
    const back = await readRpw(at('all.rpw'));
    expect(comparable(back)).toEqual(comparable(everything()));
    expect(Object.keys(back.steps[0]).sort()).toEqual(Object.keys(everything().steps[0]).sort());
  });

  it('comes back without what it does not have', async () => {
    await writeRpw(bare(), at('bare.rpw'));
    const back = await readRpw(at('bare.rpw'));
    expect(comparable(back)).toStrictEqual(comparable(bare()));
  });

  it('keeps a trace without events', async () => {
    const trace = { path: 't', events: emptyEvents(), counts: {}, lost: 4, clock: 'boot', fromBoot: false };
    await writeRpw({ ...bare(), trace }, at('empty.rpw'));
    expect((await readRpw(at('empty.rpw'))).trace).toStrictEqual(trace);
  });

  it('is the same bytes each time, and leaves nothing else behind', async () => {
    await writeRpw(everything(), at('one.rpw'));
    await writeRpw(everything(), at('two.rpw'));
    expect(readFileSync(at('one.rpw')).equals(readFileSync(at('two.rpw')))).toBe(true);
    expect(readdirSync(folder).filter((name) => !name.endsWith('.rpw'))).toEqual([]);
  });

  it('tells where it came from', async () => {
    const sources = [{ path: 'meta.txt', bytes: 12, sha256: 'ab'.repeat(32) }];
    const provenance = { writer: 'replug 0.1.0', options: { pageFlags: 'true' }, sources };
    await writeRpw(everything(), at('from.rpw'), { provenance });
    const open = await openRpw(at('from.rpw'));
    expect(open.file.provenance).toEqual(provenance);
    expect(open.file.head).toMatchObject({ arch: 's390x', pageSize: 4096, bigEndian: true });
    await open.close();
  });

  it('leaves page flags unread on demand', async () => {
    await writeRpw(everything(), at('all.rpw'));
    const { steps, warnings } = await readRpw(at('all.rpw'), { pageFlags: false });
    expect([steps[0].hasPageFlags, steps[0].pageFlags(), warnings.length]).toEqual([false, undefined, 1]);
  });
});

describe('the writer, piece by piece', () => {
  it('takes events and page flags in any portions', async () => {
    const { trace, steps, ...head } = everything();
    const { hasPageFlags: _, pageFlags: __, ...facts } = steps[0];
    const provenance = { writer: '', options: {}, sources: [] };
    const writer = await RpwWriter.create(at('pieces.rpw'), head, provenance, { chunkRows: 2 });
    const events = smallEvents();
    await writer.events(sliceEvents(events, 0, 1));
    const ordinal = await writer.step(facts, true);
    const flags = smallFlags();
    for (const [from, to] of [
      [0, 3],
      [3, 5],
    ]) {
      const { low, high, count } = flags;
      const part = { low: low.slice(from, to), high: high.slice(from, to), count: count!.slice(from, to) };
      await writer.pageFlags(ordinal, { length: to - from, ...part });
    }
    await writer.endPageFlags(ordinal);
    await writer.events(sliceEvents(events, 1, 6));
    await writer.trace(trace);
    await writer.finish();
    const back = await readRpw(at('pieces.rpw'));
    expect(back.trace).toEqual(trace);
    expect(back.steps[0].pageFlags()).toEqual(flags);

    const open = await openRpw(at('pieces.rpw'));
    const lengths: number[] = [];
    for await (const chunk of open.events()) lengths.push(chunk.length);
    expect(lengths).toEqual([1, 2, 2, 1]);
    // Chunks hold 6_730_010_000 · 6_730_011_000 twice · 6_730_012_000 and 6_730_013_000 · 6_730_015_000.
    const times: number[] = [];
    for await (const chunk of open.events({ fromNs: 6_730_011_001, toNs: 6_730_015_000 })) times.push(...chunk.time);
    expect(times).toEqual([6_730_012_000, 6_730_013_000]);
    await open.close();
  });

  it('refuses what no reader would take', async () => {
    const write = (events: Partial<EventColumns>) => {
      const { trace, ...rest } = everything();
      return writeRpw({ ...rest, trace: { ...trace, events: { ...trace.events, ...events } } }, at('bad.rpw'));
    };
    const six = (value: number) => new Array<number>(6).fill(value);
    await expect(write({ kind: Uint8Array.from(six(200)) })).rejects.toThrow(/RP3105.*no known kind/);
    await expect(write({ task: Uint32Array.from(six(2)) })).rejects.toThrow(/RP3105.*beyond the tasks/);
    await expect(write({ stack: Uint32Array.from(six(3)) })).rejects.toThrow(/RP3105.*beyond the stacks/);
    await expect(write({ time: Float64Array.from(six(NaN)) })).rejects.toThrow(/RP3105.*without a time/);
    await expect(write({ args: new Float64Array(0) })).rejects.toThrow(/RP3105.*values are missing/);
    await expect(write({ args: new Float64Array(9).fill(Infinity) })).rejects.toThrow(/RP3105.*no number/);
    expect(readdirSync(folder).filter((name) => name.startsWith('bad'))).toEqual([]);
    await expect(writeRpw(bare(), at('no/such/folder.rpw'))).rejects.toThrow(/RP3107/);
  });
});

describe('random columns', () => {
  const text = fc.string({ unit: 'binary', maxLength: 12 });
  const texts = (max: number) => fc.array(text, { minLength: 0, maxLength: max });
  const uint = (max: number) => fc.oneof(fc.nat(max), fc.constantFrom(0, max));
  const number = fc.oneof(
    fc.maxSafeInteger(),
    fc.integer({ min: -9, max: 9 }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(-0, 2 ** 53 - 1, -(2 ** 53), 2 ** 60, 5e-324, 1e308),
  );
  const time = fc.oneof(
    number,
    fc.nat(1e6).map((us) => us * 1000),
  );
  const page = fc.record({
    kind: fc.nat(4),
    pfnLow: uint(0xffffffff),
    pfnHigh: uint(255),
    values: fc.constant<number[]>([]),
  });
  // mm_compaction_kcompactd_sleep has 1 value, mm_migrate_pages 8.
  const other = fc.oneof(
    fc.record({ kind: fc.constant(19), pfnLow: fc.constant(0), pfnHigh: uint(255), values: fc.tuple(number) }),
    fc.record({
      kind: fc.constant(22),
      pfnLow: fc.constant(0),
      pfnHigh: uint(255),
      values: fc.array(number, { minLength: 8, maxLength: 8 }),
    }),
  );
  const row = fc.record({
    event: fc.oneof({ arbitrary: page, weight: 4 }, { arbitrary: other, weight: 1 }),
    time,
    unit: uint(255),
    cpu: uint(65535),
    picks: fc.tuple(fc.nat(), fc.nat(), fc.nat()),
  });
  const columns = fc
    .record({
      rows: fc.array(row, { maxLength: 40 }),
      words: texts(4),
      gfpTexts: texts(4),
      flagTexts: texts(4),
      tasks: fc.array(fc.record({ comm: text, pid: fc.maxSafeInteger() }), { maxLength: 4 }),
    })
    .map(({ rows, ...dictionaries }): EventColumns => {
      const pick = (of: number, list: readonly unknown[]) => rows.map((r) => r.picks[of] % Math.max(1, list.length));
      let next = 0;
      return {
        length: rows.length,
        time: Float64Array.from(rows, (r) => r.time),
        pfnLow: Uint32Array.from(rows, ({ event }) => {
          next += event.values.length;
          return event.values.length === 0 ? event.pfnLow : next - event.values.length;
        }),
        pfnHigh: Uint8Array.from(rows, (r) => r.event.pfnHigh),
        kind: Uint8Array.from(rows, (r) => r.event.kind),
        unit: Uint8Array.from(rows, (r) => r.unit),
        flags: Uint8Array.from(pick(0, dictionaries.flagTexts)),
        cpu: Uint16Array.from(rows, (r) => r.cpu),
        gfp: Uint16Array.from(pick(1, dictionaries.gfpTexts)),
        task: Uint32Array.from(pick(2, dictionaries.tasks)),
        args: Float64Array.from(rows.flatMap((r) => r.event.values)),
        ...dictionaries,
      };
    });

  it('come back bit by bit', async () => {
    await fc.assert(
      fc.asyncProperty(columns, fc.integer({ min: 1, max: 50 }), async (events, chunkRows) => {
        const trace = { path: '', events, counts: {}, lost: 0, clock: '', fromBoot: false };
        await writeRpw({ ...bare(), trace }, at('random.rpw'), { chunkRows });
        const back = await readRpw(at('random.rpw'));
        expect(back.warnings).toEqual([]);
        expect(back.trace!.events).toEqual(events);
      }),
      { numRuns: 300 },
    );
  });
});

describe('versions', () => {
  // Written once by version 1 and never again: what it holds is said here, so that a later version has to read it too.
  it('reads the first one', async () => {
    const { steps, trace, files, ...rest } = await readRpw(golden);
    expect(rest).toMatchObject({ name: 'small', arch: 's390x', pageSize: 4096, bigEndian: true });
    expect(rest.warnings).toEqual([{ name: 'no-trace', text: 'there is no trace' }]);
    expect(rest.dmesg).toMatchObject({
      initrd: { start: 4096, end: 8192 },
      freed: [{ what: 'initrd', kilobytes: 8020 }],
    });
    const [step] = steps;
    expect(step.when).toMatchObject({
      begin: 6.5,
      tracing: 'started-after-reading',
      tracingOff: { begin: 0, end: 1e-9 },
    });
    expect(step.zoneinfo!.zones[0]).toMatchObject({
      ...{ free: 1000, protection: [0, 0, 1536], stats: { nr_free_pages: 1000 } },
      ...{ pagesets: [{ cpu: 0, count: 5, high: 6, batch: 1, statThreshold: 12 }], nodeStats: { nr_dirtied: 2 ** 53 } },
    });
    expect([step.buddyinfo2, step.vmstat, step.sysctl!['vm.empty']]).toEqual([[], {}, '']);
    expect(step.extfragIndex![0].values).toEqual([-1000, 500]);
    expect([...step.pageFlags()!.low]).toEqual([0, 1024, 1024, 0xffffffff, 0x80000000]);
    expect([...step.pageFlags()!.count!]).toEqual([0, 0, 1, 4294967295, 7]);
    const { events } = trace!;
    expect([...events.time].map((ns) => ns - 6_730_000_000)).toEqual([10_000, 11_000, 11_000, 12_000, 13_000, 15_000]);
    expect([0, 1, 2, 5].map((i) => eventPfn(events, i))).toEqual([0x2b17, -1, 0xfe_ffff_ffff, 0]);
    expect([0, 1, 2, 3].map((field) => eventArg(events, 4, field))).toEqual([0x1000, 0x1200, 512, -3]);
    expect([eventWord(events, 3, 0), events.tasks[1].pid, events.cpu[1]]).toEqual(['snapx mid begin', -1, 65535]);
    expect(trace).toMatchObject({ lost: 3, clock: 'global', fromBoot: true, counts: { mm_page_alloc: 2, foo: 9 } });
    expect(files[0]).toMatchObject({ lines: 10, skipped: { 'line-too-long': 2 }, details: { 'stack lines': 3 } });
  });

  it('refuses a later one', async () => {
    writeFileSync(at('later.rpw'), fileHead(2));
    await expect(readRpw(at('later.rpw'))).rejects.toThrow(/RP3102.*version 2.*up to 1/);
  });

  it('upgrades a message step by step', () => {
    const upgraders = new Map([
      [1, { Trace: ({ path }: { path: string }) => ({ path, clock: 'local' }) }],
      [2, { Trace: (trace: object) => ({ ...trace, third: true }), Step: () => ({}) }],
    ]);
    expect(upgrade('Trace', { path: 'a' }, 1, 3, upgraders)).toEqual({ path: 'a', clock: 'local', third: true });
    expect(upgrade('Trace', { path: 'a' }, 2, 3, upgraders)).toEqual({ path: 'a', third: true });
    expect(upgrade('Warnings', { path: 'a' }, 1, 3, upgraders)).toEqual({ path: 'a' });
  });

  it('has a descriptor that says what the schema says', () => {
    const { root } = protobuf.parse(readFileSync(schema, 'utf8'));
    expect(DESCRIPTOR).toEqual(root.toJSON());
  });
});
