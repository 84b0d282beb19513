/**
 * The machine that memory is taken from, with drivers bound to its devices: a recording at an instant, or a machine of a spec
 * whose devices have plugged what they are said to have.
 */
import { buddy } from '@replug/buddy';
import {
  Core,
  createKernel,
  PAGE_CLASS,
  PAGE_STATE,
  ReplugError,
  STATE_HOLDER_MASK,
  ZoneFreeLists,
  type Kernel,
  type KernelProfile,
  type MachineDescription,
  type OnlineType,
} from '@replug/core';
import { hotplug } from '@replug/hotplug';
import { placeSteps } from '@replug/replay';
import type { UnplugReport } from '@replug/report';
import { virtioMem, VirtioMemToken, type DeviceOptions, type FutureWork } from '@replug/virtio-mem';
import {
  DOUBT,
  findStep,
  isBuddy,
  isNoPage,
  pageByte,
  resolveTime,
  stepLabel,
  type Recording,
  type ResolvedTime,
  type Step,
  type Time,
} from '@replug/workload';
import { badUnplugDevice, deviceWithoutMemory, pluggedIsRecorded } from './errors.ts';
import { machineAt } from './machine-at.ts';
import { ownersAt, type Owners } from './owners.ts';
import { recordedDevices, stepFor, type DeviceSpec } from './unplug-devices.ts';

export interface UnplugOptions {
  /** Of a recording; default: its last step with page flags. */
  readonly at?: Time;
  /** Bytes that each device is asked to have. Default 0: everything is wanted back. */
  readonly request?: number;
  /** Default: the virtio-mem devices of the recording, else all memory blocks of the machine. */
  readonly devices?: readonly DeviceSpec[];
  readonly future?: FutureWork;
  /** Names of what `future` switches on, for the report. */
  readonly options?: readonly string[];
  readonly kernel?: KernelProfile;
  /** What doubtful pages of a dump are taken for. Default: kernel. */
  readonly doubtful?: 'kernel' | 'movable';
  /** Of a machine spec: what added memory becomes. Default: online. */
  readonly online?: OnlineType;
  /** What the machine is called, where no recording has a name. */
  readonly name?: string;
  readonly onProgress?: (done: number, total: number) => void;
}

export function unplugScene(source: Recording | MachineDescription, options: UnplugOptions): UnplugScene {
  return refusedAsUsage(options, () =>
    'steps' in source ? recordedScene(source, options) : specScene(source, options),
  );
}

/** A device that the host refuses was badly described. */
function refusedAsUsage<T>({ devices = [] }: UnplugOptions, build: () => T): T {
  try {
    return build();
  } catch (error) {
    if (!(error instanceof ReplugError) || error.code !== 'RP2201' || devices.length === 0) throw error;
    throw badUnplugDevice(devices.map(({ id }) => id).join(', '), error.message.replace(/^.*virtio-mem: /, ''));
  }
}

export interface UnplugScene {
  readonly kernel: Kernel;
  readonly specs: readonly DeviceSpec[];
  readonly head: Pick<UnplugReport, 'name' | 'path' | 'at'>;
  readonly owners: Owners | undefined;
  readonly notes: readonly string[];
}

function recordedScene(recording: Recording, options: UnplugOptions): UnplugScene {
  const { at, step, resolved } = instantOf(recording, options.at ?? lastWithPages(recording));
  const specs = options.devices ?? recordedDevices(step);
  for (const { id, plugged } of specs) if (plugged !== undefined) throw pluggedIsRecorded(id);
  const kernel = machineAt(recording, {
    at,
    kernel: options.kernel,
    reclaim: true,
    onProgress: options.onProgress,
    subsystems: subsystemsFor(
      specs.map((spec) => ({ ...deviceOptions(spec, nodeAt(recording, step, spec)), adopt: true })),
      options,
    ),
  });
  try {
    for (const { id, kind } of specs) if (kind === 'virtio-mem') kernel.get(VirtioMemToken).adopt(id);
    const atStep = at.kind === 'step' ? step : undefined;
    if (atStep !== undefined) freeWhatFlagsShow(kernel, atStep);
    const doubts = atStep === undefined ? 0 : settleDoubts(kernel, atStep, options.doubtful ?? 'kernel');
    return {
      kernel,
      specs,
      owners: ownersOrNothing(recording, at),
      head: {
        name: recording.name,
        path: recording.path,
        at: {
          step: atStep === undefined ? null : stepLabel(atStep),
          time: resolved === undefined || Number.isNaN(resolved.ns) ? null : resolved.ns / 1e9,
          note: resolved?.note ?? '',
        },
      },
      notes: [
        ...(options.devices === undefined && specs.length === 0
          ? ['the recording shows no virtio-mem device: its memory blocks are taken offline, the highest first']
          : []),
        ...(atStep === undefined && specs.some(({ kind }) => kind === 'virtio-mem')
          ? [
              'between dumps: sub-blocks that the driver took since the dump before count as plugged, no event tells of them',
            ]
          : []),
        ...(atStep !== undefined && !atStep.hasPageFlags
          ? ['the step has no page flags: which pages are in use is made up from the counts']
          : []),
        ...(doubts > 0
          ? [`${doubts} pages of doubtful class are taken for ${options.doubtful ?? 'kernel'} pages`]
          : []),
      ],
    };
  } catch (error) {
    kernel.dispose();
    throw error;
  }
}

function specScene(machine: MachineDescription, options: UnplugOptions): UnplugScene {
  const specs = options.devices ?? [];
  const dimm = specs.find(({ kind }) => kind === 'dimm');
  if (dimm?.addr === undefined && dimm !== undefined) throw deviceWithoutMemory(dimm.id, memoryText(machine));
  const added = specs.filter(({ kind }) => kind === 'virtio-mem');
  const bytes = added.reduce((sum, { size }) => sum + size, 0);
  const pageSize = 2 ** machine.arch.pageShift;
  const kernel = createKernel({
    machine: {
      ...machine,
      sparePages: Math.max(machine.sparePages, Math.ceil(bytes / pageSize)),
      ...(options.kernel === undefined ? {} : { profile: options.kernel }),
    },
    subsystems: [
      buddy({ reclaim: true }),
      ...subsystemsFor(
        added.map((spec) => ({
          ...deviceOptions(spec, spec.node ?? 0),
          requestedSize: spec.plugged ?? spec.size,
        })),
        options,
      ),
    ],
  });
  kernel.clock.advance(0);
  const head = { name: options.name ?? machine.arch.title, path: null, at: { step: null, time: null, note: '' } };
  const notes = specs.length === 0 ? ['no device: memory blocks are taken offline, the highest first'] : [];
  return { kernel, specs, owners: undefined, head, notes };
}

function subsystemsFor(devices: readonly DeviceOptions[], { future = {}, online = 'online' }: UnplugOptions) {
  return [hotplug({ defaultOnlineType: online }), virtioMem({ devices, future })];
}

function deviceOptions(spec: DeviceSpec, node: number): DeviceOptions {
  const { id, size, addr, block } = spec;
  return {
    id,
    name: id,
    size,
    addr: addr ?? 0,
    node,
    requestedSize: size,
    ...(block === undefined ? {} : { blockSize: block }),
  };
}

/** The first ranges of a machine's memory, for errors. */
export function memoryText({ memory, arch }: MachineDescription): string {
  const hex = (pfn: number): string => `0x${(pfn * 2 ** arch.pageShift).toString(16)}`;
  const shown = memory.slice(0, 8).map(({ start, end }) => `${hex(start)}-${hex(end)}`);
  return shown.join(', ') + (memory.length > 8 ? ' …' : '');
}

function lastWithPages({ steps }: Recording): Time {
  const last = [...steps].reverse().find((step) => step.hasPageFlags) ?? steps.at(-1);
  return { kind: 'step', ref: last?.number ?? 1 };
}

/** The instant, the step whose files describe the machine then, and its place on the trace clock where it has one. */
function instantOf(recording: Recording, at: Time): { at: Time; step: Step; resolved: ResolvedTime | undefined } {
  if (at.kind === 'step') {
    const step = findStep(recording.steps, at.ref);
    try {
      return { at, step, resolved: resolveTime(recording, at) };
    } catch (error) {
      if (error instanceof ReplugError) return { at, step, resolved: undefined };
      throw error;
    }
  }
  const resolved = resolveTime(recording, at);
  // The step that lies at this end of the trace tells more than a replay.
  const { step } = resolved;
  if (step?.hasPageFlags === true) return { at: { kind: 'step', ref: step.number }, step, resolved };
  return { at, step: stepFor(recording, placeSteps(recording), resolved.eventIndex), resolved };
}

function nodeAt({ pageSize }: Recording, step: Step, { node, addr = 0 }: DeviceSpec): number {
  if (node !== undefined) return node;
  const pfn = addr / pageSize;
  const { blockSize = 0, blocks = [] } = step.memoryBlocks ?? {};
  const block = blocks.find(({ id }) => id === Math.floor(addr / blockSize));
  const zone = step.zoneinfo?.zones.find((z) => (z.startPfn ?? Infinity) <= pfn && pfn < (z.startPfn ?? 0) + z.spanned);
  return block?.nodes[0] ?? zone?.node ?? 0;
}

/**
 * The counts of a step were read a moment before its page flags, and decide what is free. Pages that the flags alone show as
 * free are nobody's then: they are free, too.
 */
function freeWhatFlagsShow(kernel: Kernel, step: Step): void {
  const { pages } = kernel.get(Core.Machine);
  const lists = kernel.get(ZoneFreeLists);
  const flags = step.hasPageFlags ? step.pageFlags() : undefined;
  if (flags === undefined) return;
  for (let pfn = 0; pfn < flags.length; pfn++) {
    if (isNoPage(flags.low[pfn]) || !isBuddy(flags.low[pfn])) continue;
    const row = pages.pfnToRow(pfn);
    if (row >= 0 && pages.zoneOf(row) >= 0 && !lists.knows(row, 0)) lists.freeDirect(row, 0, true);
  }
}

/** Pages of a step whose class is not sure. Taken for movable ones on request; kernel pages are what they are placed as. */
function settleDoubts(kernel: Kernel, step: Step, doubtful: 'kernel' | 'movable'): number {
  const { pages } = kernel.get(Core.Machine);
  const flags = step.hasPageFlags ? step.pageFlags() : undefined;
  if (flags === undefined) return 0;
  let doubts = 0;
  for (let pfn = 0; pfn < flags.length; pfn++) {
    const byte = pageByte(flags.low[pfn], flags.high[pfn], (flags.count?.[pfn] ?? 0) > 0);
    if (byte >>> 5 === DOUBT.NONE) continue;
    const row = pages.pfnToRow(pfn);
    if (row < 0 || (pages.state[row] & STATE_HOLDER_MASK) !== PAGE_STATE.ALLOCATED) continue;
    doubts++;
    if (doubtful === 'movable') pages.pageClass[row] = PAGE_CLASS.MOVABLE;
  }
  return doubts;
}

function ownersOrNothing(recording: Recording, at: Time): Owners | undefined {
  const told =
    (recording.trace?.events.length ?? 0) > 0 || recording.steps.some((step) => step.pageOwner !== undefined);
  if (!told) return undefined;
  try {
    return ownersAt(recording, at);
  } catch (error) {
    if (error instanceof ReplugError) return undefined;
    throw error;
  }
}
