/**
 * What a driver says of the device memory that it wants struct pages for, and the checks that come before any range is
 * looked at.
 *
 * Units: pfns; ranges are half-open (the kernel's are bytes, end included).
 * Models: include/linux/memremap.h struct dev_pagemap; mm/memremap.c memremap_pages(), 6.12.
 */
import type { KernelLog, Pfn, PfnRange } from '@replug/core';
import type { VmemAltmap } from './altmap.ts';
import { badShift, coherentIncomplete, fsDaxLimited, noRanges, privateIncomplete } from './errors.ts';

/** enum memory_type. */
export const MEMORY_DEVICE = { PRIVATE: 1, COHERENT: 2, FS_DAX: 3, GENERIC: 4, PCI_P2PDMA: 5 } as const;
export type MemoryDevice = (typeof MEMORY_DEVICE)[keyof typeof MEMORY_DEVICE];

/** What the owner of the memory does. */
export interface PagemapOps {
  /** The last user of a page is gone. */
  pageFree?(pfn: Pfn): void;
  /** A CPU touched device-private memory: bring the page back. */
  migrateToRam?(pfn: Pfn): void;
  /** Pages are broken. 0 or a negative errno. */
  memoryFailure?(pfn: Pfn, pages: number): number;
}

export interface DevPagemap {
  /** One of MEMORY_DEVICE; anything else is only warned of. */
  readonly type: number;
  readonly ranges: readonly PfnRange[];
  /** The memmap lies on the device itself (PGMAP_ALTMAP_VALID). */
  readonly altmap?: VmemAltmap;
  /** Order of the compound pages that the memory is mapped by; 0: single pages. */
  readonly vmemmapShift?: number;
  readonly ops?: PagemapOps;
  /** Identifies the driver instance. */
  readonly owner?: object;
}

/** How the kernel is configured. */
export interface PagemapConfig {
  /** CONFIG_DEVICE_PRIVATE. Default true. */
  readonly devicePrivate?: boolean;
  /** CONFIG_FS_DAX_LIMITED. Default false. */
  readonly fsDaxLimited?: boolean;
}

/** Pages that no allocator of the kernel hands out: their count begins at 0, their driver makes it 1. */
export const startsUnused = (type: number): boolean =>
  type === MEMORY_DEVICE.PRIVATE || type === MEMORY_DEVICE.COHERENT;

/** Throws RP2401–RP2404 and RP2418; warns of an unknown type, as the kernel does. */
export function checkPagemap(pagemap: DevPagemap, config: PagemapConfig, log: KernelLog): void {
  const { type, ranges, ops, owner, vmemmapShift: shift = 0 } = pagemap;
  if (ranges.length === 0) throw noRanges();
  switch (type) {
    case MEMORY_DEVICE.PRIVATE:
      if (config.devicePrivate === false) throw privateIncomplete('CONFIG_DEVICE_PRIVATE');
      if (ops?.migrateToRam === undefined) throw privateIncomplete('migrate_to_ram');
      if (ops.pageFree === undefined) throw privateIncomplete('page_free');
      if (owner === undefined) throw privateIncomplete('owner');
      break;
    case MEMORY_DEVICE.COHERENT:
      if (ops?.pageFree === undefined) throw coherentIncomplete('page_free');
      if (owner === undefined) throw coherentIncomplete('owner');
      break;
    case MEMORY_DEVICE.FS_DAX:
      if (config.fsDaxLimited === true) throw fsDaxLimited();
      break;
    case MEMORY_DEVICE.GENERIC:
    case MEMORY_DEVICE.PCI_P2PDMA:
      break;
    default:
      log.warn(`Invalid pgmap type ${type}`);
  }
  if (!(Number.isInteger(shift) && shift >= 0 && shift <= MAX_SHIFT)) throw badShift(shift);
}

/** A compound page of 2^30 pages is more than any page table maps at once. */
const MAX_SHIFT = 30;
