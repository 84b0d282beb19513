/**
 * Memory of devices that has struct pages without being System RAM: what file systems, drivers and whoever follows a pfn
 * ask of it. It is in no allocator; its pages may not be initialised yet when they are first asked for.
 *
 * Models: include/linux/memremap.h, mm/memremap.c get_dev_pagemap(), 6.12; memmap_sync() of the 2018 series.
 */
import { token } from '../host/token.ts';
import type { Nid, Pfn } from '../base/units.ts';

export interface DeviceMemory {
  /** Type of the pagemap that a page belongs to (enum memory_type); 0: not device memory. */
  typeOf(pfn: Pfn): number;
  /** True when the struct page of a device page is initialised. */
  usable(pfn: Pfn): boolean;
  /**
   * Makes the struct pages of [pfn, pfn + pages) usable, initialising in the foreground what nobody has begun; time passes.
   * Returns the virtual ns that it took. `nid`: node of the CPU that needs them.
   */
  sync(pfn: Pfn, pages: number, nid?: Nid): number;
  /** A user of a page comes or goes. The page must be usable. */
  getPage(pfn: Pfn): void;
  putPage(pfn: Pfn): void;
}

export const DeviceMemory = token<DeviceMemory>()('core.DeviceMemory', {
  provider: 'zoneDevice() from @replug/zone-device',
});
