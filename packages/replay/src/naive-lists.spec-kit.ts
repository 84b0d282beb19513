/**
 * An allocator as plain as can be, for tests of what drives one: free blocks and per-CPU lists are arrays, first block
 * first. Blocks merge with free buddies of their zone; lists take a batch at once, drain a batch when they reach their
 * limit, and never tune themselves. No watermarks, no claims: a request without blocks of its type breaks up the smallest
 * foreign one.
 */
import {
  AllocatorPreview,
  Core,
  defineSubsystem,
  FOUND,
  gfpMigratetype,
  MIGRATE,
  PAGE_STATE,
  PageAllocator,
  pcpAllowedOrder,
  ZoneFreeLists,
  type Found,
  type Machine,
} from '@replug/core';

const { UNTOUCHED, FREE, PCP, ALLOCATED, HELD } = PAGE_STATE;

export class NaiveLists implements ZoneFreeLists, AllocatorPreview, PageAllocator {
  /** By zone, order, type; by zone, CPU, order, type. */
  private readonly free_ = new Map<string, number[]>();
  private readonly lists = new Map<string, number[]>();
  private readonly freeAt = new Map<number, { order: number; type: number; list: number[] }>();
  private readonly listedAt = new Map<number, { order: number; type: number; cpu: number; list: number[] }>();
  private readonly types = new Map<number, number>();
  private readonly machine: Machine;
  private readonly state: Uint8Array;
  /** Times that the sizes of the lists were taken over. */
  refreshed = 0;

  constructor(machine: Machine) {
    this.machine = machine;
    this.state = machine.pages.state;
  }

  // What is where.

  hasCpuList = (order: number, type: number) => type < 3 && pcpAllowedOrder(this.machine.pages.arch, order);
  firstOnCpu = (zone: number, cpu: number, order: number, type: number) => this.list(zone, cpu, order, type)[0] ?? -1;
  nextOnCpu = (row: number) => {
    const { list } = this.listedAt.get(row)!;
    return list[list.indexOf(row) + 1] ?? -1;
  };
  cpuOf = (row: number) => this.listedAt.get(row)!.cpu;
  listTypeOf = (row: number) => this.listedAt.get(row)!.type;
  freeTypeOf = (head: number) => this.freeAt.get(head)!.type;
  freeOrder = (head: number) => this.freeAt.get(head)?.order ?? -1;
  pageblockType = (row: number) => this.types.get(row >>> this.machine.pages.arch.pageblockOrder) ?? MIGRATE.MOVABLE;
  isFree = (row: number) => this.freeHead(row) >= 0;
  freeBlocks = (zone: number, order: number) =>
    [0, 1, 2, 3, 4, 5].reduce((sum, type) => sum + this.freeList(zone, order, type).length, 0);
  freePages = (zone: number) =>
    [...this.freeAt].reduce((sum, [row, { order }]) => sum + (this.zone(row) === zone ? 1 << order : 0), 0);
  cpuCount = (zone: number, cpu: number) =>
    [...this.listedAt].reduce(
      (sum, [row, one]) => sum + (one.cpu === cpu && this.zone(row) === zone ? 1 << one.order : 0),
      0,
    );

  /** Rows of a CPU's list, for literal comparison. */
  listed(cpu: number, order = 0, type: number = MIGRATE.MOVABLE, zone = this.populated): number[] {
    return [...this.list(zone, cpu, order, type)];
  }

  get populated(): number {
    return this.machine.zones.all.find((z) => z.populated)!.index;
  }

  freeHead(row: number): number {
    for (let order = 0; order <= this.machine.pages.arch.maxPageOrder; order++)
      if (this.freeAt.get(row & -(1 << order))?.order === order) return row & -(1 << order);
    return -1;
  }

  knows(row: number, order: number): boolean {
    for (let at = row; at < row + (1 << order); at++) if (this.isFree(at) || this.holder(at) !== undefined) return true;
    return false;
  }

  refillBlocks(zone: number, _cpu: number, order: number): number {
    const { pcpBatch } = this.machine.zones.all[zone];
    return pcpBatch > 1 ? Math.max(pcpBatch >> order, 2) : pcpBatch;
  }

  firstFree(zone: number, order: number, type: number): number {
    for (let have = order; have <= this.machine.pages.arch.maxPageOrder; have++) {
      const [row] = this.freeList(zone, have, type);
      if (row !== undefined) return row;
    }
    return -1;
  }

  fallbackBlock(zone: number, order: number, type: number): number {
    for (let have = order; have <= this.machine.pages.arch.maxPageOrder; have++)
      for (const other of [0, 1, 2]) {
        const [row] = other === type ? [] : this.freeList(zone, have, other);
        if (row !== undefined) return row;
      }
    return -1;
  }

  // Verbs.

  takeToCpu(row: number, order: number, type: number, cpu: number): Found {
    if (this.zone(row) < 0) return FOUND.OUTSIDE;
    const found = this.clear(row, order);
    if (this.hasCpuList(order, type)) this.push(row, order, type, cpu, true);
    else this.state[row] = HELD | order;
    return found === FOUND.ON_FREE_LIST ? FOUND.EXPECTED : found;
  }

  handOut(row: number, order: number): Found {
    if (this.zone(row) < 0) return FOUND.OUTSIDE;
    const expected = this.state[row] === (PCP | order) || this.state[row] === (HELD | order);
    const found = this.clear(row, order);
    this.state[row] = ALLOCATED | order;
    return expected ? FOUND.EXPECTED : found;
  }

  handOutWithRefill(row: number, order: number, type: number, cpu: number): Found {
    if (!this.hasCpuList(order, type)) return this.handOut(row, order);
    if (this.isFree(row) && this.list(this.zone(row), cpu, order, type).length === 0)
      this.refill(this.zone(row), order, type, cpu);
    if (this.isFree(row)) this.takeToCpu(row, order, type, cpu);
    return this.handOut(row, order);
  }

  freeToCpu(row: number, order: number, cpu: number): Found {
    if (this.zone(row) < 0) return FOUND.OUTSIDE;
    const expected = this.state[row] === (ALLOCATED | order);
    const found = this.clear(row, order);
    const type = this.pageblockType(row);
    this.push(row, order, type < 3 ? type : MIGRATE.MOVABLE, cpu, false);
    return expected ? FOUND.EXPECTED : found;
  }

  freeWithDrain(row: number, order: number, cpu: number): Found {
    const found = this.freeToCpu(row, order, cpu);
    const zone = this.zone(row);
    const { pcpHighMin, pcpBatch } = this.machine.zones.all[zone];
    if (this.cpuCount(zone, cpu) < pcpHighMin) return found;
    const { list } = this.listedAt.get(row)!;
    for (let i = 0; i < pcpBatch && list.length > 0; i++) this.drain(list.at(-1)!, order, this.pageblockType(row));
    return found;
  }

  moveToHead(row: number): void {
    const own = this.listedAt.get(row);
    if (own === undefined) return;
    own.list.splice(own.list.indexOf(row), 1);
    own.list.unshift(row);
  }

  drain(row: number, order: number, type: number): Found {
    if (this.zone(row) < 0) return FOUND.OUTSIDE;
    const found = this.state[row] === (PCP | order) ? FOUND.EXPECTED : undefined;
    const before = this.clear(row, order);
    this.give(row, order, type, false);
    return found ?? before;
  }

  freeDirect(row: number, order: number, tail: boolean): Found {
    if (this.zone(row) < 0) return FOUND.OUTSIDE;
    const found = this.state[row] === (ALLOCATED | order) ? FOUND.EXPECTED : undefined;
    const before = this.clear(row, order);
    this.give(row, order, this.pageblockType(row), tail);
    return found ?? before;
  }

  hold(row: number, pages: number): number {
    let taken = 0;
    for (let at = row; at < row + pages; at++) {
      if (!this.isFree(at)) continue;
      this.clear(at, 0);
      this.state[at] = HELD;
      taken++;
    }
    return taken;
  }

  forget(row: number, order: number): void {
    if (this.zone(row) >= 0) this.clear(row, order);
  }

  setPageblockType(row: number, type: number): void {
    const size = 1 << this.machine.pages.arch.pageblockOrder;
    const start = row & -size;
    this.types.set(row >>> this.machine.pages.arch.pageblockOrder, type);
    for (const [head, { order }] of [...this.freeAt])
      if (head >= start && head < start + size) {
        this.unfree(head);
        this.addFree(head, order, type, true);
      }
  }

  placeFree = (row: number, order: number, type: number) => this.addFree(row, order, type, true);
  placeAllocated = (row: number, order: number) => void (this.state[row] = ALLOCATED | order);
  placeOnCpu = (row: number, order: number, type: number, cpu: number) => this.push(row, order, type, cpu, true);
  setCpuHigh(): void {}

  // Requests.

  alloc(gfp: number, order: number, cpu: number): number {
    const { populated: zone } = this;
    const type = gfpMigratetype(gfp);
    let row: number;
    if (this.hasCpuList(order, type)) {
      if (this.firstOnCpu(zone, cpu, order, type) < 0) this.refill(zone, order, type, cpu);
      row = this.firstOnCpu(zone, cpu, order, type);
    } else row = this.bestFree(zone, order, type);
    if (row >= 0) this.handOut(row, order);
    return row;
  }

  allocBulk(gfp: number, count: number, cpu: number, rows: Int32Array): number {
    for (let i = 0; i < count; i++) if ((rows[i] = this.alloc(gfp, 0, cpu)) < 0) return i;
    return count;
  }

  free(row: number, order: number, cpu: number): void {
    if (this.hasCpuList(order, this.pageblockType(row))) this.freeWithDrain(row, order, cpu);
    else this.freeDirect(row, order, false);
  }

  splitPage = (row: number, order: number) => void this.state.fill(ALLOCATED, row, row + (1 << order));
  release = (row: number, order: number) => this.give(row, order, this.pageblockType(row), true);
  drainAllPages(): void {
    for (const [row, { order, type }] of [...this.listedAt]) this.drain(row, order, type);
  }
  refresh = () => void this.refreshed++;

  // Inside.

  private zone = (row: number) => this.machine.pages.zoneOf(row);
  private freeList = (zone: number, order: number, type: number) => listOf(this.free_, `${zone} ${order} ${type}`);
  private list = (zone: number, cpu: number, order: number, type: number) =>
    listOf(this.lists, `${zone} ${cpu} ${order} ${type}`);

  private bestFree(zone: number, order: number, type: number): number {
    const own = this.firstFree(zone, order, type);
    return own >= 0 ? own : this.fallbackBlock(zone, order, type);
  }

  private refill(zone: number, order: number, type: number, cpu: number): void {
    for (let left = this.refillBlocks(zone, cpu, order); left > 0; left--) {
      const row = this.bestFree(zone, order, type);
      if (row >= 0) this.takeToCpu(row, order, type, cpu);
    }
  }

  private push(row: number, order: number, type: number, cpu: number, tail: boolean): void {
    const list = this.list(this.zone(row), cpu, order, type);
    this.listedAt.set(row, { order, type, cpu, list });
    if (tail) list.push(row);
    else list.unshift(row);
    this.state[row] = PCP | order;
  }

  private addFree(row: number, order: number, type: number, tail: boolean): void {
    const list = this.freeList(this.zone(row), order, type);
    this.freeAt.set(row, { order, type, list });
    if (tail) list.push(row);
    else list.unshift(row);
    this.state[row] = FREE | order;
  }

  private unfree(row: number): void {
    const { list } = this.freeAt.get(row)!;
    list.splice(list.indexOf(row), 1);
    this.freeAt.delete(row);
    this.state[row] = UNTOUCHED;
  }

  private give(row: number, order: number, type: number, tail: boolean): void {
    let [head, have] = [row, order];
    for (; have < this.machine.pages.arch.maxPageOrder; have++) {
      const buddy = head ^ (1 << have);
      if (this.freeAt.get(buddy)?.order !== have || this.zone(buddy) !== this.zone(row)) break;
      this.unfree(buddy);
      head &= buddy;
    }
    this.addFree(head, have, type, tail);
  }

  /** Head and order of the listed, owned or held block around a page. */
  private holder(row: number): { head: number; order: number; by: number } | undefined {
    for (let order = 0; order <= this.machine.pages.arch.maxPageOrder; order++) {
      const head = row & -(1 << order);
      const by = this.state[head] & 0xf0;
      if ((this.state[head] & 15) === order && by !== UNTOUCHED && by !== FREE) return { head, order, by };
    }
    return undefined;
  }

  /** Takes a block from whoever holds its pages. What is left of a larger block is free, or single pages in use. */
  private clear(row: number, order: number): Found {
    const met = new Set<number>();
    let owned = 0;
    const around = this.freeHead(row);
    const inside = around >= 0 && around !== row;
    const part = (this.holder(row)?.order ?? 0) > order;
    for (let at = row; at < row + (1 << order); at++) {
      const head = this.freeHead(at);
      const holder = this.holder(at);
      if (head >= 0) {
        met.add(FREE);
        const { order: have, type } = this.freeAt.get(head)!;
        this.unfree(head);
        this.split(head, have, row, order, type);
      } else if (holder !== undefined) {
        met.add(holder.by);
        if (holder.by === PCP) this.unlist(holder.head);
        else owned++;
        for (let k = holder.head; k < holder.head + (1 << holder.order); k++) this.state[k] = ALLOCATED;
      }
      this.state[at] = UNTOUCHED;
    }
    if (met.has(FREE)) return inside ? FOUND.INSIDE : FOUND.ON_FREE_LIST;
    if (met.has(PCP)) return FOUND.ON_PCP;
    if (owned === 0) return FOUND.UNKNOWN;
    return part || owned < 1 << order ? FOUND.PART : FOUND.ALLOCATED;
  }

  /** Gives back of a free block what is not in (row, order), the larger halves first. */
  private split(head: number, have: number, row: number, order: number, type: number): void {
    let block = head;
    for (let at = have - 1; at >= order; at--) {
      const upper = block + (1 << at);
      this.addFree(row >= upper ? block : upper, at, type, false);
      if (row >= upper) block = upper;
    }
  }

  private unlist(row: number): void {
    const { list } = this.listedAt.get(row)!;
    list.splice(list.indexOf(row), 1);
    this.listedAt.delete(row);
  }
}

function listOf(lists: Map<string, number[]>, key: string): number[] {
  let list = lists.get(key);
  if (list === undefined) lists.set(key, (list = []));
  return list;
}

/** As a subsystem that starts with nothing; `made` is told of the lists. */
export const naive = (made: (lists: NaiveLists) => void = () => undefined) =>
  defineSubsystem({
    id: 'naive',
    needs: { machine: Core.Machine },
    provides: { allocator: PageAllocator, zoneLists: ZoneFreeLists, preview: AllocatorPreview },
    create: ({ machine }) => {
      const lists = new NaiveLists(machine);
      made(lists);
      return { allocator: lists, zoneLists: lists, preview: lists };
    },
  });
