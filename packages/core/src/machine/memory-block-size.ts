/**
 * Size of a memory block (the unit of /sys/devices/system/memory/memoryN), in bytes.
 *
 * Models: arch/x86/mm/init_64.c probe_memory_block_size(); arch/powerpc/mm/init_64.c update_memory_block_size() (6.12) and
 * memory_block_size_bytes() (6.1); arch/s390/mm/init.c memory_block_size_bytes().
 */
import type { ArchProfile } from './arch-profiles.ts';

const MiB = 2 ** 20;
const GiB = 2 ** 30;

export interface FirmwareFacts {
  /** End of boot memory in bytes (exclusive). */
  readonly memoryEnd: number;
  /** Runs under a hypervisor that says so. */
  readonly guest: boolean;
  /** ibm,lmb-size in bytes, when dynamic reconfiguration memory is announced. */
  readonly lmbSize?: number;
  /** Sizes of the firmware's memory nodes in device-tree order, bytes. */
  readonly memoryNodes?: readonly number[];
  /** SCLP storage increment in bytes. */
  readonly increment?: number;
}

export function memoryBlockSize(arch: ArchProfile, firmware: FirmwareFacts): number {
  switch (arch.memoryBlockRule) {
    case 'x86-probe':
      return x86(firmware);
    case 'pseries-lmb':
      return pseries(firmware);
    case 's390-increment':
      return Math.max(2 ** arch.sectionSizeBits, firmware.increment ?? 0);
    case 'section':
      return 2 ** arch.sectionSizeBits;
  }
}

function x86({ memoryEnd, guest }: FirmwareFacts): number {
  if (memoryEnd < 64 * GiB) return 128 * MiB;
  if (!guest) return 2 * GiB;
  for (let size = 2 * GiB; size > 128 * MiB; size /= 2) {
    if (memoryEnd % size === 0) return size;
  }
  return 128 * MiB;
}

function pseries({ lmbSize, memoryNodes = [] }: FirmwareFacts): number {
  if (lmbSize !== undefined) return lmbSize;
  let block = GiB;
  for (const size of memoryNodes) {
    // A single-bit test, as the kernel does it: not divisibility.
    while (block > 16 * MiB && Math.floor(size / block) % 2 === 1) block /= 4;
  }
  return block;
}
