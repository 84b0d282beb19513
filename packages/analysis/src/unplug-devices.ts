/**
 * Which memory somebody takes away: the virtio-mem devices that a recording shows in its iomem, or what the caller calls a
 * device.
 *
 *   vm0,addr=0x140000000,size=1G[,node=1][,block=2M][,plugged=512M]    a virtio-mem device
 *   dimm1,kind=dimm,addr=0x100000000,size=1G                           a DIMM: its memory blocks, one after the other
 *
 * Of a recorded machine the pages tell what is plugged. Of a machine spec nothing is recorded: an address is chosen as QEMU
 * does, and `plugged` bytes (default: all) are plugged before anything is asked.
 */
import { parseSize } from '@replug/core';
import type { Recording, Step } from '@replug/workload';
import { badUnplugDevice } from './errors.ts';

export interface DeviceSpec {
  readonly id: string;
  readonly kind: 'virtio-mem' | 'dimm';
  /** Bytes; undefined: chosen. */
  readonly addr: number | undefined;
  readonly size: number;
  /** Default: the node of its first block, 0 where there is none. */
  readonly node: number | undefined;
  /** Bytes of a device block; undefined: the host's default. */
  readonly block: number | undefined;
  /** Bytes; a machine spec's only. */
  readonly plugged: number | undefined;
}

const SIZES = ['addr', 'size', 'block', 'plugged'];

/** Reads one `--device`. Throws RP6040. */
export function parseUnplugDevice(text: string): DeviceSpec {
  const [id, ...rest] = text.split(',').map((part) => part.trim());
  if (!/^[A-Za-z][\w.-]*$/.test(id)) throw badUnplugDevice(text, 'it begins with no name');
  const found: Record<string, number | undefined> = {};
  let kind: DeviceSpec['kind'] = 'virtio-mem';
  for (const part of rest) {
    const [, key, value] = /^(\w+)=(\S+)$/.exec(part) ?? [];
    if (key === 'kind' && (value === 'dimm' || value === 'virtio-mem')) kind = value;
    else if (key === 'node' && /^\d{1,4}$/.test(value)) found.node = Number(value);
    else if (SIZES.includes(key)) {
      found[key] = parseSize(value);
      if (found[key] === undefined) throw badUnplugDevice(text, `${value} is no size`);
    } else throw badUnplugDevice(text, `${part} is none of kind, node, addr, size, block, plugged`);
  }
  const { addr, size, node, block, plugged } = found;
  if (size === undefined || size === 0) throw badUnplugDevice(text, 'it has no size');
  if (kind === 'dimm' && (block !== undefined || plugged !== undefined))
    throw badUnplugDevice(text, 'a DIMM has neither block nor plugged');
  if (plugged !== undefined && plugged > size) throw badUnplugDevice(text, 'more is plugged than it has');
  return { id, kind, addr, size, node, block, plugged };
}

/** The virtio-mem devices of a step: the driver's resource is the whole region, named after the virtio device. */
export function recordedDevices(step: Step): DeviceSpec[] {
  const ranges = step.iomem ?? [];
  return ranges.flatMap((range, i) => {
    const child = ranges[i + 1];
    const added = child !== undefined && child.depth > range.depth && child.name === 'System RAM (virtio_mem)';
    if (!added || !/^virtio\d+$/.test(range.name)) return [];
    const { name, start, end } = range;
    return [
      {
        id: name,
        kind: 'virtio-mem',
        addr: start,
        size: end + 1 - start,
        node: undefined,
        block: undefined,
        plugged: undefined,
      },
    ];
  });
}

/** The last step at or before an instant that has zones. */
export function stepFor(recording: Recording, placed: readonly { step: Step; index: number }[], event: number): Step {
  const before = placed.filter(({ step, index }) => index <= event && step.zoneinfo !== undefined);
  return before.at(-1)?.step ?? recording.steps.find((step) => step.zoneinfo !== undefined) ?? recording.steps[0];
}
