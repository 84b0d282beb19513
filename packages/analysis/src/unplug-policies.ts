/**
 * How much memory comes back by policy: the piece that is taken (sub-blocks of 2 and 4 MiB, big blocks, whole DIMMs), the zone
 * that added memory goes to, and the options of the 2019 letter's future work, one by one.
 *
 * A recording shows one policy. For the others its requests are served anew: a machine with half as much boot memory as the
 * recorded one (rounded up to BOOT_GRAIN), as of a guest that has grown, allocates what is in use when the span begins, gets
 * `added` bytes, a memory block at a time, onlined by the policy, and serves what the recorded machine was asked for until
 * the span ends. Then all of the added memory is wanted back. So the placement is the model's, on a machine with more memory than the recorded one: what is compared
 * is policies under one load, not what a certain guest would have given.
 *
 * Assumed besides: one node; the piece does not change the placement (blocks come as virtio-mem brings them, also where they
 * then count as DIMMs); allocations that have no event are missing; nothing is pinned; every block of GFP_KERNEL stays where it is.
 */
import { Core, createKernel, describeMachine, MemoryHotplug, type Kernel } from '@replug/core';
import { buddy } from '@replug/buddy';
import { hotplug, type HotplugOptions } from '@replug/hotplug';
import { findSpan, replayPolicy } from '@replug/replay';
import type { PolicyCell, PolicyZoning, UnplugPoliciesReport } from '@replug/report';
import { virtioMem, VirtioMemToken, type FutureWork } from '@replug/virtio-mem';
import type { Recording, Time } from '@replug/workload';
import { recordedKernel } from './replay.ts';
import { imageOf, kernelOf, type MachineImage } from './unplug-image.ts';
import { futureOf, UNPLUG_OPTIONS } from './unplug-options.ts';
import { UnplugWatch } from './unplug-watch.ts';

const MiB = 2 ** 20;
const GiB = 2 ** 30;
/** Boot memory is a multiple of it: a memory block of every architecture. */
const BOOT_GRAIN = 256 * MiB;
const DEFAULT_ADDED = 2 * GiB;
const DIMM = GiB;

export interface UnplugPoliciesOptions {
  readonly from?: Time;
  /** When everything is wanted back. Default: the last step. */
  readonly to?: Time;
  /** Bytes of boot memory. Default: half of the recorded machine's, rounded up to 256 MiB. */
  readonly boot?: number;
  /** Bytes added; a multiple of 1 GiB. Default 2 GiB. */
  readonly added?: number;
  /** Options that are switched on, one by one. Default: all, UNPLUG_OPTIONS and `memmap-on-memory`. */
  readonly options?: readonly string[];
  readonly onProgress?: (done: number, total: number) => void;
}

interface Zoning {
  readonly name: PolicyZoning;
  readonly hotplug: Partial<HotplugOptions>;
  readonly future: FutureWork;
}

const ZONINGS: readonly Zoning[] = [
  { name: 'Normal', hotplug: { defaultOnlineType: 'online_kernel' }, future: {} },
  { name: 'Movable', hotplug: { defaultOnlineType: 'online_movable' }, future: {} },
  { name: 'auto-movable', hotplug: { defaultOnlineType: 'online', onlinePolicy: 'auto-movable' }, future: {} },
  {
    name: 'PREFER_MOVABLE 1:4',
    hotplug: { defaultOnlineType: 'online', preferMovableRatio: 4 },
    future: { preferMovable: true },
  },
];

/** What is taken as one; bytes of a device block, or how else. */
const PIECES = [
  { name: 'SBM 2M', block: 2 * MiB, bbm: false },
  { name: 'SBM 4M', block: 4 * MiB, bbm: false },
  { name: 'BBM', block: 0, bbm: true },
  { name: 'DIMM 1G', block: 0, bbm: false },
] as const;
type PieceName = (typeof PIECES)[number]['name'];

/** Options that change nothing where whole blocks are taken. */
const ONLY_SUB_BLOCKS = new Set(['bigger-chunks', 'free-areas-first']);

/** Of the letter's future work what shapes the blocks when they are added. */
const SELF_HOSTED = 'memmap-on-memory';

/** Errors: RP6041, RP5001–RP5008, RP1020 (architecture). */
export function unplugPolicies(recording: Recording, options: UnplugPoliciesOptions = {}): UnplugPoliciesReport {
  const { added = DEFAULT_ADDED, options: names = [...Object.keys(UNPLUG_OPTIONS), SELF_HOSTED], onProgress } = options;
  const futures = names.filter((name) => name !== SELF_HOSTED).map((name) => [name, futureOf([name])] as const);
  const cells: PolicyCell[] = [];
  const placements: UnplugPoliciesReport['placements'][number][] = [];
  const total = ZONINGS.length * (2 + PIECES.length + futures.length);
  let done = 0;
  let boot = 0;
  for (const zoning of ZONINGS) {
    const placed = place(recording, zoning, options);
    boot = placed.boot;
    placements.push({ zoning: zoning.name, ...placed.counts });
    onProgress?.(++done, total);
    for (const { name } of PIECES) {
      cells.push({ zoning: zoning.name, piece: name, option: null, ...take(placed, zoning, name, {}) });
      onProgress?.(++done, total);
    }
    for (const [option, future] of futures) {
      for (const { name } of PIECES) {
        if (name === 'DIMM 1G' || (name === 'BBM' && ONLY_SUB_BLOCKS.has(option))) continue;
        cells.push({ zoning: zoning.name, piece: name, option, ...take(placed, zoning, name, future) });
      }
      onProgress?.(++done, total);
    }
    for (const piece of names.includes(SELF_HOSTED) ? (['SBM 2M', 'SBM 4M'] as const) : []) {
      const taken = takeSelfHosted(recording, zoning, options, piece);
      cells.push({ zoning: zoning.name, piece, option: SELF_HOSTED, ...taken });
    }
    onProgress?.(++done, total);
  }
  const span = findSpan(recording, options.from, options.to);
  return {
    name: recording.name,
    path: recording.path,
    to: span.stops.at(-1)?.step.name ?? 'end',
    boot,
    added,
    placements,
    cells,
  };
}

interface Served {
  readonly kernel: Kernel;
  readonly boot: number;
  readonly addr: number;
  readonly counts: Omit<UnplugPoliciesReport['placements'][number], 'zoning'>;
}

/** Serves the span's requests on a machine whose added memory goes to the zones of a policy. The caller disposes the kernel. */
function serve(
  recording: Recording,
  zoning: Zoning,
  options: UnplugPoliciesOptions,
  { block, bbm }: { readonly block: number; readonly bbm: boolean } = PIECES[0],
  future: FutureWork = {},
): Served {
  const { added = DEFAULT_ADDED } = options;
  const span = findSpan(recording, options.from, options.to);
  using recorded = recordedKernel(recording, span);
  const { memory, cpus } = recorded.get(Core.Machine).description;
  const bytes = memory.reduce((sum, range) => sum + range.end - range.start, 0) * recording.pageSize;
  const { boot = Math.ceil(bytes / 2 / BOOT_GRAIN) * BOOT_GRAIN } = options;
  const machine = describeMachine({
    arch: recording.arch,
    size: boot,
    cpus,
    kernel: recording.kernel,
    spare: added + GiB,
    prefer_movable: zoning.name.startsWith('PREFER'),
    ...(recording.arch.startsWith('ppc') ? { block: BOOT_GRAIN } : {}),
  });
  const memmapOnMemory = future.memmapOnMemory === true ? 'enable' : 'disable';
  const kernel = createKernel({
    machine,
    subsystems: [
      buddy({ reclaim: true }),
      hotplug({ ...zoning.hotplug, memmapOnMemory }),
      virtioMem({
        devices: [{ id: 'vm0', size: added, ...(block === 0 ? {} : { blockSize: block }) }],
        driver: { forceBbm: bbm },
        future: { ...zoning.future, ...future },
      }),
    ],
  });
  try {
    const device = kernel.get(VirtioMemToken).host.device('vm0')!;
    let plugged = false;
    const { counts, total } = replayPolicy(recorded, span, {
      elsewhere: kernel,
      // What is in use at the start has its place in boot memory by now.
      onEvent: () => {
        if (plugged) return;
        plugged = true;
        device.setRequestedSize(added);
        kernel.clock.advance(0);
      },
    });
    const zones: Record<string, number> = {};
    for (const { early, zone } of kernel.get(Core.Machine).blocks.all())
      if (!early && zone !== undefined) zones[zone.name] = (zones[zone.name] ?? 0) + machine.memoryBlockSize;
    return { kernel, boot, addr: device.addr, counts: { requests: total, unserved: counts.failedInModel, zones } };
  } catch (error) {
    kernel.dispose();
    throw error;
  }
}

interface Placed extends Omit<Served, 'kernel'> {
  readonly image: MachineImage;
  readonly added: number;
}

function place(recording: Recording, zoning: Zoning, options: UnplugPoliciesOptions): Placed {
  const { kernel, ...served } = serve(recording, zoning, options);
  try {
    return { ...served, image: imageOf(kernel), added: options.added ?? DEFAULT_ADDED };
  } finally {
    kernel.dispose();
  }
}

/** Blocks that hold their own memmap: the load is served anew for each piece, since it shapes the blocks. */
function takeSelfHosted(recording: Recording, zoning: Zoning, options: UnplugPoliciesOptions, piece: PieceName): Taken {
  const { block, bbm } = PIECES.find(({ name }) => name === piece)!;
  const { kernel } = serve(recording, zoning, options, { block, bbm }, { memmapOnMemory: true });
  try {
    return measure(kernel, () => takeDevice(kernel, options.added ?? DEFAULT_ADDED));
  } finally {
    kernel.dispose();
  }
}

type Taken = Omit<PolicyCell, 'zoning' | 'piece' | 'option'>;

function measure(kernel: Kernel, takeAll: () => number): Taken {
  using watch = new UnplugWatch(kernel);
  const since = kernel.clock.now;
  const unplugged = takeAll();
  const { migrated, dropped, tries } = watch;
  return { unplugged, migrated, dropped, tries, virtualTime: kernel.clock.now - since };
}

/** Takes the added memory back from the image's machine, piece by piece. */
function take({ image, addr, added }: Placed, zoning: Zoning, piece: PieceName, future: FutureWork): Taken {
  const { block, bbm } = PIECES.find(({ name }) => name === piece)!;
  const device = { id: 'vm0', size: added, requestedSize: added, addr, adopt: true };
  const dimm = piece === 'DIMM 1G';
  using kernel = kernelOf(image, [
    hotplug(zoning.hotplug),
    virtioMem({
      devices: dimm ? [] : [block === 0 ? device : { ...device, blockSize: block }],
      driver: { forceBbm: bbm },
      future: { ...zoning.future, ...future },
    }),
  ]);
  if (!dimm) kernel.get(VirtioMemToken).adopt('vm0');
  return measure(kernel, () => (dimm ? takeDimms(kernel, addr, added) : takeDevice(kernel, added)));
}

function takeDevice(kernel: Kernel, added: number): number {
  const device = kernel.get(VirtioMemToken).host.device('vm0')!;
  device.setRequestedSize(0);
  kernel.clock.advance(0);
  return added - device.size;
}

/** A DIMM goes as a whole or not at all. */
function takeDimms(kernel: Kernel, addr: number, added: number): number {
  const memory = kernel.get(MemoryHotplug);
  const { description } = kernel.get(Core.Machine);
  const pageSize = 2 ** description.arch.pageShift;
  let unplugged = 0;
  for (let at = addr + added - DIMM; at >= addr; at -= DIMM)
    if (memory.offlineAndRemove(at / pageSize, DIMM / pageSize).errno === 0) unplugged += DIMM;
  return unplugged;
}
