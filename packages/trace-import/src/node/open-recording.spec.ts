import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { alignClocks, eventPfn, resolveTime, type Recording } from '@replug/workload';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dumpsFolder, hasDumps, ppc, s390, unaccounted, x86 } from '../captures.spec-kit.ts';
import { openRecording } from './open-recording.ts';
import { readContent } from './read-bytes.ts';

let folder = '';
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'replug-import-'))));
afterAll(() => rmSync(folder, { recursive: true }));

const warnings = (recording: Recording) => recording.warnings.map((w) => w.name);

describe('a capture', () => {
  let recording: Recording;
  beforeAll(async () => void (recording = await openRecording(x86)));

  it('names the machine', () => {
    expect(recording).toMatchObject({
      name: 'x86_64-6.12-exact-fileio',
      arch: 'x86_64',
      pageSize: 4096,
      kernel: '6.12.113+deb12-amd64',
      commandLine: 'console=ttyS0 panic=-1 quiet loglevel=4 lab=exact-fileio',
      bigEndian: false,
      warnings: [],
    });
  });

  it('has complete steps', () => {
    expect(recording.steps.map((s) => [s.number, s.name, s.path])).toEqual([
      [1, 'before', 'steps/01-before'],
      [2, 'after', 'steps/02-after'],
    ]);
    for (const step of recording.steps) {
      expect(step.buddyinfo2).toEqual(step.buddyinfo);
      expect(step).toMatchObject({ hasPageFlags: true, memoryBlocks: { blockSize: 0x8000000 } });
      for (const field of [
        'when',
        'zoneinfo',
        'pagetypeinfo',
        'iomem',
        'nodes',
        'sysctl',
        'vmstat',
        'meminfo',
        'extfragIndex',
        'unusableIndex',
      ] as const) {
        expect(step[field], field).toBeDefined();
      }
    }
  });

  it('has per-pfn words', () => {
    const flags = recording.steps[0].pageFlags()!;
    expect(flags.length).toBe(1572864 / 8);
    expect([flags.low[0], flags.high[0]]).toEqual([0, 1]);
    expect(flags.count).toHaveLength(flags.length);
  });

  it('has the trace', () => {
    const trace = recording.trace!;
    expect(trace).toMatchObject({ path: 'trace/trace.txt.xz', lost: 0, clock: 'global', fromBoot: false });
    expect(trace.counts).toEqual({
      mm_compaction_kcompactd_sleep: 16,
      mm_page_alloc: 22440,
      mm_page_alloc_extfrag: 4,
      mm_page_alloc_zone_locked: 13501,
      mm_page_free: 18485,
      mm_page_free_batched: 16609,
      mm_page_pcpu_drain: 5227,
    });
    expect(trace.events.length).toBe(76282);
    expect(trace.events.time[0]).toBe(6730010000);
    expect(trace.events.time[76281]).toBe(10644901000);
    expect(eventPfn(trace.events, 0)).toBe(0x2b17);
  });

  it('accounts for every line of every file', () => {
    for (const file of recording.files) expect(unaccounted(file), file.path).toBe(0);
    const account = recording.files.find((f) => f.format === 'ftrace-text');
    expect(account).toMatchObject({ lines: 76294, events: 76282, comments: 12, skipped: {} });
    expect(recording.files.find((f) => f.format === 'kpageflags')).toMatchObject({ bytes: 1572864, events: 196608 });
  });
});

describe('other architectures', () => {
  it('s390x: big-endian page flags, clocks aligned by markers', async () => {
    const recording = await openRecording(s390);
    expect(recording).toMatchObject({ arch: 's390x', bigEndian: true, pageSize: 4096, warnings: [] });
    const flags = recording.steps[0].pageFlags()!;
    expect(flags.low.filter((word) => (word & 1024) !== 0)).toHaveLength(108236);
    const alignment = alignClocks(recording)!;
    expect(alignment.source).toBe('trace-marker');
    expect(alignment.uncertaintyNs).toBeLessThan(500_000);
    // The trace_marker lines around step 2 are at 8.723161 and 8.745804 s in one capture or the other: between them.
    const { events } = recording.trace!;
    const { ns, eventIndex } = resolveTime(recording, 'fragmented');
    expect(events.time[eventIndex]).toBeGreaterThanOrEqual(ns);
    expect(eventIndex).toBeGreaterThan(300_000);
    expect(eventIndex).toBeLessThan(events.length);
  });

  it('ppc64le: 64 KiB pages', async () => {
    expect(await openRecording(ppc)).toMatchObject({
      arch: 'ppc64le',
      bigEndian: false,
      pageSize: 65536,
      warnings: [],
    });
  });
});

describe('options', () => {
  it('leaves page flags unread', async () => {
    const recording = await openRecording(ppc, { pageFlags: false });
    expect(recording.steps.map((s) => s.hasPageFlags)).toEqual([false, false, false, false]);
    expect(recording.steps[0].pageFlags()).toBeUndefined();
    expect(warnings(recording)).toEqual([]);
  });

  it('reports progress', async () => {
    const seen: { path: string; read: number; size: number }[] = [];
    await openRecording(ppc, { onProgress: (progress) => seen.push(progress) });
    const last = seen.filter((p) => p.path === 'trace/trace.txt.xz').at(-1)!;
    expect(last).toEqual({ path: 'trace/trace.txt.xz', read: 304232, size: 304232 });
  });
});

describe('a capture with things missing', () => {
  it('names each', async () => {
    const path = join(folder, 'poor');
    mkdirSync(join(path, 'steps/02-later'), { recursive: true });
    mkdirSync(join(path, 'trace'));
    cpSync(join(x86, 'steps/01-before/zoneinfo'), join(path, 'steps/02-later/zoneinfo'));
    writeFileSync(join(path, 'steps/02-later/buddyinfo'), '');
    writeFileSync(join(path, 'trace/trace-first30k.txt'), '# tracer: nop\n');
    const recording = await openRecording(path);
    expect(warnings(recording)).toEqual([
      'no-meta',
      'empty-file',
      'partial-trace-not-used',
      'arch-unknown',
      'page-size-guessed',
      'no-buddyinfo',
      'no-pagetypeinfo',
      'no-memory-blocks',
      'no-page-flags',
      'no-dmesg',
      'no-trace',
    ]);
    expect(recording.steps).toHaveLength(1);
    expect(recording.trace).toBeUndefined();
  });

  it('tells of an unreadable member and goes on', async () => {
    const path = join(folder, 'damaged');
    cpSync(ppc, path, { recursive: true });
    const trace = join(path, 'trace/trace.txt.xz');
    const bytes = readFileSync(trace);
    bytes[1000] ^= 1;
    writeFileSync(trace, bytes);
    const recording = await openRecording(path);
    expect(warnings(recording)).toEqual(['file-unreadable', 'no-trace']);
    expect(recording.warnings[0].text).toContain('RP4005');
    expect(recording.steps).toHaveLength(4);
  });
});

describe('a root folder', () => {
  const path = () => join(folder, 'root');
  beforeAll(() => {
    const step = (name: string) => join(ppc, 'steps/01-before', name);
    mkdirSync(join(path(), 'proc/sys/vm'), { recursive: true });
    for (const name of ['zoneinfo', 'buddyinfo', 'pagetypeinfo', 'vmstat', 'meminfo', 'iomem'])
      cpSync(step(name), join(path(), 'proc', name));
    writeFileSync(join(path(), 'proc/version'), 'Linux version 6.1.0-50-powerpc64le (debian) (gcc-12) #1 SMP\n');
    writeFileSync(join(path(), 'proc/cmdline'), 'console=hvc0 quiet\n');
    writeFileSync(join(path(), 'proc/sys/vm/min_free_kbytes'), '7872\n');
    const memory = join(path(), 'sys/devices/system/memory');
    const node = join(path(), 'sys/devices/system/node/node0');
    mkdirSync(join(memory, 'memory0'), { recursive: true });
    mkdirSync(join(memory, 'memory5'), { recursive: true });
    mkdirSync(node, { recursive: true });
    writeFileSync(join(memory, 'block_size_bytes'), '10000000\n');
    writeFileSync(join(memory, 'memory0/state'), 'online\n');
    writeFileSync(join(memory, 'memory0/valid_zones'), 'Normal\n');
    writeFileSync(join(memory, 'memory5/state'), 'offline\n');
    symlinkSync('../../node/node0', join(memory, 'memory0/node0'));
    writeFileSync(join(node, 'cpulist'), '0-1\n');
    writeFileSync(join(node, 'distance'), '10\n');
    writeFileSync(join(node, 'meminfo'), 'Node 0 MemTotal:         989824 kB\n');
  });

  it('reads procfs and sysfs', async () => {
    const recording = await openRecording(path());
    expect(recording).toMatchObject({
      arch: 'ppc64le',
      pageSize: 65536,
      kernel: '6.1.0-50-powerpc64le',
      commandLine: 'console=hvc0 quiet',
      warnings: [],
    });
    const [step] = recording.steps;
    expect(step).toMatchObject({ number: 1, name: 'now', sysctl: { 'vm.min_free_kbytes': '7872' } });
    expect(step.memoryBlocks).toMatchObject({
      blockSize: 0x10000000,
      blocks: [
        { id: 0, state: 'online', validZones: ['Normal'], nodes: [0] },
        { id: 5, state: 'offline', validZones: [] },
      ],
    });
    expect(step.nodes).toEqual([{ nid: 0, cpus: [0, 1], distances: [10], meminfo: { MemTotal: 989824 } }]);
  });

  it('takes the page size from MemTotal over managed pages', async () => {
    rmSync(join(path(), 'proc/version'));
    const recording = await openRecording(path());
    expect(recording).toMatchObject({ arch: 'unknown', pageSize: 65536 });
    expect(warnings(recording)).toEqual(['arch-unknown']);
  });

  it('reads sysfs alone', async () => {
    expect((await openRecording(join(path(), 'sys'))).steps[0].nodes).toHaveLength(1);
  });
});

describe('a single file', () => {
  it.each(['unknown', 'buddyinfo.xz', 'a.gz'])('of known content called %s', async (name) => {
    const path = join(folder, name);
    cpSync(join(x86, 'steps/01-before/zoneinfo'), path);
    const recording = await openRecording(path);
    expect(recording.name).toBe(name);
    expect(recording.steps[0].zoneinfo?.zones).toHaveLength(10);
    expect(recording.files).toMatchObject([{ path: name, format: 'zoneinfo' }]);
  });

  it('compressed, whatever it is called', async () => {
    const plain = readFileSync(join(x86, 'steps/01-before/buddyinfo'));
    writeFileSync(join(folder, 'plain'), gzipSync(plain));
    expect((await openRecording(join(folder, 'plain'))).steps[0].buddyinfo).toHaveLength(3);
    expect([...(await readContent(join(folder, 'plain')))]).toEqual([...plain]);
  });

  it('a trace alone has no step', async () => {
    const recording = await openRecording(join(ppc, 'trace/trace.txt.xz'));
    expect(recording.steps).toEqual([]);
    expect(recording.trace?.events.length).toBe(44605);
  });

  it('page flags alone: the byte order is found and told', async () => {
    const recording = await openRecording(join(s390, 'steps/01-before/kpageflags.bin.xz'));
    expect(recording.bigEndian).toBe(true);
    expect(warnings(recording)).toEqual(['page-size-guessed', 'byte-order-guessed']);
    expect(recording.steps[0].pageFlags()?.low[100000]).toBe(1024);
  });
});

describe('a directory of dumps', () => {
  it('is one step', async () => {
    const path = join(folder, 'few');
    mkdirSync(path);
    cpSync(join(x86, 'steps/01-before/zoneinfo'), join(path, 'proc_zoneinfo'));
    cpSync(join(x86, 'steps/01-before/buddyinfo'), join(path, 'b'));
    writeFileSync(join(path, 'notes'), 'hello\n');
    const recording = await openRecording(path);
    expect(recording.steps).toHaveLength(1);
    expect(recording.steps[0].buddyinfo).toHaveLength(3);
    expect(warnings(recording)).toEqual(['unknown-file', 'arch-unknown', 'page-size-guessed']);
  });

  it('of several machines is a step each', async () => {
    const path = join(folder, 'several');
    mkdirSync(path);
    for (const [name, capture] of [
      ['left', x86],
      ['right', ppc],
    ] as const) {
      for (const file of ['zoneinfo', 'buddyinfo'])
        cpSync(join(capture, 'steps/01-before', file), join(path, `${name}.${file}`));
    }
    const recording = await openRecording(path);
    expect(recording.steps.map((s) => [s.name, s.zoneinfo?.zones.length, s.buddyinfo?.length])).toEqual([
      ['left', 10, 3],
      ['right', 2, 1],
    ]);
    expect(warnings(recording)).toContain('several-sets');
  });
});

describe('paths that cannot be opened', () => {
  it.each([
    ['/nonexistent', 'RP4001'],
    ['empty', 'RP4004'],
    ['junk', 'RP4003'],
    ['damaged.xz', 'RP4005'],
  ])('%s: %s', async (name, code) => {
    mkdirSync(join(folder, 'empty'), { recursive: true });
    writeFileSync(join(folder, 'junk'), 'hello\n');
    writeFileSync(join(folder, 'damaged.xz'), Buffer.from('fd377a585a0000ff', 'hex'));
    await expect(openRecording(name.startsWith('/') ? name : join(folder, name))).rejects.toMatchObject({
      name: 'ReplugError',
      code,
    });
  });
});

describe.skipIf(!hasDumps)('third-party dumps', () => {
  it.each([
    ['pcp-extracted/meminfo-root-001', { arch: 'x86_64', pageSize: 4096 }],
    ['pcp-extracted/meminfo-root-007', { arch: 'x86_64', pageSize: 4096 }],
    ['proc-snapshots/Khandevops1_linux', { arch: 'x86_64', kernel: '5.14.0-325.el9.x86_64' }],
    ['proc-snapshots/RandolphWang1_D2000', { arch: 'unknown', pageSize: 4096 }],
    ['hotsos/canonical_hotsos', { arch: 'x86_64', pageSize: 4096 }],
  ])('%s', async (name, expected) => {
    const recording = await openRecording(join(dumpsFolder, name));
    expect(recording).toMatchObject(expected);
    expect(recording.steps[0].zoneinfo?.zones.length).toBeGreaterThan(0);
    for (const file of recording.files) expect(unaccounted(file), file.path).toBe(0);
  });
});
