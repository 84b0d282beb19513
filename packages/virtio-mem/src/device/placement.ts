/**
 * Where a memory device's region lies: after the machine's RAM, first fit among the devices that are there.
 *
 * The area for memory devices begins at the end of RAM rounded up to 1 GiB, on x86 not below 4 GiB. On other
 * architectures that is assumed to hold as well. Regions are aligned to ALIGNMENT, what QEMU maps anonymous RAM with on
 * x86-64, or to the device's block size if that is larger.
 *
 * Models: hw/i386/pc.c pc_memory_init(), hw/mem/memory-device.c memory_device_get_free_addr(), QEMU 7.2 to 10.
 */
import type { Machine } from '@replug/core';
import { refused } from '../errors.ts';

const GiB = 2 ** 30;
/** Bytes: QEMU_VMALLOC_ALIGN on x86-64; assumed elsewhere. */
export const ALIGNMENT = 2 * 2 ** 20;

const up = (value: number, to: number): number => Math.ceil(value / to) * to;
const hex = (value: number): string => `0x${value.toString(16)}`;

/** First byte of the area for memory devices. */
export function deviceMemoryBase(machine: Machine): number {
  const { arch, memory } = machine.description;
  const end = Math.max(0, ...memory.map((range) => range.end)) * 2 ** arch.pageShift;
  return Math.max(arch.machine === 'x86_64' ? 4 * GiB : 0, up(end, GiB));
}

export interface PlacedRegion {
  readonly id: string;
  readonly addr: number;
  readonly regionSize: number;
}

export interface DeviceMemory {
  readonly base: number;
  /** Bytes of all devices together (maxmem − RAM); Infinity when no maxmem was given. */
  readonly space: number;
  /** End of what can be addressed. */
  readonly end: number;
}

/** Address for a region of `size` bytes; `wanted` 0: first fit. Refuses with QEMU's sentence. */
export function placeRegion(
  { base, space, end }: DeviceMemory,
  placed: readonly PlacedRegion[],
  size: number,
  blockSize: number,
  wanted: number,
): number {
  const align = Math.max(ALIGNMENT, blockSize);
  const used = placed.reduce((sum, region) => sum + region.regionSize, 0);
  if (used + size > space)
    throw refused(`not enough space, currently ${hex(used)} in use of total space for memory devices ${hex(space)}`);
  if (wanted % align !== 0) throw refused(`address must be aligned to ${hex(align)} bytes`);
  if (size % align !== 0) throw refused(`backend memory size must be multiple of ${hex(align)}`);
  if (wanted !== 0 && wanted < base)
    throw refused(`can't add memory device [${hex(wanted)}:${hex(size)}] before ${hex(base)}`);
  let addr = wanted === 0 ? up(base, align) : wanted;
  for (const region of [...placed].sort((a, b) => a.addr - b.addr)) {
    if (region.addr >= addr + size || addr >= region.addr + region.regionSize) continue;
    if (wanted !== 0) throw refused(`address range conflicts with memory device id='${region.id}'`);
    addr = up(region.addr + region.regionSize, align);
  }
  if (addr + size > end) {
    throw wanted !== 0
      ? refused(`can't add memory device [${hex(addr)}:${hex(size)}] beyond ${hex(end)}`)
      : refused(
          'could not find position in guest address space for memory device - memory fragmented due to alignments',
        );
  }
  return addr;
}
