/**
 * Captures of memory that came and went, as scenarios: the machine of one step, then what the capture's logs say was done –
 * devices plugged and unplugged (host commands in steps.log), blocks written to (blocks.log) – up to the next step.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buddy } from '@replug/buddy';
import {
  Core,
  createKernel,
  KernfsError,
  MemoryHotplug,
  MIGRATE,
  PAGE_CLASS,
  PageAllocator,
  ZoneFreeLists,
  ZoneSizing,
  type Kernel,
  type Machine,
  type MachineDescription,
} from '@replug/core';
import { hotplug } from '@replug/hotplug';
import { describeRecorded, restoreZones } from '@replug/replay';
import { openRecording } from '@replug/trace-import';
import {
  classOfFlags,
  compoundOrder,
  isBuddy,
  isNoPage,
  type PageFlags,
  type Recording,
  type Step,
} from '@replug/workload';
import { givenBack, type DumpStep } from './fidelity-static-facts.ts';

/** One write of blocks.log. */
export interface BlockWrite {
  readonly kind: 'write';
  readonly time: number;
  readonly id: number;
  readonly text: string;
  /** What the shell returned: 0, 1 for an error, 143 when it was killed because the kernel kept trying. */
  readonly rc: number;
  readonly state: string;
  readonly zones: string;
  readonly error: string;
}
export interface Plug {
  readonly kind: 'plug' | 'unplug';
  readonly time: number;
  readonly nid: number;
  readonly ids: readonly number[];
}
export interface Reached {
  readonly kind: 'step';
  readonly time: number;
  readonly number: number;
}
export type Action = BlockWrite | Plug | Reached;

const MEMORY = '/sys/devices/system/memory';

/** A capture without its trace, which is large and tells nothing here. */
export async function openWithoutTrace(path: string, pageFlags: boolean): Promise<Recording> {
  const folder = mkdtempSync(join(tmpdir(), 'replug-hotplug-'));
  try {
    for (const name of readdirSync(path)) {
      if (name !== 'trace') symlinkSync(join(path, name), join(folder, name));
    }
    const recording = await openRecording(folder, { pageFlags });
    // Page flags are read when asked for: before the folder goes.
    const steps = recording.steps.map((step) => {
      const flags = step.hasPageFlags ? step.pageFlags() : undefined;
      return { ...step, pageFlags: () => flags };
    });
    return { ...recording, steps };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What happened, in order of time. */
export function timelineOf(path: string): Action[] {
  const actions: Action[] = [];
  for (const line of readFileSync(join(path, 'blocks.log'), 'utf8').split('\n')) {
    const match = /^([\d.]+) [\d.]+ memory(\d+) (\w+) rc=(\d+) state=(\S*) zones=\[(.*?)\] err=\[(.*)\]$/.exec(line);
    if (match === null) continue;
    const [, time, id, text, rc, state, zones, error] = match;
    actions.push({ kind: 'write', time: Number(time), id: Number(id), text, rc: Number(rc), state, zones, error });
  }
  const devices = new Map<string, { nid: number; ids: number[] }>();
  let latest: string | undefined;
  for (const line of readFileSync(join(path, 'steps.log'), 'utf8').split('\n')) {
    const [, time, rest] = /^([\d.]+) (.*)$/.exec(line) ?? [];
    if (rest === undefined) continue;
    const step = /^step (\d+) .* done$/.exec(rest);
    if (step !== null) actions.push({ kind: 'step', time: Number(time), number: Number(step[1]) });
    const added = /^host \[hmp device_add pc-dimm,id=(\w+),memdev=\w+,node=(\d+)\]/.exec(rest);
    if (added !== null) {
      latest = added[1];
      const device = { nid: Number(added[2]), ids: [] };
      devices.set(latest, device);
      actions.push({ kind: 'plug', time: Number(time), ...device });
    }
    const blocks = /^new blocks: ([\d ]+)$/.exec(rest);
    if (blocks !== null && latest !== undefined) devices.get(latest)!.ids.push(...blocks[1].split(' ').map(Number));
    const gone = /^host \[hmp device_del (\w+)\]/.exec(rest);
    if (gone !== null) actions.push({ kind: 'unplug', time: Number(time), ...devices.get(gone[1])! });
  }
  return actions.sort((a, b) => a.time - b.time);
}

/** The settings that the boot options ask for. */
function settingsOf({ commandLine }: Recording) {
  const value = (key: string): string | undefined => new RegExp(`(?:^| )${key}=(\\S+)`).exec(commandLine)?.[1];
  const ratio = value('memory_hotplug.auto_movable_ratio');
  return {
    defaultOnlineType: (value('memhp_default_state') ?? 'offline') as 'offline' | 'online',
    onlinePolicy: (value('memory_hotplug.online_policy') ?? 'contig-zones') as 'contig-zones' | 'auto-movable',
    ...(ratio !== undefined && { autoMovableRatio: Number(ratio) }),
  };
}

function machineAt(recording: Recording, step: Step, spareBlocks: number): MachineDescription {
  const description = describeRecorded(recording, step);
  const { 'vm.min_free_kbytes': _kept, ...sysctl } = description.sysctl;
  const { arch } = description;
  const blockPages = description.memoryBlockSize / 2 ** arch.pageShift;
  return { ...description, sysctl, khugepaged: arch.machine !== 's390x', sparePages: spareBlocks * blockPages };
}

/**
 * The machine of the first step with all of its memory free: enough for states, zones, spans and marks. What the kernel gave
 * back after it had computed its marks (initrd, init memory) is given here too.
 */
export function emptyMachineAt(recording: Recording, step: Step): Kernel {
  const description = machineAt(recording, step, 32);
  const back = givenBack(recording, step as DumpStep);
  const zoneinfo = step.zoneinfo!.zones;
  const backOf = (nid: number, kind: string): number =>
    back.get(zoneinfo.findIndex((z) => z.node === nid && z.name === kind)) ?? 0;
  const zones = description.zones.map((z) => ({ ...z, managedPages: z.managedPages! - backOf(z.nid, z.kind) }));
  const machine = { ...description, zones };
  const kernel = createKernel({ machine, subsystems: [buddy(), hotplug(settingsOf(recording))] });
  for (const { nid, kind } of zones) {
    const { index } = kernel.get(Core.Zones).find(nid, kind)!;
    kernel.get(ZoneSizing).adjustManaged(index, backOf(nid, kind));
  }
  return kernel;
}

/**
 * The machine of a step with the pages as its kpageflags show them. A page without any flag is the kernel's or lies on a
 * CPU's list, which no file tells: `flagless` says which all of them are, but in ZONE_MOVABLE, where nothing is the kernel's:
 * there a page that has flags but is on no LRU waits in a CPU's batch for one. Targets of migration may be got by dropping
 * page cache, as the kernel does.
 */
export function fullMachineAt(recording: Recording, step: Step, flagless: 'kernel' | 'cpu'): Kernel {
  const machine = machineAt(recording, step, 0);
  const kernel = createKernel({
    machine,
    subsystems: [buddy({ start: 'nothing', reclaim: true }), hotplug(settingsOf(recording))],
  });
  const built = kernel.get(Core.Machine);
  const lists = kernel.get(ZoneFreeLists);
  placePages(built, lists, step.pageFlags()!, flagless);
  restoreZones(built, lists, step, { sizes: false });
  kernel.get(PageAllocator).refresh();
  return kernel;
}

function placePages(machine: Machine, lists: ZoneFreeLists, flags: PageFlags, flagless: 'kernel' | 'cpu'): void {
  const { pages, zones } = machine;
  const { maxPageOrder } = pages.arch;
  for (let pfn = 0; pfn < flags.length;) {
    const row = isNoPage(flags.low[pfn]) ? -1 : pages.pfnToRow(pfn);
    const zone = row < 0 ? -1 : pages.zoneOf(row);
    let order = 0;
    if (zone < 0) {
      pfn++;
      continue;
    }
    if (isBuddy(flags.low[pfn])) {
      const inside = (at: number): boolean =>
        at < flags.length && isBuddy(flags.low[at]) && pages.zoneOf(pages.pfnToRow(at)) === zone;
      const allFree = (from: number, count: number): boolean => {
        for (let at = from; at < from + count; at++) if (!inside(at)) return false;
        return true;
      };
      while (order < maxPageOrder && pfn % (2 << order) === 0 && allFree(pfn + (1 << order), 1 << order)) order++;
      lists.placeFree(row, order, MIGRATE.MOVABLE);
    } else {
      const movable = zones.all[zone].kind.movableOnly;
      const seen = classOfFlags(flags.low[pfn], flags.high[pfn]);
      const use = movable && seen === PAGE_CLASS.KERNEL ? PAGE_CLASS.MOVABLE : seen;
      const onList = flags.low[pfn] === 0 && flags.high[pfn] === 0;
      if (onList && (flagless === 'cpu' || movable)) {
        lists.placeOnCpu(row, 0, MIGRATE.MOVABLE, 0);
      } else {
        order = compoundOrder(flags, pfn, maxPageOrder);
        pages.pageClass.fill(use, row, row + (1 << order));
        if (use !== PAGE_CLASS.RESERVED && use !== PAGE_CLASS.HOLE) lists.placeAllocated(row, order);
      }
    }
    pfn += 1 << order;
  }
}

/** The errno of a write to a block, '' when it is taken, 'EINTR' when the kernel would go on trying. */
export function write(kernel: Kernel, id: number, text: string): string {
  try {
    kernel.write(`${MEMORY}/memory${id}/state`, text);
    return '';
  } catch (error) {
    if (error instanceof KernfsError) return error.errno;
    throw error;
  }
}

/** What the shell's return code and message say of the errno. */
export function errnoOf({ rc, error }: BlockWrite): string {
  if (rc === 0) return '';
  if (rc === 143) return 'EINTR';
  if (error.includes('Device or resource busy')) return 'EBUSY';
  return error.includes('Invalid argument') ? 'EINVAL' : error;
}

/** Firmware adds a device: ACPI as one static group, pseries block by block, each brought online at once. */
export function plug(kernel: Kernel, { nid, ids }: Plug): void {
  const memory = kernel.get(MemoryHotplug);
  const per = memory.blockPages;
  const fail = (errno: number): void => {
    if (errno !== 0) throw new Error(`plugging memory${ids[0]} and on: ${errno}`);
  };
  if (kernel.get(Core.Machine).description.arch.machine === 'x86_64') {
    const groupId = memory.registerGroup({ kind: 'static', nid, pages: ids.length * per });
    fail(memory.addMemory(nid, ids[0] * per, ids.length * per, { groupId }));
    return;
  }
  for (const id of ids) fail(memory.addMemory(nid, id * per, per));
  for (const id of ids) fail(memory.online(id, 'online'));
}

/** Firmware takes a device back: what is online goes offline first; the first block that stays ends it. */
export function unplug(kernel: Kernel, { ids }: Plug): void {
  const memory = kernel.get(MemoryHotplug);
  for (const id of ids) if (memory.blockState(id) === 'online' && memory.offline(id).errno !== 0) return;
  const errno = memory.removeMemory(ids[0] * memory.blockPages, ids.length * memory.blockPages);
  if (errno !== 0) throw new Error(`removing memory${ids[0]} and on: ${errno}`);
}

/** Place, counts and marks of each zone with pages, as a dump and as the model have them; marks without boost. */
export const zonesOfStep = (step: Step): string[] =>
  step
    .zoneinfo!.zones.filter((z) => z.present > 0)
    .map(
      (z) =>
        `${z.node} ${z.name} ${z.startPfn}+${z.spanned} present ${z.present} managed ${z.managed} ` +
        `min ${z.min - (z.boost ?? 0)} low ${z.low - (z.boost ?? 0)} high ${z.high - (z.boost ?? 0)}`,
    );

export const zonesOfModel = (kernel: Kernel): string[] =>
  kernel
    .get(Core.Zones)
    .all.filter((z) => z.presentPages > 0)
    .map(
      (z) =>
        `${z.nid} ${z.name} ${z.startPfn}+${z.spannedPages} present ${z.presentPages} managed ${z.managedPages} ` +
        `min ${z.watermark.min} low ${z.watermark.low} high ${z.watermark.high}`,
    );

/** `id state zones nodes` of each block. */
export const blocksOfStep = (step: Step): string[] =>
  step
    .memoryBlocks!.blocks.map(
      (b) => `${b.id} ${b.state} ${b.validZones.length === 0 ? 'none' : b.validZones.join(' ')} ${b.nodes.join(' ')}`,
    )
    .sort();

export const blocksOfModel = (kernel: Kernel): string[] => {
  const { blocks } = kernel.get(Core.Machine);
  const { numa } = kernel.get(Core.Machine).description.arch;
  return blocks
    .ids()
    .map((id) => {
      const read = (file: string): string => kernel.read(`${MEMORY}/memory${id}/${file}`).trim();
      return `${id} ${read('state')} ${read('valid_zones')} ${numa ? blocks.get(id)!.nids.join(' ') : ''}`;
    })
    .sort();
};
