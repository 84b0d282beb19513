/**
 * Persistent memory as its driver lays it out: an info block, the memmap if it lies on the device, then data.
 *
 *   raw         no info block. Legacy regions (e820 type 12, `memmap=SIZE!START`) get struct pages all the same
 *   fsdax       single pages; map=mem: memmap in memory, map=dev: on the device
 *   devdax      compound pages of the alignment, deduplicated where the memmap lies in memory
 *   system-ram  added as ordinary memory by the hotplug core
 *
 * Units: bytes. Errors: RP2450.
 * Models: drivers/nvdimm/pfn_devs.c nd_pfn_init(), __nvdimm_setup_pfn(); drivers/nvdimm/pmem.c pmem_attach_disk();
 * drivers/dax/device.c, drivers/dax/kmem.c, 6.12.
 */
import type { ArchProfile, Nid, PfnRange } from '@replug/core';
import { VmemAltmap } from './altmap.ts';
import { MEMORY_DEVICE, type DevPagemap } from './dev-pagemap.ts';
import { badNamespace } from './errors.ts';

export const NAMESPACE_MODES = ['raw', 'fsdax', 'devdax', 'system-ram'] as const;
export type NamespaceMode = (typeof NAMESPACE_MODES)[number];

export interface NamespaceOptions {
  /** namespaceN.M. */
  readonly name: string;
  readonly nid: Nid;
  readonly start: number;
  readonly size: number;
  readonly mode: NamespaceMode;
  /** Where the memmap of fsdax and devdax lies. Default: in memory. */
  readonly map?: 'mem' | 'dev';
  /** Told by e820 (type 12) or `memmap=SIZE!START` rather than by the firmware's tables. */
  readonly legacy?: boolean;
  /** Alignment of data, and the size of devdax's pages. Default 2 MiB. */
  readonly align?: number;
}

/** Where the parts of a namespace lie, in pages. */
export interface NamespaceLayout {
  /** Pages that get struct pages. */
  readonly mapped: PfnRange;
  /** First data page. */
  readonly data: number;
  readonly altmap?: VmemAltmap;
  /** Order of compound pages. */
  readonly shift: number;
  /** Bytes at the end that the alignment leaves out. */
  readonly endTrunc: number;
}

/** Bytes of the info block. */
export const INFO_BLOCK = 8192;
/** struct pages are never larger on media than this. */
const MAX_STRUCT_PAGE_SIZE = 64;
const MiB = 2 ** 20;
const SUBSECTION = 2 * MiB;

/** Lays a namespace out. Throws RP2450. */
export function layoutNamespace(options: NamespaceOptions, arch: ArchProfile): NamespaceLayout {
  const { name, start, size, mode, map = 'mem', align = SUBSECTION } = options;
  const page = 2 ** arch.pageShift;
  const refuse = (why: string) => badNamespace(name, why);
  if (!/^\S+$/.test(name)) throw refuse('it has no name');
  if (!(NAMESPACE_MODES as readonly string[]).includes(mode)) throw refuse(`no such mode: ${mode}`);
  if (!(Number.isSafeInteger(start) && Number.isSafeInteger(size) && start >= 0 && size > 0))
    throw refuse(`it begins at ${start} and is ${size} bytes long`);
  if (start % SUBSECTION !== 0) throw refuse('it does not begin at a multiple of 2 MiB');
  if (!(align >= page && Number.isInteger(Math.log2(align)))) throw refuse(`alignment of ${align} bytes`);
  if (mode === 'raw' || mode === 'system-ram') {
    const whole = Math.floor(size / SUBSECTION) * SUBSECTION;
    if (whole === 0) throw refuse('shorter than 2 MiB');
    return { mapped: pages(start, start + whole, page), data: start / page, shift: 0, endTrunc: size - whole };
  }
  const unit = Math.max(align, SUBSECTION);
  const end = Math.floor((start + size) / unit) * unit;
  const npfns = Math.floor((size - INFO_BLOCK) / page);
  const memmap = map === 'dev' ? npfns * MAX_STRUCT_PAGE_SIZE : 0;
  const offset = Math.ceil((start + INFO_BLOCK + memmap) / unit) * unit - start;
  if (offset >= size || start + offset >= end) throw refuse(`too small for an alignment of ${align} bytes`);
  const reserve = Math.ceil(INFO_BLOCK / page);
  const shift = mode === 'devdax' ? Math.log2(align / page) : 0;
  const endTrunc = start + size - end;
  if (map === 'dev') {
    const altmap = new VmemAltmap({
      basePfn: start / page,
      reserve,
      free: offset / page - reserve,
      endPfn: end / page,
    });
    return { mapped: pages(start, end, page), data: (start + offset) / page, altmap, shift, endTrunc };
  }
  // All of it is mapped, info block included; compound pages begin at the data where the namespace is not aligned to them.
  const from = mode === 'devdax' && start % align !== 0 ? start + offset : start;
  return { mapped: pages(from, end, page), data: (start + offset) / page, shift, endTrunc };
}

/** What the driver gives to memremap_pages(). */
export function pagemapOf(mode: NamespaceMode, { mapped, altmap, shift }: NamespaceLayout): DevPagemap {
  const type = mode === 'devdax' ? MEMORY_DEVICE.GENERIC : MEMORY_DEVICE.FS_DAX;
  return { type, ranges: [mapped], altmap, vmemmapShift: shift, ops: { pageFree: () => undefined } };
}

const pages = (start: number, end: number, page: number): PfnRange => ({ start: start / page, end: end / page });
