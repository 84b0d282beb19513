/**
 * A real kernel that got 256 MiB of persistent memory in the middle of its DMA32 zone (`memmap=256M!1G`, nd_pmem), beside
 * the model doing the same. Literal values are the capture's.
 */
import { buddy } from '@replug/buddy';
import { Core, createKernel, formatGfp, PageAllocator, type Kernel } from '@replug/core';
import { describeRecorded, findSpan, replayRecorded, restoreStep } from '@replug/replay';
import { openRecording } from '@replug/trace-import';
import { Account, readPagetypeinfo, readZoneinfo } from '@replug/trace-import';
import { findStep, type Recording, type Step } from '@replug/workload';
import { PageMaps, PmemBus, zoneDevice, type NamespaceOptions } from '@replug/zone-device';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { nameOf, shared } from './captures.spec-kit.ts';

const path = shared.find((one) => nameOf(one) === 'x86_64-6.12-zone-device');
const START = 0x40000;
const PAGES = 65536;
const LEGACY: NamespaceOptions = {
  name: 'namespace0.0',
  nid: 0,
  start: 2 ** 30,
  size: 2 ** 28,
  mode: 'raw',
  legacy: true,
};

describe.skipIf(path === undefined)('a legacy pmem region of 256 MiB, as the real kernel shows it', () => {
  let recording: Recording;
  let kernel: Kernel;
  let steps: Step[];
  beforeAll(async () => {
    recording = await openRecording(path!);
    steps = ['before', 'after-nd_pmem', 'after-dax-files'].map((ref) => findStep(recording.steps, ref)!);
    kernel = kernelAt(recording, steps[0]);
    restoreStep(kernel, steps[0]);
  });

  const zones = (text: string) =>
    readZoneinfo(text, new Account('model', 'zoneinfo')).zones.map((z) => [
      z.name,
      z.spanned,
      z.present,
      z.managed,
      z.startPfn,
      z.pagesets.length,
      z.min,
      z.low,
      z.high,
    ]);
  const recorded = (step: Step) =>
    step.zoneinfo!.zones.map((z) => [
      z.name,
      z.spanned,
      z.present,
      z.managed,
      z.startPfn,
      z.pagesets.length,
      z.min,
      z.low,
      z.high,
    ]);

  it('before: no zone Device, and the hole in DMA32 is spanned but not present', () => {
    expect(zones(kernel.read('/proc/zoneinfo'))).toEqual(recorded(steps[0]));
    expect(kernel.read('/proc/iomem')).toContain('40000000-4fffffff : Persistent Memory (legacy)\n50000000');
    expect(kernel.read('/proc/iomem')).not.toContain('namespace0.0');
  });

  it('nd_pmem: Device spans 65536 pages that count nowhere, DMA32 pays two blocks of 512 pages', () => {
    const asked: string[] = [];
    const free = freeOf(kernel, 'DMA32');
    using _ = kernel.tracepoints.mm_page_alloc.on(
      (_pfn, order, _type, gfp) => void asked.push(`${order} ${formatGfp(gfp)}`),
    );
    kernel.get(PmemBus).enable('namespace0.0');
    // The trace, 7.248138 and 7.267924: insmod, order=9, GFP_KERNEL|__GFP_NOWARN|__GFP_RETRY_MAYFAIL, and no other of 9.
    expect(asked).toEqual(Array<string>(2).fill('9 GFP_KERNEL|__GFP_NOWARN|__GFP_RETRY_MAYFAIL'));
    expect(free - freeOf(kernel, 'DMA32')).toBe(1024);
    expect(zones(kernel.read('/proc/zoneinfo'))).toEqual(recorded(steps[1]));
    const device = kernel.get(Core.Zones).find(0, 'Device')!;
    expect([device.startPfn, device.spannedPages, device.presentPages, device.managedPages]).toEqual([
      START,
      PAGES,
      0,
      0,
    ]);
    expect(kernel.validate()).toEqual([]);
  });

  it('the text of the zone is the same, line by line', () => {
    const section = (text: string) => text.slice(text.indexOf('Node 0, zone   Device'));
    const real = readFileSync(join(path!, 'steps', '02-after-nd_pmem', 'zoneinfo'), 'utf8');
    expect(section(kernel.read('/proc/zoneinfo'))).toBe(section(real));
  });

  it('protection follows when somebody reads lowmem_reserve_ratio, as the script that took the steps did', () => {
    const dma = () => readZoneinfo(kernel.read('/proc/zoneinfo'), new Account('model', 'zoneinfo')).zones[0].protection;
    expect(dma()).toEqual([0, 1692, 1692, 1692, 1692]);
    kernel.read('/proc/sys/vm/lowmem_reserve_ratio');
    expect(dma()).toEqual([0, 1707, 1707, 1707, 1707]);
    expect(steps[1].zoneinfo!.zones[0].protection).toEqual([0, 1707, 1707, 1707, 1707]);
  });

  it('sysfs and iomem: no memory block for it, the bus with its devices, the namespace below its region', () => {
    const blocks = kernel.list('/sys/devices/system/memory').filter((name) => /^memory\d/.test(name));
    expect(blocks).toEqual([
      'memory0',
      'memory1',
      'memory2',
      'memory3',
      'memory4',
      'memory5',
      'memory6',
      'memory7',
      'memory10',
      'memory11',
      'memory12',
      'memory13',
      'memory14',
      'memory15',
    ]);
    const real = readFileSync(join(path!, 'steps', '02-after-nd_pmem', 'sys-memory.txt'), 'utf8');
    expect(new Set(blocks)).toEqual(new Set(real.match(/memory\d+(?=\/state)/g)));
    expect(kernel.read('/proc/iomem')).toContain(
      '40000000-4fffffff : Persistent Memory (legacy)\n  40000000-4fffffff : namespace0.0\n50000000',
    );
    const bus = readFileSync(join(path!, 'steps.log'), 'utf8').matchAll(/ (\S+) -> (\S+)/g);
    const links = new Map([...bus].map(([, name, target]) => [name, target]));
    expect([...links.keys()].sort()).toEqual(['btt0.0', 'dax0.0', 'namespace0.0', 'ndbus0', 'pfn0.0', 'region0']);
    expect(kernel.list('/sys/bus/nd/devices').sort()).toEqual([...links.keys()].sort());
    for (const [name, target] of links) expect(kernel.readlink(`/sys/bus/nd/devices/${name}`)).toBe(target);
    expect(kernel.read('/sys/bus/nd/devices/namespace0.0/size')).toBe('268435456\n');
  });

  it('pagetypeinfo counts none of its blocks', () => {
    const blocks = (step: Step) => step.pagetypeinfo!.blocks.map((b) => b.counts.reduce((a, c) => a + c, 0));
    const model = readPagetypeinfo(kernel.read('/proc/pagetypeinfo'), new Account('model', 'pagetypeinfo'))!;
    expect(model.blocks.map((b) => b.counts.reduce((a, c) => a + c, 0))).toEqual(blocks(steps[1]));
  });

  it('kpageflags knows its pages at no step, as they are never online', () => {
    for (const step of steps) {
      const flags = step.pageFlags()!;
      // KPF_NOPAGE is bit 20.
      for (const pfn of [START, START + 4711, START + PAGES - 1]) expect((flags.low[pfn] >>> 20) & 1).toBe(1);
      expect((flags.low[START + PAGES] >>> 20) & 1).toBe(0);
    }
  });

  it('files on it change no zone; when the driver goes, all but the span goes', () => {
    expect(recorded(steps[2])).toEqual(recorded(steps[1]));
    const bus = kernel.get(PmemBus);
    const pfn = bus.fault('namespace0.0', 4096 * 1000);
    expect(pfn).toBe(START + 1000);
    expect(zones(kernel.read('/proc/zoneinfo'))).toEqual(recorded(steps[2]));
    kernel.get(PageMaps).putPage(pfn);
    kernel.get(PageAllocator).drainAllPages(-1);
    const free = freeOf(kernel, 'DMA32');
    bus.disable('namespace0.0');
    kernel.get(PageAllocator).drainAllPages(-1);
    expect(freeOf(kernel, 'DMA32') - free).toBe(1024);
    expect(kernel.get(Core.Zones).find(0, 'Device')!.spannedPages).toBe(PAGES);
    expect(kernel.read('/proc/iomem')).not.toContain('namespace0.0');
    expect(kernel.validate()).toEqual([]);
  });

  it('after the events before it the model takes the first block that the kernel took', () => {
    const span = findSpan(recording, { kind: 'step', ref: 'before' }, { kind: 'seconds', seconds: 7.24813 });
    using replayed = kernelAt(recording, span.machineStep);
    replayRecorded(replayed, span);
    const pfns: number[] = [];
    using _ = replayed.tracepoints.mm_page_alloc.on((pfn) => void pfns.push(pfn));
    replayed.get(PmemBus).enable('namespace0.0');
    // The second one comes 20 ms later in the trace, after other events.
    expect(pfns[0]).toBe(0x2a00);
    expect(pfns).toHaveLength(2);
  });
});

function kernelAt(recording: Recording, step: Step): Kernel {
  const machine = { ...describeRecorded(recording, step), sparePages: PAGES };
  return createKernel({ machine, subsystems: [buddy({ start: 'nothing' }), zoneDevice({ namespaces: [LEGACY] })] });
}

function freeOf(kernel: Kernel, zone: string): number {
  const zones = readZoneinfo(kernel.read('/proc/zoneinfo'), new Account('model', 'zoneinfo')).zones;
  return zones.find((z) => z.name === zone)!.free;
}
