/**
 * What others measured of struct page initialisation, beside what the engine says of their machines. Each figure that is
 * checked is predicted from other numbers: the time of one thread before a change, the machine's CPUs and rated memory
 * bandwidth, or a rate that somebody else measured.
 *
 * Milliseconds. Sources: specs of the series named; CPUs and memory as the series' tables state them, memory channels by
 * the processors' data sheets.
 */
import { COSTS, VirtualClock, parseMachineShorthand } from '@replug/core';
import type { PublishedFigure } from '@replug/report';
import { BUS_BYTES_PER_BYTE, MemmapEngine, PieceLayout, sustained } from '@replug/zone-device';
import { memmapReport } from './memmap.ts';

/** A machine of the series that made deferred init multithreaded (Linux 5.8). */
interface DeferredMachine {
  readonly name: string;
  readonly nodes: number;
  readonly gibPerNode: number;
  /** Pages of a node that are deferred, where the log says so. */
  readonly pages?: number;
  readonly cpusPerNode: number;
  readonly coresPerNode: number;
  /** Deferred init by one thread a node, and by all CPUs of it. */
  readonly before: number;
  readonly after: number;
  readonly channels: number;
  readonly megatransfers: number;
  readonly reason?: string;
}

const MACHINES: readonly DeferredMachine[] = [
  {
    name: 'Skylake 8167M, 104 CPUs, 768 GB',
    nodes: 2,
    gibPerNode: 384,
    cpusPerNode: 52,
    coresPerNode: 26,
    before: 1785.7,
    after: 138,
    channels: 6,
    megatransfers: 2666,
  },
  {
    name: 'Broadwell guest, 32 CPUs, 192 GB',
    nodes: 1,
    gibPerNode: 192,
    cpusPerNode: 32,
    coresPerNode: 16,
    before: 1096,
    after: 125.7,
    channels: 4,
    megatransfers: 2400,
  },
  {
    name: 'Haswell, 72 CPUs, 256 GB',
    nodes: 2,
    gibPerNode: 128,
    cpusPerNode: 36,
    coresPerNode: 18,
    before: 627,
    after: 90,
    channels: 4,
    megatransfers: 2133,
  },
  {
    name: 'EPYC 7551 guest, 16 CPUs, 64 GB',
    nodes: 1,
    gibPerNode: 64,
    cpusPerNode: 16,
    coresPerNode: 8,
    before: 240.7,
    after: 47,
    channels: 8,
    megatransfers: 2666,
    reason:
      'where the guest lies on the four dies is not told: with the two channels of one die the model says 67 ms, with all eight 25 ms',
  },
  {
    name: 'EPYC 7551 guest, 4 CPUs, 16 GB',
    nodes: 1,
    gibPerNode: 16,
    cpusPerNode: 4,
    coresPerNode: 2,
    before: 49.7,
    after: 22,
    channels: 8,
    megatransfers: 2666,
  },
  {
    name: 'Haswell guest, 4 CPUs, 14 GB',
    nodes: 1,
    gibPerNode: 14,
    cpusPerNode: 4,
    coresPerNode: 2,
    before: 122.3,
    after: 53.3,
    channels: 4,
    megatransfers: 2133,
  },
  {
    name: '96 CPUs, 192 GB',
    nodes: 2,
    gibPerNode: 96,
    pages: 24189223,
    cpusPerNode: 48,
    coresPerNode: 24,
    before: 304,
    after: 36,
    channels: 6,
    megatransfers: 2666,
  },
];

const SECTION = 32768;
const SERIES_58 = 'deferred init by padata, 5.8';
const INPUTS_58 = 'ns a page from the time before; CPUs and channels of the machine; 0.75 of their rated bandwidth';

export function publishedFigures(): PublishedFigure[] {
  return [...headline(), ...MACHINES.flatMap(deferred), ...memmapInitSeries(), ...templateSeries()];
}

/** 8 sockets, each with the devices of the 12 TB machine whose rate is used. */
function headline(): PublishedFigure[] {
  const machine = parseMachineShorthand('x86-64,3T,nodes=8,cpus=448');
  const devices = machine.nodes.map(({ nid }) => ({ nid, bytes: 3 * 2 ** 40 }));
  const { variants } = memmapReport(machine, devices);
  const timeOf = (name: string): number => variants.find((v) => v.name === name)!.times.complete;
  const inputs = '43.5 ns a page (4.20 series: 30 to 40 s for 3 TB); 3 TB a socket as on that machine, assumed';
  const source = 'asynchronous memmap init, 2018';
  return [
    {
      source,
      machine: '8 sockets, pmem',
      what: 'before',
      published: 240_000,
      model: timeOf('serial'),
      inputs,
      reason: '',
    },
    {
      source,
      machine: '8 sockets, pmem',
      what: 'after',
      published: 4_000,
      model: timeOf('async+steal'),
      inputs,
      reason: '',
    },
  ];
}

function deferred(m: DeferredMachine): PublishedFigure[] {
  const pages = m.pages ?? m.gibPerNode * 2 ** 18 - SECTION;
  const model = deferredMs(m, pages, m.before / pages);
  const common = { source: SERIES_58, machine: m.name, inputs: INPUTS_58 };
  return [{ ...common, what: 'deferred init', published: m.after, model, reason: m.reason ?? '' }];
}

/** One node's deferred pages on all of its CPUs; nodes work at the same time. */
function deferredMs(m: DeferredMachine, pages: number, msPerPage: number): number {
  const clock = new VirtualClock();
  const bytesPerSecond = sustained(m.channels, m.megatransfers);
  const engine = new MemmapEngine(clock, [{ nid: 0, cpus: m.cpusPerNode, cores: m.coresPerNode, bytesPerSecond }]);
  const job = engine.start({
    nid: 0,
    layout: PieceLayout.cursor(SECTION, SECTION + pages, m.cpusPerNode, SECTION, SECTION),
    cost: { nsPerPage: msPerPage * 1e6, bytesPerPage: 64 * BUS_BYTES_PER_BYTE },
  });
  engine.wait(job);
  return clock.now / 1e6;
}

/** 12 TB on 4 nodes: nodes one after the other, then all at once. */
function memmapInitSeries(): PublishedFigure[] {
  const machine = parseMachineShorthand('x86-64,1536G,nodes=4,cpus=224');
  const { variants } = memmapReport(
    machine,
    machine.nodes.map(({ nid }) => ({ nid, bytes: 3 * 2 ** 40 })),
  );
  const timeOf = (name: string): number => variants.find((v) => v.name === name)!.times.complete;
  const common = { source: 'memmap init, 4.20', machine: '4 nodes, 12 TB pmem' };
  const inputs = 'the same 35 s a node';
  return [
    {
      ...common,
      what: 'saved by nodes at once',
      published: 120_000,
      model: timeOf('serial') - timeOf('per-node'),
      inputs,
      reason: '',
    },
  ];
}

/** 100 GB fsdax, memmap on the device: the change saves as much of the first binding as it does of later ones. */
function templateSeries(): PublishedFigure[] {
  const common = { source: 'init by template, 2026', machine: 'Ice Lake guest, 100 GB fsdax' };
  const pages = 100 * 2 ** 18;
  return [
    {
      ...common,
      what: 'first binding, after',
      published: 1272,
      model: 1486 - (273 - 105),
      inputs: 'its first binding before, and both later bindings',
      reason: '',
    },
    {
      ...common,
      what: 'first binding, before',
      published: 1486,
      model: (pages * COSTS.zoneDevicePageInit.ns) / 1e6,
      inputs: '43.5 ns a page of the 4.20 series',
      reason:
        'first touch of the memmap in a guest makes the host find memory, which the rate of a bare machine does not hold',
    },
    {
      ...common,
      what: 'later binding, before',
      published: 273,
      model: (pages * COSTS.zoneDevicePageInit.ns) / 1e6,
      inputs: '43.5 ns a page of the 4.20 series',
      reason:
        'eight years of hardware and kernels apart, on memory that was touched before: rates differ by a magnitude between machines',
    },
  ];
}
