/**
 * Texts of RP24xx: device memory. What memremap_pages() refuses carries the kernel's errno as well.
 *
 * Models: mm/memremap.c memremap_pages(), pagemap_range(); mm/memory_hotplug.c __add_pages(), 6.12.
 */
import { ERRNO, ReplugError, type ErrnoName } from '@replug/core';

const who = 'zone-device';

/** A mapping that the kernel would refuse. `errno` is the kernel's name, `number` its positive value. */
export class MemremapError extends ReplugError {
  readonly errno: ErrnoName;
  readonly number: number;

  constructor(code: `RP${number}`, errno: ErrnoName, what: string, value?: unknown, hint?: string) {
    super({ code, who, what: `${errno}, ${what}`, value, hint });
    this.errno = errno;
    this.number = ERRNO[errno];
  }
}

const range = (start: number, end: number) => `pfn 0x${start.toString(16)}..0x${end.toString(16)}`;

// RP2401…: the table of memremap_pages()

export const noRanges = () => new MemremapError('RP2401', 'EINVAL', 'nr_range must be specified');
export const privateIncomplete = (missing: string) =>
  new MemremapError('RP2402', 'EINVAL', 'device-private memory lacks', missing);
export const coherentIncomplete = (missing: string) =>
  new MemremapError('RP2403', 'EINVAL', 'device-coherent memory lacks', missing);
export const fsDaxLimited = () =>
  new MemremapError('RP2404', 'EINVAL', 'file system DAX is not supported where the kernel has FS_DAX_LIMITED');
export const altmapManyRanges = (ranges: number) =>
  new MemremapError('RP2405', 'EINVAL', 'altmap not supported for multiple ranges', ranges);
export const conflictingMapping = (pfn: number) =>
  new MemremapError('RP2406', 'ENOMEM', 'conflicting mapping in same section', `pfn 0x${pfn.toString(16)}`);
export const overlapsRam = (kind: 'ram' | 'mixed', start: number, end: number) =>
  new MemremapError('RP2407', 'ENXIO', `attempted on ${kind} region`, range(start, end));
export const notMappable = (start: number, end: number) =>
  new MemremapError('RP2408', 'EINVAL', 'exceeds the maximum addressable range', range(start, end));

// RP2410…: what is refused below it

export const misaligned = (start: number, end: number, pages: number) =>
  new MemremapError('RP2410', 'EINVAL', `misaligned to sub-sections of ${pages} pages`, range(start, end));
export const subsectionTaken = (pfn: number) =>
  new MemremapError('RP2411', 'EEXIST', 'sub-section is populated already', `pfn 0x${pfn.toString(16)}`);
export const badAltmap = (why: string) => new MemremapError('RP2412', 'EINVAL', 'invalid altmap', why);
export const altmapExhausted = (pages: number, free: number) =>
  new MemremapError('RP2413', 'ENOMEM', `altmap has no ${pages} aligned pages left for the memmap`, `${free} free`);
export const noMemmapMemory = (nid: number, pages: number) =>
  new MemremapError('RP2414', 'ENOMEM', `no memory for ${pages} pages of memmap`, `node ${nid}`);
export const noDeviceZone = (arch: string) =>
  new MemremapError('RP2415', 'ENODEV', 'the architecture is built without ZONE_DEVICE', arch);
export const noNode = (nid: number) => new MemremapError('RP2416', 'EINVAL', 'no such node', nid);
export const badRange = (start: number, end: number) =>
  new MemremapError('RP2417', 'EINVAL', 'not a range of pages', range(start, end));
export const badShift = (shift: number) =>
  new MemremapError('RP2418', 'EINVAL', 'compound order out of range, or a range not aligned to it', shift);

// RP2430…: misuse

export const unknownPagemap = () =>
  new ReplugError({ code: 'RP2430', who, what: 'this pagemap is not mapped', hint: 'memremap() it first' });
export const stillReferenced = (value: string) =>
  new ReplugError({
    code: 'RP2431',
    who,
    what: 'pages of the pagemap are in use: the kernel would wait here for their last reference',
    value,
    hint: 'putPage() what getPage() took',
  });
export const notDevicePage = (pfn: number) =>
  new ReplugError({ code: 'RP2432', who, what: 'not a page of device memory', value: `pfn 0x${pfn.toString(16)}` });
export const notInUse = (pfn: number) =>
  new ReplugError({
    code: 'RP2433',
    who,
    what: 'putPage() of a page that nobody holds',
    value: `pfn 0x${pfn.toString(16)}`,
  });
export const noSpareRows = (sections: number, left: number) =>
  new ReplugError({
    code: 'RP2434',
    who,
    what: `the machine has room for ${left} more sections, the device needs`,
    value: sections,
    hint: 'describe it with spare=SIZE (sparePages)',
  });
export const badJob = (value: string) =>
  new ReplugError({ code: 'RP2435', who, what: 'not a piece of work to cut up', value });
export const badPower = (value: string) =>
  new ReplugError({ code: 'RP2436', who, what: 'not the CPUs or the bandwidth of a node', value });
export const uninitialised = (pfn: number) =>
  new ReplugError({
    code: 'RP2437',
    who,
    what: 'a page was used whose struct page is not initialised',
    value: `pfn 0x${pfn.toString(16)}`,
    hint: 'sync() first',
  });
export const waitsForItself = () =>
  new ReplugError({ code: 'RP2438', who, what: 'work that initialises pages waits for its own pages' });

// RP2450…: namespaces

export const badNamespace = (name: string, why: string) =>
  new ReplugError({ code: 'RP2450', who, what: `namespace cannot be set up: ${why}`, value: name });
export const namespaceTwice = (name: string) =>
  new ReplugError({ code: 'RP2451', who, what: 'there are two namespaces of one name', value: name });
export const noSuchNamespace = (name: string, known: readonly string[]) =>
  new ReplugError({ code: 'RP2452', who, what: 'no such namespace', value: name, hint: `known: ${known.join(', ')}` });
export const noHotplug = (name: string) =>
  new ReplugError({
    code: 'RP2453',
    who,
    what: 'a namespace in system-ram mode needs a driver that adds it as memory',
    value: name,
    hint: 'add daxKmem() from @replug/zone-device and hotplug() from @replug/hotplug',
  });
export const addRefused = (name: string, errno: string) =>
  new ReplugError({ code: 'RP2454', who, what: `adding the namespace as memory failed with ${errno}`, value: name });
export const offlineRefused = (name: string, why: string) =>
  new ReplugError({ code: 'RP2455', who, what: `the namespace's memory stays: ${why}`, value: name });
export const namespaceBusy = (name: string) =>
  new ReplugError({ code: 'RP2456', who, what: 'the namespace is in use; disable it first', value: name });

// RP2470…: real threads

export const badThreads = (value: number) =>
  new ReplugError({ code: 'RP2470', who, what: 'not a number of threads from 1 to 256', value });
export const recordsTooLarge = (bytes: number, most: number) =>
  new ReplugError({ code: 'RP2471', who, what: `page records take more than ${most} bytes`, value: bytes });
export const threadFailed = (cause: Error) =>
  new ReplugError(
    { code: 'RP2472', who, what: 'a thread that initialises pages failed', value: cause.message },
    { cause },
  );
