/**
 * Captures of virtio-mem guests as scenarios: the machine of a step with the drivers bound to its devices, what the host
 * then asked for (steps.log), and what the next step shows.
 */
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Core,
  PAGE_CLASS,
  PAGE_STATE,
  PageAllocator,
  STATE_HOLDER_MASK,
  ZoneFreeLists,
  createKernel,
  type Kernel,
  type Machine,
  type OnlineType,
} from '@replug/core';
import { buddy } from '@replug/buddy';
import { hotplug } from '@replug/hotplug';
import { describeRecorded, restoreZones } from '@replug/replay';
import { openRecording } from '@replug/trace-import';
import { virtioMem, VirtioMemToken, type FutureWork, type VirtioMem } from '@replug/virtio-mem';
import {
  classOfFlags,
  compoundOrder,
  DOUBT,
  isBuddy,
  isNoPage,
  KPF,
  pageByte,
  type PageFlags,
  type Recording,
  type Step,
} from '@replug/workload';
import { machineAt } from './machine-at.ts';

const GiB = 2 ** 30;
const PAGE = 4096;
/** Pages of a sub-block. */
export const SB = 512;
export const FIRST_PFN = (4 * GiB) / PAGE;
export const LAST_PFN = (6 * GiB) / PAGE;
/** Of a byte of pageByte(). */
const DOUBT_MASK = 0xe0;
/** Both devices of these captures: 1 GiB each, from 4 GiB on, behind a first virtio device that is a disk. */
const DEVICES = [
  { id: 'vm0', name: 'virtio1', memdev: 'vmem0', node: 0, addr: 4 * GiB },
  { id: 'vm1', name: 'virtio2', memdev: 'vmem1', node: 1, addr: 5 * GiB },
] as const;
export const IDS = ['vm0', 'vm1'] as const;

/** A capture's steps without its trace, which takes seconds to read and is not needed. */
export async function openSteps(path: string): Promise<Recording> {
  const folder = mkdtempSync(join(tmpdir(), 'replug-steps-'));
  try {
    for (const name of ['meta.txt', 'dmesg.txt', 'steps']) symlinkSync(join(path, name), join(folder, name));
    return await openRecording(folder);
  } finally {
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  }
}

/** What auto_online_blocks was set to. */
export function onlineTypeOf(path: string): OnlineType {
  return /auto_online_blocks=(\w+)/.exec(readFileSync(join(path, 'steps.log'), 'utf8'))![1] as OnlineType;
}

/** `size` of each device in the n-th listing of host-monitor.log; MiB. */
export function listedSizes(path: string): number[][] {
  const log = readFileSync(join(path, 'host-monitor.log'), 'utf8');
  return log
    .split('hmp info memory-devices')
    .slice(1)
    .map((part) => [...part.matchAll(/^ {2}size: (\d+)\r?$/gm)].map(([, bytes]) => Number(bytes) / 2 ** 20));
}

/** The n-th listing as QEMU printed it. */
export function listing(path: string, n: number): string {
  const part = readFileSync(join(path, 'host-monitor.log'), 'utf8').split(/hmp info memory-devices\r?\n/)[n + 1];
  return `${part.replaceAll('\r', '').split('\n\n')[0].trimEnd()}\n`;
}

export interface Scenario {
  readonly kernel: Kernel;
  readonly mem: VirtioMem;
}

/** The machine of a step before the devices were bound; they are new and ask for `requested` bytes each. */
export function scenarioBefore(recording: Recording, step: Step, online: OnlineType, requested: number): Scenario {
  const kernel = machineAt(recording, {
    at: { kind: 'step', ref: step.name },
    subsystems: [
      hotplug({ defaultOnlineType: online }),
      virtioMem({ devices: DEVICES.map((device) => ({ ...device, size: GiB, requestedSize: requested })) }),
    ],
    sparePages: (2 * GiB) / recording.pageSize,
  });
  kernel.clock.advance(0);
  return { kernel, mem: kernel.get(VirtioMemToken) };
}

/** The machine of a step with every page as its kpageflags show it, and the drivers bound to devices that are in use. */
export function scenarioAt(
  recording: Recording,
  step: Step,
  online: OnlineType,
  requested: number,
  future: FutureWork = {},
): Scenario {
  const kernel = createKernel({
    machine: { ...describeRecorded(recording, step), sparePages: (2 * GiB) / recording.pageSize },
    subsystems: [
      // Targets of migration may be got by dropping page cache, as the kernel does.
      buddy({ start: 'nothing', reclaim: true }),
      hotplug({ defaultOnlineType: online }),
      virtioMem({
        devices: DEVICES.map((device) => ({ ...device, size: GiB, requestedSize: requested, adopt: true })),
        future,
      }),
    ],
  });
  const machine = kernel.get(Core.Machine);
  const lists = kernel.get(ZoneFreeLists);
  placePages(machine, lists, step.pageFlags()!);
  restoreZones(machine, lists, step);
  kernel.get(PageAllocator).refresh();
  const mem = kernel.get(VirtioMemToken);
  IDS.forEach((id) => mem.adopt(id));
  return { kernel, mem };
}

/**
 * Free blocks are the largest aligned ones that are wholly free; what is in use is allocated in the blocks that the flags
 * show, page by page where a dump is torn and the head of a large page covers pages that are free already. Pages on CPU
 * lists cannot be told from kernel pages and are taken for such.
 */
function placePages({ pages, description: { arch } }: Machine, lists: ZoneFreeLists, flags: PageFlags): void {
  const free = (pfn: number, count: number): boolean => {
    for (let at = pfn; at < pfn + count; at++) if (!isBuddy(flags.low[at])) return false;
    return true;
  };
  for (const section of pages.sections()) {
    const end = (section + 1) * 2 ** pages.sectionShift;
    for (let pfn = section * 2 ** pages.sectionShift; pfn < end;) {
      const row = pages.pfnToRow(pfn);
      let order = 0;
      if (pages.zoneOf(row) >= 0 && !isNoPage(flags.low[pfn])) {
        if (isBuddy(flags.low[pfn])) {
          while (order < arch.maxPageOrder && pfn % 2 ** (order + 1) === 0 && free(pfn, 2 ** (order + 1))) order++;
          lists.placeFree(row, order, lists.pageblockType(row));
        } else {
          order = compoundOrder(flags, pfn, arch.maxPageOrder);
          for (let at = pfn; at < pfn + 2 ** order; at++) if (isBuddy(flags.low[at])) order = 0;
          const use = classOfFlags(flags.low[pfn], flags.high[pfn]);
          pages.pageClass.fill(use, row, row + 2 ** order);
          if (use !== PAGE_CLASS.OFFLINE) lists.placeAllocated(row, order);
        }
      }
      pfn += 2 ** order;
    }
  }
}

/** The host asks both devices for a size; what follows at once has happened when it returns. */
export function request({ kernel, mem }: Scenario, bytes: number): void {
  for (const id of IDS) {
    mem.host.device(id)!.setRequestedSize(bytes);
    kernel.clock.advance(0);
  }
}

/** spanned, present and managed of the populated zones, one line a zone. */
export const zonesOf = ({ kernel }: Scenario): string[] =>
  kernel
    .get(Core.Zones)
    .all.filter((zone) => zone.spannedPages > 0)
    .map((z) => `${z.nid} ${z.name} ${z.startPfn} ${z.spannedPages} ${z.presentPages} ${z.managedPages}`);

export const recordedZones = (step: Step): string[] =>
  step
    .zoneinfo!.zones.filter((zone) => zone.spanned > 0)
    .map((z) => `${z.node} ${z.name} ${z.startPfn} ${z.spanned} ${z.present} ${z.managed}`);

/** State and valid_zones of every memory block, one line a block. */
export const blocksOf = ({ kernel }: Scenario): string[] =>
  kernel
    .list('/sys/devices/system/memory')
    .filter((name) => /^memory\d+$/.test(name))
    .sort((a, b) => Number(a.slice(6)) - Number(b.slice(6)))
    .map((name) => {
      const read = (file: string): string => kernel.read(`/sys/devices/system/memory/${name}/${file}`).trim();
      return `${name} ${read('state')} ${read('valid_zones')}`;
    });

export function recordedBlocks(path: string, step: Step): string[] {
  const folder = `${String(step.number).padStart(2, '0')}-${step.name}`;
  const text = readFileSync(join(path, 'steps', folder, 'sys-memory.txt'), 'utf8');
  const fields = new Map<number, Record<string, string>>();
  for (const [, id, key, value] of text.matchAll(/^\/sys\/devices\/system\/memory\/memory(\d+)\/(\w+): (.*)$/gm)) {
    fields.set(Number(id), { ...fields.get(Number(id)), [key]: value });
  }
  return [...fields]
    .sort(([a], [b]) => a - b)
    .map(([id, { state, valid_zones }]) => `memory${id} ${state} ${valid_zones}`);
}

/** MiB plugged, by device. */
export const pluggedMiB = ({ mem }: Scenario): number[] => IDS.map((id) => mem.host.device(id)!.size / 2 ** 20);

/** First pages of the sub-blocks that are plugged. */
export const pluggedSubBlocks = ({ mem }: Scenario): number[] =>
  IDS.flatMap((id) => {
    const { addr, plugged } = mem.host.device(id)!;
    return [...plugged].flatMap((bit, i) => (bit === 1 ? [addr / PAGE + i * SB] : []));
  });

/** The same from page flags: neither without a struct page nor PageOffline. */
export function recordedSubBlocks({ low }: PageFlags): number[] {
  const found: number[] = [];
  for (let pfn = FIRST_PFN; pfn < LAST_PFN; pfn += SB)
    if ((low[pfn] & (2 ** KPF.NOPAGE + 2 ** KPF.OFFLINE)) === 0) found.push(pfn);
  return found;
}

/**
 * What to make of pages that a dump does not tell apart: kernel pages without a type and pages on a CPU's list show no flag,
 * pages on their way to the LRU show too few. How many pages each zone has on CPU lists is told by zoneinfo.
 *
 *   free   none of them is an obstacle, the rest of them can be moved: the least that can stay plugged
 *   used   pages on CPU lists make up whole sub-blocks while there are some (assumed), all others stand in the way: the most
 */
export type Doubts = 'free' | 'used';

/** Settles the doubts of a step in a scenario that was made from it. */
export function settle({ kernel }: Scenario, step: Step, doubts: Doubts): void {
  const { pages, zones } = kernel.get(Core.Machine);
  const allocator = kernel.get(PageAllocator);
  const flags = step.pageFlags()!;
  const doubtOf = (pfn: number): number =>
    pageByte(flags.low[pfn], flags.high[pfn], (flags.count?.[pfn] ?? 0) > 0) & DOUBT_MASK;
  const onCpu = new Map(
    step.zoneinfo!.zones.map((zone) => [
      zones.find(zone.node, zone.name)!.index,
      zone.pagesets.reduce((sum, set) => sum + set.count, 0),
    ]),
  );
  const settleRun = (first: number, count: number): void => {
    const zone = pages.zoneOf(pages.pfnToRow(first));
    let left = onCpu.get(zone) ?? 0;
    const rows: number[] = [];
    for (let pfn = first; pfn < first + count; pfn++) {
      const row = pages.pfnToRow(pfn);
      if ((pages.state[row] & STATE_HOLDER_MASK) !== PAGE_STATE.ALLOCATED) continue;
      if (doubts === 'free' && doubtOf(pfn) !== DOUBT.NONE) pages.pageClass[row] = PAGE_CLASS.MOVABLE;
      if (doubtOf(pfn) === DOUBT.NO_FLAGS) rows.push(row);
    }
    if (doubts === 'used' && (rows.length < count || left < count)) return;
    for (const row of rows) if (left-- > 0) allocator.free(row, 0, 0);
    onCpu.set(zone, Math.max(0, left));
  };
  for (const section of pages.sections()) {
    const end = (section + 1) * 2 ** pages.sectionShift;
    for (let pfn = section * 2 ** pages.sectionShift; pfn < end; pfn += SB)
      if (pages.zoneOf(pages.pfnToRow(pfn)) >= 0) settleRun(pfn, SB);
  }
}
