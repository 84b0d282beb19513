import { renderStaticFidelity, type StaticDump } from '@replug/report';
import type { MemoryBlock, Recording, Step, ZoneinfoZone } from '@replug/workload';
import { describe, expect, it } from 'vitest';
import { fidelityStatic } from './fidelity-static.ts';

type Marks = readonly [min: number, low: number, high: number];
type List = readonly [high: number, batch: number];

const zone = (
  name: string,
  managed: number,
  present: number,
  [min, low, high]: Marks,
  protection: readonly number[],
  lists: readonly List[] = [],
): ZoneinfoZone => ({
  ...{ node: 0, name, free: 0, min, low, high, spanned: present, present, managed, protection, startPfn: 0, stats: {} },
  pagesets: lists.map(([limit, batch], cpu) => ({ cpu, count: 0, high: limit, batch })),
});

const block = (id: number, state: string, kind: string): MemoryBlock => ({
  ...{ id, state, nodes: [] },
  validZones: [kind],
});

interface StepOptions {
  readonly blocks?: readonly MemoryBlock[];
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly name?: string;
}

const step = (number: number, minFree: number, zones: ZoneinfoZone[], options: StepOptions = {}): Step => ({
  ...{ number, name: options.name ?? 'step', path: `capture/${number}`, hasPageFlags: false },
  pageFlags: () => undefined,
  zoneinfo: { zones, unknownKeys: {} },
  memoryBlocks: options.blocks && { blockSize: 65536 * 4096, blocks: options.blocks },
  meminfo: { AnonHugePages: 0, DirectMap4k: 2097152, DirectMap1M: 0 },
  sysctl: {
    'vm.min_free_kbytes': String(minFree),
    'vm.watermark_scale_factor': '10',
    'vm.watermark_boost_factor': '15000',
    'vm.percpu_pagelist_high_fraction': '0',
    'vm.lowmem_reserve_ratio': '256\t32\t0',
    ...options.sysctl,
  },
});

const recording = (steps: Step[], part: Partial<Recording> = {}): Recording => ({
  ...{ name: 'capture', path: '/nowhere/capture', arch: 's390x', pageSize: 4096, kernel: '6.1.0-50-s390x' },
  ...{ commandLine: '', bigEndian: true, steps, files: [], warnings: [] },
  dmesg: {
    ...{ zoneRanges: [], movableStarts: [], nodeRanges: [], fallbackOrders: [], builtZonelists: [] },
    freed: [
      { what: 'initrd memory', kilobytes: 5696 },
      { what: 'unused early sccb memory', kilobytes: 12 },
      { what: 'unused kernel image (initmem) memory', kilobytes: 3604 },
      { what: 'SMP alternatives memory', kilobytes: 40 },
    ],
  },
  ...part,
});

// Numbers of s390x-6.1-offline: eight blocks, five of them go offline.
const empty = (name: string) => zone(name, 0, 0, [0, 0, 0], [0, 0, 0]);
const whole = () => [
  zone('DMA', 510309, 524288, [1425, 1932, 2439], [0, 0, 0], [[1932, 63]]),
  empty('Normal'),
  empty('Movable'),
];
const less = () => [
  zone('DMA', 182629, 196608, [851, 1063, 1275], [0, 0, 0], [[1063, 63]]),
  empty('Normal'),
  empty('Movable'),
];
const blocks = (...offline: number[]) =>
  [0, 1, 2, 3, 4, 5, 6, 7].map((id) => block(id, offline.includes(id) ? 'offline' : 'online', 'DMA'));

describe('a capture without logs', () => {
  it('is exact from boot log amounts and block states (s390x-6.1-offline)', () => {
    const steps = [
      step(1, 5701, whole(), { blocks: blocks() }),
      step(2, 3404, less(), { blocks: blocks(2, 3, 4, 5, 6) }),
    ];
    const { dumps, summary, skipped } = fidelityStatic([recording(steps)]);
    expect(dumps.map((d) => d.misses)).toEqual([[], []]);
    expect(dumps[1]).toMatchObject({
      exact: true,
      minFreeKbytes: 3404,
      minFreeWritten: false,
      notes: ['5 blocks went offline unlogged: taken top down'],
    });
    expect(summary).toHaveLength(1);
    expect(summary[0]).toMatchObject({
      arch: 's390x',
      kernel: '6.1.0-50-s390x',
      dumps: { exact: 2, total: 2 },
      checks: { watermarks: { exact: 6, total: 6 }, pcpHigh: { exact: 2, within: 2, kept: 0, total: 2 } },
    });
    expect(skipped).toEqual([]);
  });

  it('names what is missed, with what was assumed', () => {
    const wrong = less().map((z) => (z.name === 'DMA' ? { ...z, low: z.low + 1 } : z));
    const steps = [
      step(1, 5701, whole(), { blocks: blocks() }),
      step(2, 3404, wrong, { blocks: blocks(2, 3, 4, 5, 6) }),
    ];
    const report = fidelityStatic([recording(steps)]);
    expect(report.dumps[1].misses).toEqual([
      {
        ...{ zone: 'n0 DMA', quantity: 'watermarks', real: '851 1064 1275', model: '851 1063 1275' },
        reason: '5 blocks went offline unlogged: taken top down',
      },
    ]);
    const text = renderStaticFidelity(report);
    expect(text).toContain('capture    02-step  3404');
    expect(text).toMatch(/s390x +6\.1\.0-50-s390x +1\/2 50\.00 % +2\/2 100 % +5\/6 83\.33 %/);
    expect(text).toMatch(/n0 DMA +watermarks +851 1064 1275 +851 1063 1275/);
  });
});

describe('min_free_kbytes', () => {
  const changed = zone('DMA', 510309, 524288, [5000, 6250, 7500], [0, 0, 0], [[6250, 63]]);
  const dumps = (options: StepOptions): readonly StaticDump[] => {
    const steps = [step(1, 5701, whole()), step(2, 20000, [changed, empty('Normal'), empty('Movable')], options)];
    return fidelityStatic([recording(steps)]).dumps;
  };

  it('is predicted: a difference is a miss', () => {
    expect(dumps({})[1].misses.map((m) => m.quantity)).toEqual(['minFreeKbytes', 'watermarks', 'pcpHigh']);
  });

  it('counts as written where the step is named after it, or another sysctl changed', () => {
    expect(dumps({ name: 'min_free_20000' })[1]).toMatchObject({ exact: true, minFreeWritten: true });
    expect(dumps({ sysctl: { 'vm.watermark_boost_factor': '0' } })[1]).toMatchObject({
      exact: true,
      minFreeWritten: true,
    });
  });
});

describe('what decides about huge pages', () => {
  const thp = (part: Partial<Recording>, meminfo: Record<string, number>, pageblockOrder: number) => {
    const first = step(1, 0, whole());
    const pagetypeinfo = { pageblockOrder, migratetypes: [], free: [], blocks: [] };
    return fidelityStatic([recording([{ ...first, meminfo, pagetypeinfo }], part)]).dumps[0].minFreeKbytes > 6000;
  };
  const [x86, ppc] = [{ arch: 'x86_64' } as const, { arch: 'ppc64le', pageSize: 65536 } as const];

  it.each([
    ['s390x without EDAT1', {}, { AnonHugePages: 0, DirectMap1M: 0 }, 8, false],
    ['s390x with EDAT1', {}, { AnonHugePages: 0, DirectMap1M: 1024 }, 8, true],
    ['x86-64', x86, { AnonHugePages: 0 }, 9, true],
    ['x86-64 built without', x86, { MemTotal: 1 }, 9, false],
    [
      'x86-64 switched off',
      { ...x86, commandLine: 'quiet transparent_hugepage=never' },
      { AnonHugePages: 0 },
      9,
      false,
    ],
    ['ppc64le, radix', ppc, { AnonHugePages: 0 }, 5, true],
  ] as const)('%s: %j', (_name, part, meminfo, order, expected) => expect(thp(part, meminfo, order)).toBe(expected));

  it('ppc64le, hash without 16 MiB pages in 64 KiB segments', () => {
    // The square root of the same machine is 23 MB; khugepaged would ask for 176 MiB.
    const first = { ...step(1, 0, whole()), meminfo: { AnonHugePages: 0 } };
    const pagetypeinfo = { pageblockOrder: 8, migratetypes: [], free: [], blocks: [] };
    const { dumps } = fidelityStatic([recording([{ ...first, pagetypeinfo }], ppc)]);
    expect(dumps[0].minFreeKbytes).toBeLessThan(30000);
  });
});

describe('self-tuned limits of 6.12', () => {
  const high = (values: readonly number[]) => {
    const tuned = zone(
      'DMA',
      510309,
      524288,
      [1425, 1932, 2439],
      [0, 0, 0],
      values.map((v): List => [v, 63]),
    );
    const steps = [step(1, 5701, [tuned, empty('Normal'), { ...empty('Movable'), min: 32, low: 32, high: 32 }])];
    // One node, all n CPUs on it: 1932/n to 510309/8/n.
    return fidelityStatic([recording(steps, { kernel: '6.12.117' })]).dumps[0].checks.pcpHigh;
  };

  it('never used, at the lower limit, between, above', () => {
    expect(high([0, 483, 15000, 40000])).toEqual({ exact: 2, within: 3, kept: 0, total: 4 });
    expect(high([1932])).toEqual({ exact: 1, within: 1, kept: 0, total: 1 });
  });
});

describe('what cannot be judged', () => {
  it('is listed', () => {
    const { zoneinfo: _zoneinfo, ...bare } = step(1, 1, whole());
    expect(fidelityStatic([recording([bare])]).skipped).toEqual([
      { path: '/nowhere/capture', reason: 'no step with a zoneinfo that has managed pages' },
    ]);
    const unknown = { ...step(2, 1, whole()), sysctl: undefined };
    expect(fidelityStatic([recording([unknown])])).toMatchObject({
      dumps: [],
      skipped: [{ path: 'capture/2', reason: 'no sysctl-vm.txt: written values are unknown' }],
    });
  });
});
