/**
 * How long struct pages of devices keep a machine waiting, by the way they are initialised, and the memory each way costs.
 * No machine is built: the engine of zone-device runs on a clock of its own, so tens of terabytes take a moment.
 *
 * Units: virtual ns inside, milliseconds and bytes in the report. Errors: RP6020–RP6022.
 */
import { COSTS, VirtualClock, type MachineDescription, type Nid } from '@replug/core';
import type { MemmapDevice, MemmapReport, MemmapVariant } from '@replug/report';
import {
  BUS_BYTES_PER_BYTE,
  initialisedShare,
  MemmapEngine,
  optane,
  OPTANE_NODE_WRITE,
  PieceLayout,
  plainVmemmapPages,
  powerOf,
  vmemmapPages,
  type Medium,
  type NodePower,
  type JobOptions,
  type RunningJob,
  type SyncOutcome,
} from '@replug/zone-device';
import { MEMMAP_WAYS, type MemmapWay } from './memmap-ways.ts';
import { badDevice, badMemmapCost, tooManyDevices } from './errors.ts';

export interface MemmapOptions {
  /** ns a struct page and thread. Default: the cost table's. */
  readonly nsPerPage?: number;
  /** Bytes a second of each node's memory. Default: DEFAULT_NODE_BANDWIDTH. */
  readonly nodeBytesPerSecond?: number;
  /** Name of the machine in the report. */
  readonly name?: string;
}

/** Mounting a file system on a device: reading its super block and journal. Assumed. */
const MOUNT_NS = 50e6;
/** Where the first fault hits the last device: past its middle, inside a thread's run. */
const FAULT_AT = 0.7;
/** A fault whose page is ready. Assumed. */
const FAULT_NS = 1500;
const MOST_DEVICES = 4096;

/** Tells each way's times. Throws RP6020–RP6022. */
export function memmapReport(
  machine: MachineDescription,
  devices: readonly MemmapDevice[],
  options: MemmapOptions = {},
): MemmapReport {
  const { arch } = machine;
  const pageSize = 2 ** arch.pageShift;
  const nsPerPage = options.nsPerPage ?? COSTS.zoneDevicePageInit.ns;
  if (!(nsPerPage > 0 && nsPerPage < 1e9)) throw badMemmapCost('ns a struct page', nsPerPage);
  const power = powerOf(machine).map((p) => ({ ...p, bytesPerSecond: options.nodeBytesPerSecond ?? p.bytesPerSecond }));
  for (const { bytesPerSecond } of power)
    if (!(bytesPerSecond > 0 && bytesPerSecond < 1e15)) throw badMemmapCost('bytes a second', bytesPerSecond);
  if (devices.length === 0 || devices.length > MOST_DEVICES) throw tooManyDevices(devices.length, MOST_DEVICES);
  for (const { nid, bytes } of devices) {
    if (!machine.nodes.some((n) => n.nid === nid)) throw badDevice(`node ${nid}`, 'the machine has no such node');
    if (!(Number.isSafeInteger(bytes) && bytes >= 2 ** 21))
      throw badDevice(String(bytes), 'a device is 2 MiB or larger');
  }
  const context: Context = { machine, power, devices, nsPerPage };
  return {
    machine: options.name ?? `${arch.title}, ${machine.nodes.length} nodes, ${machine.cpus} CPUs`,
    pageSize,
    structPageSize: arch.structPageSize,
    devices,
    pages: devices.reduce((sum, d) => sum + Math.floor(d.bytes / pageSize), 0),
    costs: {
      nsPerPage,
      nodeBytesPerSecond: power[0].bytesPerSecond,
      deviceBytesPerSecond: OPTANE_NODE_WRITE,
      mountNs: MOUNT_NS,
      faultNs: FAULT_NS,
    },
    variants: MEMMAP_WAYS.map((way) => runWay(way, context)),
  };
}

interface Context {
  readonly machine: MachineDescription;
  readonly power: readonly NodePower[];
  readonly devices: readonly MemmapDevice[];
  readonly nsPerPage: number;
}

function runWay(way: MemmapWay, context: Context): MemmapVariant {
  const { machine, power, devices } = context;
  const clock = new VirtualClock();
  const engine = new MemmapEngine(clock, power);
  const jobs = jobsOf(way, context);
  const started: RunningJob[] = [];
  const at = { visible: NaN, mounted: NaN, fault: NaN, complete: 0 };
  let fault: SyncOutcome = { taken: 0, waited: 0, ns: 0 };
  let hidden = devices.length;

  // The file system of the last device is mounted when all are there; then somebody touches a page deep in it.
  const mounted = (): void => {
    at.mounted = clock.now;
    const { layout } = jobs.at(-1)!.options;
    const page = layout.start + Math.floor((layout.end - layout.start) * FAULT_AT);
    engine.request(started[jobs.length - 1], page, 1, jobs.at(-1)!.options.nid, (outcome) => {
      fault = outcome;
      at.fault = clock.now + FAULT_NS;
    });
  };
  const visible = (): void => {
    if (--hidden > 0) return;
    at.visible = clock.now;
    clock.after(MOUNT_NS, mounted);
  };
  const queues = new Map<number, number[]>();
  const startNext = (key: number): void => {
    const index = queues.get(key)!.shift();
    if (index === undefined) return;
    const onDone = (): void => {
      at.complete = clock.now;
      if (!way.early) visible();
      startNext(key);
    };
    started[index] = engine.start({ ...jobs[index].options, onDone });
    if (way.early) visible();
  };
  devices.forEach(({ nid }, index) => {
    const key = way.queue === 'machine' ? -1 : way.queue === 'node' ? nid : -2 - index;
    queues.set(key, [...(queues.get(key) ?? []), index]);
  });
  for (const key of queues.keys()) startNext(key);
  while (engine.pool.nextInstant < Infinity || Number.isNaN(at.fault)) {
    const mount = at.visible + MOUNT_NS;
    clock.advanceTo(Math.min(engine.pool.nextInstant, mount > clock.now ? mount : Infinity));
  }
  const pageSize = 2 ** machine.arch.pageShift;
  const held = jobs.reduce((sum, { memmapPages }) => sum + memmapPages, 0) * pageSize;
  return {
    name: way.name,
    how: way.how,
    times: {
      visible: at.visible / 1e6,
      mounted: at.mounted / 1e6,
      firstFault: at.fault / 1e6,
      complete: at.complete / 1e6,
    },
    fault: { ...fault, ns: fault.ns + FAULT_NS },
    memory: way.onDevice ? 0 : held,
    device: way.onDevice ? held : 0,
  };
}

/** A job for each device, in a row of pfns. */
function jobsOf(
  way: MemmapWay,
  { machine, devices, nsPerPage }: Context,
): { options: JobOptions; memmapPages: number }[] {
  const { arch } = machine;
  const shift = Math.max(0, way.compoundShift - arch.pageShift);
  const media = new Map<Nid, Medium>(machine.nodes.map(({ nid }) => [nid, optane(nid)]));
  let first = 0;
  return devices.map(({ nid, bytes }) => {
    const pages = Math.floor(bytes / 2 ** arch.pageShift);
    const memmapPages = vmemmapPages(arch, pages, shift, way.onDevice);
    const blocks = Math.ceil((memmapPages * 2 ** arch.pageShift) / 2 ** 21);
    const single = memmapPages < plainVmemmapPages(arch, pages);
    const start = first;
    first += pages;
    const options: JobOptions = {
      nid,
      layout: PieceLayout.partitioned(start, first, way.threads, way.ranges, 2 ** shift),
      populateNs: single ? memmapPages * COSTS.vmemmapPopulatePage.ns : blocks * COSTS.vmemmapPopulate2M.ns,
      share: initialisedShare(arch, shift, way.onDevice),
      cost: way.onDevice
        ? { nsPerPage, bytesPerPage: arch.structPageSize, medium: media.get(nid) }
        : { nsPerPage, bytesPerPage: arch.structPageSize * BUS_BYTES_PER_BYTE },
    };
    return { options, memmapPages };
  });
}
