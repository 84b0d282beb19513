/**
 * memremap_pages(): device memory gets struct pages, a place in ZONE_DEVICE and a reference count; what fails midway is
 * unwound. Struct pages are initialised at once (mainline), or by the engine in the background.
 *
 * Units: pfns, half-open; virtual ns. Errors: RP2401–RP2418 with the kernel's errno, RP2430–RP2434.
 * Models: mm/memremap.c memremap_pages(), pagemap_range(), memunmap_pages(); mm/mm_init.c memmap_init_zone_device(), 6.12.
 * As in 6.12 the zone's span never shrinks, neither when a device goes nor when one fails halfway.
 */
import {
  PAGE_CLASS,
  type DeviceMemory,
  type Hasher,
  type KernelLog,
  type Machine,
  type Nid,
  type PageAllocator,
  type Pfn,
  type PfnRange,
  type VirtualClock,
  type Zone,
} from '@replug/core';
import { checkPagemap, startsUnused, type DevPagemap, type PagemapConfig } from './dev-pagemap.ts';
import {
  altmapManyRanges,
  badAltmap,
  badRange,
  badShift,
  conflictingMapping,
  MemremapError,
  noDeviceZone,
  noNode,
  notDevicePage,
  notInUse,
  notMappable,
  overlapsRam,
  stillReferenced,
  unknownPagemap,
} from './errors.ts';
import type { MemmapEngine, RunningJob } from './init/engine.ts';
import { PieceLayout } from './init/piece-layout.ts';
import type { PageRecords } from './page-records.ts';
import { SectionUsage } from './section-usage.ts';
import { VmemmapBacking, type Backing } from './vmemmap-backing.ts';
import { initialisedPerCompound, PMD_SHIFT } from './vmemmap.ts';

/** How struct pages are initialised. */
export interface InitMode {
  /** `sync`: before memremap() returns, as mainline does. `async`: by threads of the node, as the 2018 series did. */
  readonly mode: 'sync' | 'async';
  readonly threads: number;
  /** Pieces of a thread. */
  readonly ranges: number;
}

export interface DeviceMapParts {
  readonly machine: Machine;
  readonly allocator: PageAllocator;
  readonly clock: VirtualClock;
  readonly log: KernelLog;
  readonly engine: MemmapEngine;
  readonly config: PagemapConfig;
  readonly init: InitMode;
  /** Bytes of a page that initialisation moves over the bus. */
  readonly bytesPerPage: number;
  readonly records?: PageRecords;
}

interface LiveRange extends PfnRange {
  readonly live: LivePagemap;
  readonly zone: Zone;
  readonly backing: Backing;
  job: RunningJob | undefined;
}

/** A mapped pagemap. */
export interface LivePagemap {
  readonly pagemap: DevPagemap;
  readonly nid: Nid;
  readonly ranges: LiveRange[];
  /** percpu_ref: 1 of the mapping itself, 1 of each page that its driver handed over, and one of each user. */
  refs: number;
}

const USERS = 'zone-device.users';

export class DeviceMap implements DeviceMemory {
  /** Pages that went through initialisation, and pages whose owner was told that the last user is gone. */
  initialised = 0;
  freed = 0;
  private readonly parts: DeviceMapParts;
  private readonly usage: SectionUsage;
  private readonly backing: VmemmapBacking;
  private readonly lives: LivePagemap[] = [];
  /** Ascending by start. */
  private ranges: LiveRange[] = [];
  /** Users of a page beyond its initial count. */
  private readonly users: Uint16Array;

  constructor(parts: DeviceMapParts) {
    this.parts = parts;
    this.usage = new SectionUsage(parts.machine);
    const cpuOf = (nid: Nid): number => parts.machine.zones.node(nid)?.cpus[0] ?? 0;
    this.backing = new VmemmapBacking(parts.machine.description.arch, parts.allocator, cpuOf);
    this.users = parts.machine.pages.extra(USERS, Uint16Array);
  }

  /** Maps a device's memory and returns its handle. `nid` < 0: the node nearest to the caller. Throws MemremapError. */
  memremap(pagemap: DevPagemap, nid: Nid): LivePagemap {
    const { log, config } = this.parts;
    const live: LivePagemap = { pagemap, nid: nid < 0 ? this.nearest() : nid, ranges: [], refs: 1 };
    try {
      checkPagemap(pagemap, config, log);
      const zone = this.zoneOf(live.nid);
      pagemap.ranges.forEach((range, i) => this.addRange(live, zone, range, i));
    } catch (error) {
      for (const range of live.ranges.toReversed()) this.removeRange(range);
      if (error instanceof MemremapError) log.warn(error.what);
      throw error;
    }
    this.lives.push(live);
    return live;
  }

  /** Takes a mapping away. Throws RP2431 where the kernel would wait for users. */
  memunmap(live: LivePagemap): void {
    const at = this.lives.indexOf(live);
    if (at < 0) throw unknownPagemap();
    const held = live.refs - 1 - this.baseRefs(live);
    if (held > 0) throw stillReferenced(`${held} references`);
    for (const range of live.ranges.toReversed()) this.removeRange(range);
    this.lives.splice(at, 1);
  }

  get mapped(): readonly LivePagemap[] {
    return this.lives;
  }
  /** Pages of memory, and of devices themselves, that hold memmap of devices. */
  memmapPages(): { memory: number; device: number } {
    let memory = 0;
    let device = 0;
    for (const { backing } of this.ranges) {
      memory += backing.memoryPages;
      device += backing.altmapPages;
    }
    return { memory, device };
  }

  /** get_dev_pagemap(): the mapping that a page belongs to. */
  pagemapOf(pfn: Pfn): LivePagemap | undefined {
    return this.rangeOf(pfn)?.live;
  }
  typeOf(pfn: Pfn): number {
    return this.rangeOf(pfn)?.live.pagemap.type ?? 0;
  }

  usable(pfn: Pfn): boolean {
    const range = this.rangeOf(pfn);
    return range !== undefined && (range.job === undefined || range.job.job.usable(pfn) || !range.job.covers(pfn));
  }

  sync(pfn: Pfn, pages: number, nid?: Nid): number {
    const { engine, clock } = this.parts;
    const since = clock.now;
    for (const range of this.ranges) {
      const { job } = range;
      if (job !== undefined && range.start < pfn + pages && range.end > pfn)
        engine.sync(job, pfn, pages, nid ?? range.live.nid);
    }
    return clock.now - since;
  }

  getPage(pfn: Pfn): void {
    const range = this.rangeOf(pfn);
    if (range === undefined) throw notDevicePage(pfn);
    this.parts.engine.assertUsable(pfn);
    this.users[this.parts.machine.pages.pfnToRow(pfn)]++;
    range.live.refs++;
  }

  putPage(pfn: Pfn): void {
    const range = this.rangeOf(pfn);
    if (range === undefined) throw notDevicePage(pfn);
    const row = this.parts.machine.pages.pfnToRow(pfn);
    if (this.users[row] === 0) throw notInUse(pfn);
    range.live.refs--;
    if (--this.users[row] > 0) return;
    this.freed++;
    range.live.pagemap.ops?.pageFree?.(pfn);
  }

  /** page_count() of a device page: 1 when nobody uses it, 0 where only its driver hands it out, 0 for tails. */
  pageCount(pfn: Pfn): number {
    const range = this.rangeOf(pfn);
    if (range === undefined) throw notDevicePage(pfn);
    const { type, vmemmapShift = 0 } = range.live.pagemap;
    const tail = (pfn - dataStart(range)) % 2 ** vmemmapShift !== 0;
    return (startsUnused(type) || tail ? 0 : 1) + this.users[this.parts.machine.pages.pfnToRow(pfn)];
  }

  hash(hasher: Hasher): void {
    for (const { pagemap, nid, refs } of this.lives) {
      hasher
        .integer(pagemap.type)
        .integer(nid)
        .integer(refs)
        .integer(pagemap.vmemmapShift ?? 0);
      for (const { start, end } of pagemap.ranges) hasher.integer(start).integer(end);
      if (pagemap.altmap !== undefined) hasher.integer(pagemap.altmap.alloc).integer(pagemap.altmap.align);
    }
    for (const { job } of this.ranges)
      if (job !== undefined && job.phase !== 'done')
        for (let piece = 0; piece < job.options.layout.pieces; piece++) hasher.word(job.job.stateOf(piece));
    this.parts.records?.hash(hasher);
  }

  /** What does not fit together. */
  validate(): string[] {
    const problems: string[] = [];
    const { pages, zones } = this.parts.machine;
    for (const { start, end, zone, job, live } of this.ranges) {
      const { altmap } = live.pagemap;
      if (altmap !== undefined && altmap.alloc + altmap.align > altmap.free) problems.push('altmap gave out too much');
      if (zone.presentPages !== 0 || zone.managedPages !== 0) problems.push(`zone ${zone.index} counts device pages`);
      if (start < zone.startPfn || end > zone.endPfn) problems.push(`pfn ${start}..${end} outside its zone`);
      for (const pfn of [start, Math.floor((start + end) / 2), end - 1]) {
        const row = pages.pfnToRow(pfn);
        if (zones.all[pages.zoneOf(row)] !== zone) problems.push(`pfn ${pfn} is not in its zone`);
        const ready = job === undefined || !job.covers(pfn) || job.job.usable(pfn);
        if (ready !== (pages.pageClass[row] === PAGE_CLASS.DEVICE)) problems.push(`pfn ${pfn} and its class disagree`);
      }
    }
    for (const live of this.lives) if (live.refs < 1 + this.baseRefs(live)) problems.push('references got lost');
    return problems;
  }

  private nearest(): Nid {
    const { nodes } = this.parts.machine.zones;
    return (nodes.find((n) => n.managedPages > 0) ?? nodes[0]).nid;
  }

  private zoneOf(nid: Nid): Zone {
    const { zones, description } = this.parts.machine;
    if (zones.node(nid) === undefined) throw noNode(nid);
    const zone = zones.find(nid, 'Device');
    if (zone === undefined) throw noDeviceZone(description.arch.id);
    return zone;
  }

  /** References that go with the mapping itself: one of each page, unless a driver hands them out. */
  private baseRefs({ pagemap, ranges }: LivePagemap): number {
    if (startsUnused(pagemap.type)) return 0;
    const compound = 2 ** (pagemap.vmemmapShift ?? 0);
    return ranges.reduce((sum, range) => sum + Math.floor((range.end - dataStart(range)) / compound), 0);
  }

  private rangeOf(pfn: Pfn): LiveRange | undefined {
    let low = 0;
    let high = this.ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.ranges[middle].end <= pfn) low = middle + 1;
      else high = middle;
    }
    const range = this.ranges[low];
    return range !== undefined && range.start <= pfn ? range : undefined;
  }

  /** pagemap_range(): the checks in the kernel's order, then sections, zone, memmap and its initialisation. */
  private addRange(live: LivePagemap, zone: Zone, { start, end }: PfnRange, index: number): void {
    const { machine } = this.parts;
    const { altmap, vmemmapShift: shift = 0 } = live.pagemap;
    if (!(Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && end > start))
      throw badRange(start, end);
    if (altmap !== undefined && index > 0) throw altmapManyRanges(live.pagemap.ranges.length);
    for (const pfn of [start, end - 1]) {
      if (this.rangeOf(pfn) !== undefined || live.ranges.some((r) => pfn >= r.start && pfn < r.end))
        throw conflictingMapping(pfn);
    }
    const ram = machine.memory.reduce(
      (sum, m) => sum + Math.max(0, Math.min(m.end, end) - Math.max(m.start, start)),
      0,
    );
    if (ram > 0) throw overlapsRam(ram === end - start ? 'ram' : 'mixed', start, end);
    const { pageShift, maxPhysmemBits } = machine.description.arch;
    if (end > 2 ** (maxPhysmemBits - pageShift)) throw notMappable(start, end);
    if (altmap !== undefined && altmap.basePfn !== start)
      throw badAltmap(`begins at pfn 0x${altmap.basePfn.toString(16)}`);
    if (altmap !== undefined && altmap.offset > end - start) throw badAltmap('longer than the device');
    const data = start + (altmap?.offset ?? 0);
    if ((end - data) % 2 ** shift !== 0 || data % 2 ** shift !== 0) throw badShift(shift);
    const parts = this.usage.plan(start, end);
    altmap?.reset();
    const backing = this.backing.populate(live.nid, parts, altmap, shift);
    this.usage.add(zone, start, end);
    const range: LiveRange = { start, end, live, zone, backing, job: undefined };
    live.ranges.push(range);
    this.ranges = [...this.ranges, range].sort((a, b) => a.start - b.start);
    const fresh = parts.reduce((sum, p) => sum + (p.reused ? 0 : p.end - p.start), 0);
    this.initialise(range, data, shift, fresh);
    live.refs = 1 + this.baseRefs(live);
  }

  /** memmap_init_zone_device(): the altmap's own pages at once and under the lock, the data pages by the mode. */
  private initialise(range: LiveRange, data: Pfn, shift: number, freshPages: number): void {
    const { clock, engine, init, machine, bytesPerPage } = this.parts;
    const { live } = range;
    const { arch } = machine.description;
    const altmap = live.pagemap.altmap !== undefined;
    const populate = Math.ceil((freshPages * arch.structPageSize) / 2 ** PMD_SHIFT);
    const share = initialisedPerCompound(arch, shift, altmap, freshPages < range.end - range.start) / 2 ** shift;
    if (altmap) {
      clock.charge('zoneDevicePageInit', data - range.start);
      this.pagesReady(range, range.start, data);
    }
    if (init.mode === 'sync') {
      clock.charge('vmemmapPopulate2M', populate);
      clock.charge('zoneDevicePageInit', (range.end - data) * share);
      return this.pagesReady(range, data, range.end);
    }
    const { ns } = clock.costs.zoneDevicePageInit;
    range.job = engine.start({
      nid: live.nid,
      layout: PieceLayout.partitioned(data, range.end, init.threads, init.ranges, 2 ** shift),
      cost: { nsPerPage: ns, bytesPerPage },
      populateNs: populate * clock.costs.vmemmapPopulate2M.ns,
      share,
      onPiece: (start, end) => this.pagesReady(range, start, end),
    });
  }

  /** The pages of a piece have their struct pages. */
  private pagesReady(range: LiveRange, start: Pfn, end: Pfn): void {
    const { machine, records } = this.parts;
    const { pages } = machine;
    const per = 2 ** pages.sectionShift;
    for (let at = start; at < end;) {
      const stop = Math.min(end, (Math.floor(at / per) + 1) * per);
      const row = pages.pfnToRow(at);
      pages.pageClass.fill(PAGE_CLASS.DEVICE, row, row + (stop - at));
      at = stop;
    }
    this.initialised += end - start;
    records?.initialise(range.live.pagemap, range.live.nid, range.start, range.end, start, end);
  }

  private removeRange(range: LiveRange): void {
    const { pages } = this.parts.machine;
    if (range.job !== undefined) this.parts.engine.wait(range.job);
    this.ranges = this.ranges.filter((other) => other !== range);
    for (let at = range.start; at < range.end;) {
      const stop = Math.min(range.end, (Math.floor(at / 2 ** pages.sectionShift) + 1) * 2 ** pages.sectionShift);
      const row = pages.pfnToRow(at);
      this.users.fill(0, row, row + (stop - at));
      at = stop;
    }
    this.parts.records?.drop(range.start);
    this.usage.remove(range.start, range.end);
    this.backing.release(range.live.nid, range.backing, range.live.pagemap.altmap);
  }
}

/** First page that is data rather than memmap. */
const dataStart = ({ start, live }: LiveRange): Pfn => start + (live.pagemap.altmap?.offset ?? 0);
