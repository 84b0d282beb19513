/**
 * A kernel without an allocator or hotplug core: every page that was added has one byte that says what it is, and each
 * contract is the plainest loop over those bytes. What the driver is tested against.
 */
import {
  ARCH_PROFILES,
  Core,
  ContiguousRanges,
  createKernel,
  defineSubsystem,
  ERRNO,
  GrowZone,
  MEM,
  memoryNotify,
  memoryNotifyOf,
  MemoryHotplug,
  OnlinePage,
  PAGE_CLASS,
  PAGE_STATE,
  PageAllocator,
  Reclaimer,
  ZoneSizing,
  type ArchProfile,
  type ContigOutcome,
  type Kernel,
  type Machine,
  type MachineDescription,
  type MemoryNotifiers,
  type OfflineOutcome,
  type OnlineType,
  type Zone,
} from '@replug/core';
import type { VirtioMemOptions } from './options.ts';
import { virtioMem } from './plugin.ts';
import { VirtioMemToken, type VirtioMem } from './virtio-mem.ts';

export const MiB = 2 ** 20;
export const GiB = 2 ** 30;

/** What a page is. */
export const PAGE = { OFFLINE: 0, FREE: 1, MOVABLE: 2, KERNEL: 3, TAKEN: 4 } as const;

export interface FakeOptions {
  readonly online?: OnlineType;
}

export class FakeMemory {
  readonly machine: Machine;
  readonly notifiers: MemoryNotifiers;
  defaultOnlineType: OnlineType;
  onlinePage: ((row: number, order: number) => boolean) | null = null;
  /** Who plugs when memory runs out. */
  growZone: GrowZone = null;
  /** What each page of a block is. */
  readonly blocks = new Map<number, { online: boolean; readonly pages: Uint8Array; zone: Zone | undefined }>();
  readonly blockPages: number;
  /** Ranges that were asked for, in order. */
  readonly tries: { readonly pfn: number; readonly pages: number }[] = [];
  // Faults to be injected
  failAdds = 0;
  noMemory = 0;
  offlineFails = 0;
  slabDrops = 0;
  groups = 0;

  constructor(machine: Machine, notifiers: MemoryNotifiers, options: FakeOptions) {
    this.machine = machine;
    this.notifiers = notifiers;
    this.defaultOnlineType = options.online ?? 'online';
    this.blockPages = machine.description.memoryBlockSize / 2 ** machine.description.arch.pageShift;
  }

  page(pfn: number): number {
    return this.blocks.get(Math.floor(pfn / this.blockPages))?.pages[pfn % this.blockPages] ?? -1;
  }

  /** Uses pages [pfn, pfn + count) of online memory: they must be free. */
  use(pfn: number, count: number, kind: number): void {
    for (let at = pfn; at < pfn + count; at++) {
      if (this.page(at) !== PAGE.FREE) throw new Error(`pfn ${at} is not free`);
      this.put(at, kind);
    }
  }

  give(pfn: number, count: number): void {
    for (let at = pfn; at < pfn + count; at++) this.put(at, PAGE.FREE);
  }

  /** Pages of what the allocator owns, by zone index. */
  managed(zone: Zone): number {
    let pages = 0;
    for (const block of this.blocks.values())
      if (block.zone === zone)
        for (const page of block.pages) if (page !== PAGE.OFFLINE && page !== PAGE.TAKEN) pages++;
    return pages;
  }

  put(pfn: number, kind: number): void {
    this.blocks.get(Math.floor(pfn / this.blockPages))!.pages[pfn % this.blockPages] = kind;
  }

  // MemoryHotplug

  addMemory(nid: number, start: number, pages: number): number {
    if (this.failAdds > 0) {
      this.failAdds--;
      return -ERRNO.ENOMEM;
    }
    const size = 2 ** this.machine.description.arch.pageShift;
    const { resources } = this.machine;
    if (resources.request(start * size, (start + pages) * size - 1, 'System RAM (virtio_mem)') === undefined)
      return -ERRNO.EEXIST;
    const per = 2 ** this.machine.pages.sectionShift;
    for (let pfn = start; pfn < start + pages; pfn += per) this.machine.pages.addSection(pfn / per);
    for (let id = start / this.blockPages; id * this.blockPages < start + pages; id++) {
      this.blocks.set(id, { online: false, pages: new Uint8Array(this.blockPages), zone: undefined });
      this.nids.set(id, nid);
      if (this.defaultOnlineType !== 'offline') this.online(id, this.defaultOnlineType);
    }
    return 0;
  }

  private readonly nids = new Map<number, number>();

  online(id: number, type: OnlineType): number {
    const block = this.blocks.get(id);
    if (block === undefined) return -ERRNO.EINVAL;
    if (block.online) return 1;
    const start = id * this.blockPages;
    const zone = this.machine.zones.find(this.nids.get(id)!, type === 'online_movable' ? 'Movable' : 'Normal')!;
    this.machine.pages.setZone(start, start + this.blockPages, zone.index);
    const payload = memoryNotifyOf(start, this.blockPages);
    const outcome = memoryNotify(this.notifiers, MEM.GOING_ONLINE, payload);
    if (outcome.stopped) return outcome.errno || -ERRNO.EPERM;
    block.zone = zone;
    const order = Math.min(this.machine.description.arch.maxPageOrder, Math.log2(this.blockPages));
    for (let pfn = start; pfn < start + this.blockPages; pfn += 2 ** order) {
      const row = this.machine.pages.pfnToRow(pfn);
      if (this.onlinePage === null || !this.onlinePage(row, order)) this.release(row, order);
    }
    zone.presentPages += this.blockPages;
    block.online = true;
    this.notifiers.call(MEM.ONLINE, payload);
    return 0;
  }

  offline(id: number): OfflineOutcome {
    const block = this.blocks.get(id);
    if (block === undefined || !block.online) return { errno: -ERRNO.EINVAL };
    const start = id * this.blockPages;
    const payload = memoryNotifyOf(start, this.blockPages);
    const outcome = memoryNotify(this.notifiers, MEM.GOING_OFFLINE, payload);
    if (outcome.stopped) return { errno: outcome.errno || -ERRNO.EPERM };
    if (this.offlineFails > 0 || !this.mayGo(id)) {
      if (this.offlineFails > 0) this.offlineFails--;
      this.notifiers.call(MEM.CANCEL_OFFLINE, payload);
      return { errno: -ERRNO.EBUSY };
    }
    let managed = 0;
    block.pages.forEach((page, i) => {
      if (page === PAGE.TAKEN || page === PAGE.OFFLINE) return;
      managed++;
      block.pages[i] = PAGE.OFFLINE;
    });
    block.zone!.managedPages -= managed;
    block.zone!.presentPages -= this.blockPages;
    block.online = false;
    block.pages.fill(PAGE.OFFLINE);
    this.notifiers.call(MEM.OFFLINE, payload);
    this.machine.pages.setZone(start, start + this.blockPages, -1);
    block.zone = undefined;
    return { errno: 0 };
  }

  /** No kernel page, and nobody holds a page that is logically offline. */
  private mayGo(id: number): boolean {
    const { pages } = this.machine;
    const row = pages.pfnToRow(id * this.blockPages);
    for (let i = 0; i < this.blockPages; i++) {
      if (this.blocks.get(id)!.pages[i] === PAGE.KERNEL) return false;
      if (pages.pageClass[row + i] === PAGE_CLASS.OFFLINE && pages.state[row + i] === PAGE_STATE.ALLOCATED)
        return false;
    }
    return true;
  }

  removeMemory(start: number, pages: number): number {
    const ids = Array.from({ length: pages / this.blockPages }, (_, i) => start / this.blockPages + i);
    if (ids.some((id) => this.blocks.get(id)?.online !== false)) return -ERRNO.EBUSY;
    const per = 2 ** this.machine.pages.sectionShift;
    for (let pfn = start; pfn < start + pages; pfn += per) this.machine.pages.removeSection(pfn / per);
    ids.forEach((id) => this.blocks.delete(id));
    const size = 2 ** this.machine.description.arch.pageShift;
    this.machine.resources.release(start * size, (start + pages) * size - 1);
    return 0;
  }

  offlineAndRemove(start: number, pages: number): OfflineOutcome {
    const ids = Array.from({ length: pages / this.blockPages }, (_, i) => start / this.blockPages + i);
    const gone: { id: number; type: OnlineType }[] = [];
    for (const id of ids) {
      const block = this.blocks.get(id);
      if (block?.online !== true) continue;
      const type = block.zone!.name === 'Movable' ? 'online_movable' : 'online_kernel';
      const { errno } = this.offline(id);
      if (errno !== 0) {
        gone.forEach((back) => this.online(back.id, back.type));
        return { errno };
      }
      gone.push({ id, type });
    }
    return { errno: this.removeMemory(start, pages) };
  }

  // ContiguousRanges, PageAllocator

  alloc(start: number, end: number): ContigOutcome {
    this.tries.push({ pfn: start, pages: end - start });
    const none = { migrated: 0, reclaimed: 0 };
    if (this.noMemory > 0) {
      this.noMemory--;
      return { errno: -ERRNO.ENOMEM, ...none };
    }
    for (let pfn = start; pfn < end; pfn++) {
      const page = this.page(pfn);
      if (page === PAGE.FREE || page === PAGE.MOVABLE) continue;
      return { errno: -ERRNO.EBUSY, blocker: { pfn, pageClass: PAGE_CLASS.KERNEL, why: 'kernel' }, ...none };
    }
    for (let pfn = start; pfn < end; pfn++) {
      this.put(pfn, PAGE.TAKEN);
      this.machine.pages.state[this.machine.pages.pfnToRow(pfn)] = PAGE_STATE.ALLOCATED;
    }
    return { errno: 0, ...none };
  }

  free(start: number, end: number): void {
    for (let pfn = start; pfn < end; pfn++) {
      const row = this.machine.pages.pfnToRow(pfn);
      if (this.page(pfn) !== PAGE.TAKEN || this.machine.pages.state[row] !== PAGE_STATE.ALLOCATED)
        throw new Error(`pfn ${pfn} was not taken`);
      this.machine.pages.state[row] = PAGE_STATE.UNTOUCHED;
      this.put(pfn, PAGE.FREE);
    }
  }

  release(row: number, order: number): void {
    const pfn = this.machine.pages.rowToPfn(row);
    for (let at = pfn; at < pfn + 2 ** order; at++) {
      const own = this.machine.pages.pfnToRow(at);
      if (this.page(at) !== PAGE.OFFLINE || this.machine.pages.state[own] !== PAGE_STATE.UNTOUCHED)
        throw new Error(`pfn ${at} cannot be released`);
      this.put(at, PAGE.FREE);
    }
    this.machine.zones.all[this.machine.pages.zoneOf(row)].managedPages += 2 ** order;
  }
}

const unused = (name: string) => (): never => {
  throw new Error(`${name} is not for drivers`);
};

/** The subsystem around a FakeMemory; `made` is told of it. */
export const fakeMemory = (options: FakeOptions, made: (fake: FakeMemory) => void) =>
  defineSubsystem({
    id: 'fake-memory',
    needs: { machine: Core.Machine, notifiers: Core.MemoryNotifiers },
    provides: {
      hotplug: MemoryHotplug,
      ranges: ContiguousRanges,
      sizing: ZoneSizing,
      allocator: PageAllocator,
      reclaimer: Reclaimer,
    },
    create: ({ machine, notifiers }, scope) => {
      const fake = new FakeMemory(machine, notifiers, options);
      scope.onSeal(() => {
        fake.onlinePage = scope.useSlot(OnlinePage);
        fake.growZone = scope.useSlot(GrowZone);
      });
      made(fake);
      const hotplug: MemoryHotplug = {
        blockPages: fake.blockPages,
        addMemory: (nid, start, pages) => fake.addMemory(nid, start, pages),
        online: (id, type) => fake.online(id, type),
        offline: (id) => fake.offline(id),
        removeMemory: (start, pages) => fake.removeMemory(start, pages),
        offlineAndRemove: (start, pages) => fake.offlineAndRemove(start, pages),
        registerGroup: () => ++fake.groups,
        unregisterGroup: () => 0,
        blockState: (id) => {
          const block = fake.blocks.get(id);
          return block === undefined ? undefined : block.online ? 'online' : 'offline';
        },
        blockZone: (id) => fake.blocks.get(id)?.zone?.index ?? -1,
        get defaultOnlineType() {
          return fake.defaultOnlineType;
        },
      };
      const ranges = {
        alloc: (start: number, end: number) => fake.alloc(start, end),
        free: (start: number, end: number) => fake.free(start, end),
        unmovable: (start: number, end: number) => {
          for (let pfn = start; pfn < end; pfn++)
            if (fake.page(pfn) === PAGE.KERNEL) return { pfn, pageClass: PAGE_CLASS.KERNEL, why: 'kernel' };
          return undefined;
        },
      } as unknown as ContiguousRanges;
      const allocator = {
        release: (row: number, order: number) => fake.release(row, order),
        isFree: (row: number) => fake.page(machine.pages.rowToPfn(row)) === PAGE.FREE,
        freePages: (zone: number) => machine.zones.all[zone].managedPages,
        alloc: unused('alloc'),
      } as unknown as PageAllocator;
      const sizing = {
        adjustManaged: (zone: number, pages: number) => void (machine.zones.all[zone].managedPages += pages),
      } as unknown as ZoneSizing;
      const dropKernel = (start: number, end: number): number => {
        let freed = 0;
        for (let pfn = start; pfn < end; pfn++) {
          if (fake.page(pfn) !== PAGE.KERNEL) continue;
          fake.put(pfn, PAGE.FREE);
          freed++;
        }
        fake.slabDrops++;
        return freed;
      };
      const reclaimer: Reclaimer = {
        reclaim: () => 0,
        dropSlab: () =>
          [...fake.blocks.keys()].reduce(
            (n, id) => n + dropKernel(id * fake.blockPages, (id + 1) * fake.blockPages),
            0,
          ),
        dropSlabIn: dropKernel,
      };
      const boot = machine.zones.all.map((zone) => zone.managedPages);
      scope.invariant('managed pages', () =>
        machine.zones.all
          .filter((zone) => boot[zone.index] + fake.managed(zone) !== zone.managedPages)
          .map((zone) => `node ${zone.nid} ${zone.name}: ${zone.managedPages} managed, ${fake.managed(zone)} counted`),
      );
      return { hotplug, ranges, sizing, allocator, reclaimer };
    },
  });

export interface FakeMachineOptions {
  readonly arch?: ArchProfile;
  /** Bytes of a memory block; default 128 MiB. */
  readonly block?: number;
  /** Bytes that may be added. */
  readonly spare?: number;
  readonly nodes?: number;
}

/** A machine whose boot memory is one section of zone DMA32 (or the lowest zone) a node. */
export function fakeMachine(options: FakeMachineOptions = {}): MachineDescription {
  const { arch = ARCH_PROFILES['x86-64'], block = 128 * MiB, spare = 4 * GiB, nodes = 1 } = options;
  const section = 2 ** (arch.sectionSizeBits - arch.pageShift);
  const kind = arch.zoneKinds.includes('DMA32') ? 'DMA32' : arch.zoneKinds[0];
  const base = kind === 'DMA32' ? section : 0;
  const nids = Array.from({ length: nodes }, (_, nid) => nid);
  return {
    arch,
    profile: '6.12',
    cpus: 1,
    nodes: nids.map((nid) => ({ nid, cpus: nid === 0 ? [0] : [], distances: nids.map((n) => (n === nid ? 10 : 20)) })),
    memory: nids.map((nid) => ({ nid, start: base + nid * section, end: base + (nid + 1) * section })),
    zones: nids.map((nid) => ({ nid, kind, startPfn: base + nid * section, spannedPages: section })),
    reserved: [],
    memoryBlockSize: block,
    sysctl: {},
    khugepaged: false,
    cma: false,
    sparePages: spare / 2 ** arch.pageShift,
  };
}

export interface FakeKernel {
  readonly kernel: Kernel;
  readonly fake: FakeMemory;
  readonly mem: VirtioMem;
}

/** A kernel with virtio-mem on fake memory; the drivers' first run has happened. */
export function fakeKernel(
  options: VirtioMemOptions,
  machine: FakeMachineOptions = {},
  fakeOptions: FakeOptions = {},
): FakeKernel {
  let fake: FakeMemory | undefined;
  const kernel = createKernel({
    machine: fakeMachine(machine),
    subsystems: [fakeMemory(fakeOptions, (made) => void (fake = made)), virtioMem(options)],
  });
  kernel.clock.advance(0);
  return { kernel, fake: fake!, mem: kernel.get(VirtioMemToken) };
}
