/**
 * HOT. The page allocator: zonelist walk, watermarks, per-CPU lists, and the way back.
 *
 * The OOM killer is not here, compaction and reclaim only where somebody offers them (useCompaction, useReclaim): otherwise
 * a request that the reserves cannot serve fails at once, as a kernel request without __GFP_DIRECT_RECLAIM does.
 *
 * Models: mm/page_alloc.c __alloc_pages(), get_page_from_freelist(), rmqueue(), rmqueue_pcplist(), free_unref_page(),
 * free_pcppages_bulk(), __free_pages_core(), 6.1 and 6.12.
 */
import {
  GFP,
  GFP_ZONE_TABLE,
  gfpMigratetype,
  PAGE_CLASS,
  typeOfRank,
  zonelist,
  type FreedPageZone,
  type GrowZone,
  type Machine,
  type PageAllocator,
  type PageMap,
  type Tracepoints,
  type Zones,
  type ZoneSizing,
} from '@replug/core';
import { ALLOC, ALLOC_RESERVES, fastFlags, slowFlags } from './alloc-flags.ts';
import {
  badCpu,
  badOrder,
  freeOfFreePage,
  freeOfUnknownPage,
  illegalGfp,
  notAllocated,
  pcpNotDisabled,
} from './errors.ts';
import type { CompactForRequest } from './compaction/for-request.ts';
import type { FreeArea } from './free-area.ts';
import type { PageIdentity } from './identity.ts';
import { TAG, tagOf, type PcpLists } from './pcp-lists.ts';
import {
  LIMIT,
  LIST,
  NR_PCP_LISTS,
  PCP,
  SHIFT,
  STATE,
  TYPE,
  ZONE_FLAG,
  freed61,
  decayHigh,
  freed612,
  freedQuietly612,
  refill61,
  refill612,
} from './pcp-policy.ts';
import { RMQUEUE, type Rmqueue } from './rmqueue.ts';

/** Index of a plan: CPU, order, and the gfp bits that say which zones and which migratetype a request wants. */
const enum PLAN {
  /** GFP_ZONEMASK and __GFP_RECLAIMABLE. */
  KIND_MASK = 0x1f,
  KIND_BITS = 5,
  ORDER_BITS = 2,
  /** __GFP_THISNODE. */
  NOT_FOR = 0x200000,
}
/** Class of a new block's pages, a byte for each of the two mobility bits: KERNEL, MOVABLE, SLAB, and MOVABLE for both. */
const enum CLASS {
  BY_MOBILITY = 9 | (17 << 8) | (7 << 16) | (17 << 24),
  MASK = 0x1f,
}
/** Does not compile when a literal above is not core's number. */
export type SameClasses = [typeof PAGE_CLASS.KERNEL, typeof PAGE_CLASS.MOVABLE, typeof PAGE_CLASS.SLAB] extends [
  9,
  17,
  7,
]
  ? true
  : never;
export const CLASSES_ARE_CORES: SameClasses = true;

/** Limit of disabled lists that nothing has used since. */
const UNUSED_HIGH = -1;

/** Tries to get memory back for a request; pages freed. */
export type ReclaimForRequest = (zonelist: Int32Array, order: number, gfp: number) => number;

/** Fields of `marks` a zone. */
const enum MARK {
  MIN = 0,
  LOW = 1,
  HIGH = 2,
  BOOST = 3,
  WORDS = 4,
}

export class BuddyAllocator implements PageAllocator {
  readonly area: FreeArea;
  readonly pcp: PcpLists;
  readonly rmqueue: Rmqueue;
  private readonly machine: Machine;
  private readonly pages: PageMap;
  private readonly zones: Zones;
  private readonly tracepoints: Tracepoints;
  private readonly state: Uint8Array;
  private readonly pageClass: Uint8Array;
  private readonly autoTune: boolean;
  /** min, low, high, boost by zone. */
  private readonly marks: Int32Array;
  /** lowmem_reserve by zone * types + type. */
  private readonly reserve: Int32Array;
  private readonly types: number;
  /** Zonelists by node position * types + highest type. */
  private lists: Int32Array[] = [];
  /** First zone's node only: lists for __GFP_THISNODE. */
  private localLists: Int32Array[] = [];
  /** Position in zones.nodes of a CPU's node, and of a node id. */
  private readonly nodeOfCpu: Int32Array;
  private readonly positionOfNid: Map<number, number>;
  /** Zone type by the low four gfp bits; -1 illegal. */
  private readonly typeOfGfp: Int8Array;
  private freedPageZone: FreedPageZone = null;
  /** Up to this order a free may take the fast path; -1 while somebody else decides on the zone, or pages are marked. */
  private listedOrder: number = LIMIT.COSTLY_ORDER;
  private identity!: PageIdentity;
  private reclaim: ReclaimForRequest | null = null;
  private compact: CompactForRequest | null = null;
  /** zone_pcp_disable() calls without their zone_pcp_enable(), by zone. */
  private readonly pcpDisabled: Int32Array;
  /** Limit of a set when its lists were disabled (6.12); -1: they are not. */
  private readonly highBefore: Int32Array;
  private growZone: GrowZone = null;
  private sizing!: ZoneSizing;
  private readonly normalType: number;
  /**
   * Where an ordinary request ends up while no free list changes: by CPU, order and kind of gfp two words, the offset in
   * `pcp.sets` of the list that serves it (-1: none does), and `area.changes` when that was found out.
   */
  private readonly plans: Int32Array;
  // Columns and counters that the fast paths touch.
  private readonly sets: Int32Array;
  private readonly tag: Uint16Array;
  private readonly blockType: Uint8Array;
  private readonly blockShift: number;
  private readonly zoneOverride: Uint16Array;
  private readonly sectionZone: Uint16Array;
  private readonly sectionShift: number;
  private readonly zoneFlags: Int32Array;
  private readonly cpus: number;
  /** The field that an allocation halves: it makes the next drain (6.1: refill factor) smaller. */
  private readonly halved: number;
  private readonly allocTrace: Tracepoints['mm_page_alloc'];
  private readonly freeTrace: Tracepoints['mm_page_free'];

  constructor(machine: Machine, tracepoints: Tracepoints, area: FreeArea, pcp: PcpLists, rmqueue: Rmqueue) {
    const { zones, pages, description } = machine;
    this.machine = machine;
    this.pages = pages;
    this.zones = zones;
    this.tracepoints = tracepoints;
    this.area = area;
    this.pcp = pcp;
    this.rmqueue = rmqueue;
    this.state = pages.state;
    this.pageClass = pages.pageClass;
    this.pcpDisabled = new Int32Array(zones.all.length);
    this.highBefore = new Int32Array(pcp.sets.length / PCP.WORDS).fill(-1);
    this.autoTune = description.profile === '6.12';
    this.types = zones.kinds.length;
    this.marks = new Int32Array(zones.all.length * MARK.WORDS);
    this.reserve = new Int32Array(zones.all.length * this.types);
    this.positionOfNid = new Map(zones.nodes.map((n, i) => [n.nid, i]));
    this.nodeOfCpu = new Int32Array(description.cpus);
    this.typeOfGfp = Int8Array.from(GFP_ZONE_TABLE, (rank) => (rank < 0 ? -1 : typeOfRank(zones, rank)));
    this.normalType = typeOfRank(zones, 2);
    this.plans = new Int32Array(description.cpus << (PLAN.ORDER_BITS + PLAN.KIND_BITS + 1));
    this.sets = pcp.sets;
    this.tag = pages.extra('buddy.tag', Uint16Array);
    this.blockType = pages.extra('buddy.pageblock', Uint8Array);
    this.blockShift = area.pageblockOrder;
    this.zoneOverride = pages.zoneOverride;
    this.sectionZone = pages.sectionZone;
    this.sectionShift = pages.sectionShift;
    this.zoneFlags = rmqueue.zoneFlags;
    this.cpus = pcp.cpus;
    this.halved = this.autoTune ? PCP.FREE_COUNT : PCP.FACTOR;
    this.allocTrace = tracepoints.mm_page_alloc;
    this.freeTrace = tracepoints.mm_page_free;
    this.refreshZonelists();
    this.refreshMarks();
  }

  /** Whom managed pages are told to. Called once, before the kernel is sealed. */
  useSizing(sizing: ZoneSizing): void {
    this.sizing = sizing;
  }

  /** Who knows whose contents a page holds. Called once, before the kernel is sealed. */
  useIdentity(identity: PageIdentity): void {
    this.identity = identity;
  }

  /** Whom a request that may wait asks before it fails. Called once, before the kernel is sealed. */
  useReclaim(reclaim: ReclaimForRequest): void {
    this.reclaim = reclaim;
  }

  /** Whom a request of more than a page that may wait asks first. Called once, before the kernel is sealed. */
  useCompaction(compact: CompactForRequest): void {
    this.compact = compact;
  }

  /** Some page is marked (moved, pinned), or none is any more: frees have to ask, or not. */
  watchFrees(): void {
    const ordinary = this.freedPageZone?.pending !== true && !this.identity.watched;
    this.listedOrder = ordinary ? LIMIT.COSTLY_ORDER : -1;
  }

  /** Binds the decisions that others may have taken over. Called once the kernel is sealed. */
  bindSlots(freedPageZone: FreedPageZone, growZone: GrowZone): void {
    this.freedPageZone = freedPageZone;
    freedPageZone?.watch(() => this.watchFrees());
    this.watchFrees();
    this.growZone = growZone;
  }

  /** Copies marks, reserves and per-CPU limits from the zones. Call after they were recomputed. */
  refreshMarks(): void {
    for (const z of this.zones.all) {
      this.refreshZoneMarks(z.index);
      for (let type = 0; type < this.types; type++) this.reserve[z.index * this.types + type] = z.lowmemReserve[type];
      this.refreshPcp(z.index);
    }
  }

  /** Sizes of a zone's per-CPU lists: what the zone says, or nothing while they are disabled. */
  private refreshPcp(zone: number): void {
    const { pcpBatch, pcpHighMin, pcpHighMax } = this.zones.all[zone];
    const { sets } = this.pcp;
    const off = this.pcpDisabled[zone] > 0;
    for (let cpu = 0; cpu < this.pcp.cpus; cpu++) {
      const set = this.pcp.set(zone, cpu);
      sets[set + PCP.BATCH] = off ? 1 : pcpBatch;
      sets[set + PCP.HIGH_MIN] = off ? 0 : pcpHighMin;
      sets[set + PCP.HIGH_MAX] = off ? 0 : pcpHighMax;
      if (!this.autoTune) sets[set + PCP.HIGH] = off ? 0 : pcpHighMin;
      else this.switchHigh(set, off);
    }
  }

  /**
   * 6.12 brings the limit that tunes itself between the new ends when a list is next used. The quick way of a free compares
   * without doing that: while the lists are off it finds a limit that sends it the long way, and an unused one comes back.
   */
  private switchHigh(set: number, off: boolean): void {
    const { sets } = this.pcp;
    const at = set / PCP.WORDS;
    if (off && this.highBefore[at] < 0) {
      this.highBefore[at] = sets[set + PCP.HIGH];
      sets[set + PCP.HIGH] = UNUSED_HIGH;
    } else if (!off && this.highBefore[at] >= 0) {
      if (sets[set + PCP.HIGH] === UNUSED_HIGH) sets[set + PCP.HIGH] = this.highBefore[at];
      this.highBefore[at] = -1;
    }
  }

  /** zone_pcp_disable(): the limit is 0, so that what comes leaves at once, and all lists are drained. Nests. */
  disablePcp(zone: number): void {
    this.pcpDisabled[zone]++;
    this.refreshPcp(zone);
    this.drainAllPages(zone);
  }

  /** zone_pcp_enable(). */
  enablePcp(zone: number): void {
    if (this.pcpDisabled[zone] === 0) throw pcpNotDisabled(zone);
    this.pcpDisabled[zone]--;
    this.refreshPcp(zone);
  }

  refreshZoneMarks(zone: number): void {
    const z = this.zones.all[zone];
    const at = zone * MARK.WORDS;
    this.marks[at] = z.watermark.min;
    this.marks[at + 1] = z.watermark.low;
    this.marks[at + 2] = z.watermark.high;
    this.marks[at + 3] = z.watermarkBoost;
    this.area.changed();
  }

  refresh(): void {
    this.refreshZonelists();
    this.refreshMarks();
  }

  /** Rebuilds the zonelists from the machine's node orders. Call after a zone gained or lost its pages. */
  refreshZonelists(): void {
    for (let cpu = 0; cpu < this.nodeOfCpu.length; cpu++)
      this.nodeOfCpu[cpu] = this.positionOfNid.get(this.machine.nodeOfCpu(cpu))!;
    this.lists = [];
    this.localLists = [];
    this.zones.nodes.forEach((node, i) => {
      for (let type = 0; type < this.types; type++) {
        this.lists.push(zonelist(this.zones, this.machine.nodeOrder[i], type));
        this.localLists.push(zonelist(this.zones, [node.nid], type));
      }
    });
    this.area.changed();
  }

  alloc(gfp: number, order: number, cpu: number, nid = -1): number {
    // Fast path: a block is on the list that serves such requests. Everything else takes the long way.
    if (order >>> 0 <= LIMIT.COSTLY_ORDER && nid < 0 && (gfp & PLAN.NOT_FOR) === 0) {
      const { plans, sets } = this;
      const at = ((((cpu << PLAN.ORDER_BITS) | order) << PLAN.KIND_BITS) | (gfp & PLAN.KIND_MASK)) << 1;
      const list = plans[at + 1] === this.area.changes ? plans[at] : this.plan(at, gfp, order, cpu);
      if (list >= 0) {
        const first = sets[list + LIST.FIRST];
        if (first !== sets[list + LIST.END]) {
          const row = this.pcp.blocks[first];
          if (row >= 0) {
            const set = list & ~(PCP.WORDS - 1);
            sets[list + LIST.FIRST] = first + 1;
            sets[set + this.halved] >>= 1;
            sets[set + PCP.COUNT] -= 1 << order;
            this.state[row] = STATE.ALLOCATED | order;
            this.pageClass[row] = (CLASS.BY_MOBILITY >>> (gfp & 0x18)) & CLASS.MASK;
            if (order !== 0) this.classTails(row, order);
            if (this.allocTrace.enabled) this.traceAlloc(row, order, gfp);
            return row;
          }
        }
      }
    }
    return this.allocGeneral(gfp, order, cpu, nid);
  }

  /** Every page of a block has a class: those of a page's block its own. */
  private classTails(row: number, order: number): void {
    this.pageClass.fill(this.pageClass[row], row + 1, row + (1 << order));
  }

  /** Class of all pages of a block that a request gets. */
  private classBlock(row: number, order: number, gfp: number): void {
    this.pageClass.fill((CLASS.BY_MOBILITY >>> (gfp & 0x18)) & CLASS.MASK, row, row + (1 << order));
  }

  /** Looks for the zone that the zonelist and the watermarks give an ordinary request, and remembers its list. */
  private plan(at: number, gfp: number, order: number, cpu: number): number {
    const type = this.typeOfGfp[gfp & 15];
    if (cpu < 0 || cpu >= this.cpus || type < 0) return -1;
    const zones = this.lists[this.nodeOfCpu[cpu] * this.types + type];
    const flags = fastFlags(gfp);
    let list = -1;
    for (let i = 0; i < zones.length; i++) {
      if (this.watermarkOk(zones[i], order, type, flags)) {
        list = this.pcp.list(zones[i], cpu, this.pcp.pindex(order, this.migratetypeOf(gfp)));
        break;
      }
      // A zone that may grow is asked each time.
      if (this.growZone !== null) break;
    }
    this.plans[at] = list;
    this.plans[at + 1] = this.area.changes;
    return list;
  }

  private migratetypeOf(gfp: number): number {
    return this.rmqueue.mobilityDisabled ? 0 : gfpMigratetype(gfp);
  }

  private traceAlloc(row: number, order: number, gfp: number): void {
    this.allocTrace.emit(row < 0 ? -1 : this.pages.rowToPfn(row), order, this.migratetypeOf(gfp), gfp);
  }

  private allocGeneral(gfp: number, order: number, cpu: number, nid: number): number {
    if (order < 0 || order > this.area.maxOrder) throw badOrder(order, this.area.maxOrder);
    if (cpu < 0 || cpu >= this.pcp.cpus) throw badCpu(cpu, this.pcp.cpus);
    const type = this.typeOfGfp[gfp & 15];
    if (type < 0) throw illegalGfp(gfp);
    const node = nid < 0 ? this.nodeOfCpu[cpu] : this.positionOfNid.get(nid)!;
    const lists = (gfp & GFP.THISNODE) !== 0 ? this.localLists : this.lists;
    return this.allocFrom(lists[node * this.types + type], type, gfp, order, cpu);
  }

  /** A request that only some nodes may serve (a node mask), best first. -1: they cannot. Cold: targets of migration. */
  allocOn(gfp: number, order: number, cpu: number, nids: readonly number[]): number {
    const type = this.typeOfGfp[gfp & 15];
    if (type < 0) throw illegalGfp(gfp);
    const zones: number[] = [];
    for (const nid of nids) {
      const node = this.positionOfNid.get(nid);
      if (node !== undefined) zones.push(...this.localLists[node * this.types + type]);
    }
    return this.allocFrom(Int32Array.from(zones), type, gfp, order, cpu);
  }

  private allocFrom(list: Int32Array, type: number, gfp: number, order: number, cpu: number): number {
    const migratetype = this.migratetypeOf(gfp);
    const flags = fastFlags(gfp) | this.noFragment(list);
    let row = this.fromZonelist(list, type, order, migratetype, flags, cpu);
    if (row < 0) row = this.allocSlow(list, type, gfp, order, migratetype, cpu);
    if (row < 0 && this.compact !== null && order > 0 && (gfp & GFP.DIRECT_RECLAIM) !== 0)
      row = this.compact(gfp, order, cpu, () => this.allocSlow(list, type, gfp, order, migratetype, cpu));
    if (row < 0 && this.reclaim !== null && (gfp & GFP.DIRECT_RECLAIM) !== 0)
      row = this.allocByReclaim(list, type, gfp, order, migratetype, cpu);
    if (row >= 0) this.classBlock(row, order, gfp);
    if (this.allocTrace.enabled) this.traceAlloc(row, order, gfp);
    return row;
  }

  /** Direct reclaim, as long as it frees something; a costly request gets one round unless it insists. */
  private allocByReclaim(
    list: Int32Array,
    highest: number,
    gfp: number,
    order: number,
    type: number,
    cpu: number,
  ): number {
    const insists = order <= LIMIT.COSTLY_ORDER || (gfp & GFP.RETRY_MAYFAIL) !== 0;
    for (;;) {
      if (this.reclaim!(list, order, gfp) === 0) return -1;
      this.drainAllPages(-1);
      const row = this.allocSlow(list, highest, gfp, order, type, cpu);
      if (row >= 0 || !insists) return row;
    }
  }

  /** alloc_flags_nofragment(): a Normal zone with a populated DMA32 below avoids mixing pageblocks. */
  private noFragment(list: Int32Array): number {
    if (list.length === 0) return 0;
    const zone = this.zones.all[list[0]];
    if (zone.type !== this.normalType || zone.type === 0) return 0;
    const below = this.zones.all[list[0] - 1];
    if (below.kind.name !== 'DMA32') return 0;
    return this.zones.nodes.length > 1 && !below.populated ? 0 : ALLOC.NOFRAGMENT;
  }

  /** alloc_pages_bulk(): the first zone of the node that has enough, and only its per-CPU list. Cold. */
  allocBulk(gfp: number, count: number, cpu: number, rows: Int32Array, nid = -1): number {
    const { pcp, zones, state } = this;
    if (cpu < 0 || cpu >= pcp.cpus) throw badCpu(cpu, pcp.cpus);
    const highest = this.typeOfGfp[gfp & 15];
    if (highest < 0) throw illegalGfp(gfp);
    const node = nid < 0 ? this.nodeOfCpu[cpu] : this.positionOfNid.get(nid)!;
    const list = this.lists[node * this.types + highest];
    const type = this.migratetypeOf(gfp);
    const flags = fastFlags(gfp) | this.noFragment(list);
    const pindex = pcp.pindex(0, type);
    for (let i = 0; i < list.length && zones.all[list[i]].nid === zones.all[list[0]].nid; i++) {
      const zone = list[i];
      const mark = this.marks[zone * MARK.WORDS + MARK.LOW] + this.marks[zone * MARK.WORDS + MARK.BOOST] + count;
      if (!this.markOk(zone, 0, mark, highest, flags)) continue;
      let taken = 0;
      for (; taken < count; taken++) {
        if (pcp.isEmpty(zone, cpu, pindex)) this.refill(zone, 0, type, flags, cpu, pcp.set(zone, cpu));
        if (pcp.isEmpty(zone, cpu, pindex)) break;
        const row = pcp.popHead(zone, cpu, 0, type);
        state[row] = STATE.ALLOCATED;
        this.classBlock(row, 0, gfp);
        rows[taken] = row;
      }
      return taken;
    }
    return 0;
  }

  private fromZonelist(
    list: Int32Array,
    highest: number,
    order: number,
    type: number,
    wanted: number,
    cpu: number,
  ): number {
    let flags = wanted;
    for (;;) {
      let i = 0;
      for (; i < list.length; i++) {
        const zone = list[i];
        if (i > 0 && (flags & ALLOC.NOFRAGMENT) !== 0 && this.zones.all[zone].nid !== this.zones.all[list[0]].nid)
          break;
        if (!this.watermarkOk(zone, order, highest, flags) && (flags & ALLOC.NO_WATERMARKS) === 0) {
          if (this.growZone === null || !this.growZone(zone, order)) continue;
          if (!this.watermarkOk(zone, order, highest, flags)) continue;
        }
        const row = this.fromZone(zone, order, type, flags, cpu);
        if (row >= 0) {
          if ((flags & ALLOC.HIGHATOMIC) !== 0 && order > 0) this.rmqueue.reserveHighatomic(zone, row, order);
          return row;
        }
      }
      if ((flags & ALLOC.NOFRAGMENT) === 0) return -1;
      flags &= ~ALLOC.NOFRAGMENT;
    }
  }

  /** zone_watermark_fast() with the high-mark check of 6.12. */
  private watermarkOk(zone: number, order: number, highest: number, flags: number): boolean {
    const { area, marks, rmqueue } = this;
    const at = zone * MARK.WORDS;
    const boost = marks[at + 3];
    if (this.autoTune && (rmqueue.zoneFlags[zone] & ZONE_FLAG.BELOW_HIGH) === 0) {
      if (this.markOk(zone, order, marks[at + 2] + boost, highest, flags)) return true;
      rmqueue.zoneFlags[zone] |= ZONE_FLAG.BELOW_HIGH;
    }
    const mark = marks[at + (flags & ALLOC.WMARK_MASK)];
    if (this.markOk(zone, order, mark + boost, highest, flags)) return true;
    // An urgent order-0 request ignores the boost of the minimum.
    if (
      order === 0 &&
      (flags & ALLOC.MIN_RESERVE) !== 0 &&
      boost > 0 &&
      (flags & ALLOC.WMARK_MASK) === ALLOC.WMARK_MIN
    ) {
      return area.freePages[zone] > 0 && this.markOk(zone, 0, marks[at], highest, flags);
    }
    return false;
  }

  /** __zone_watermark_ok(). */
  markOk(zone: number, order: number, mark: number, highest: number, flags: number): boolean {
    const { area } = this;
    let free = area.freePages[zone] - ((1 << order) - 1);
    if ((flags & ALLOC_RESERVES) === 0) {
      free -= this.autoTune ? area.freeHighatomic[zone] : this.rmqueue.reservedHighatomic[zone];
    }
    if ((flags & ALLOC.CMA) === 0) free -= area.freeCma[zone];
    let min = mark;
    if ((flags & ALLOC.MIN_RESERVE) !== 0) {
      min -= min >> 1;
      if ((flags & ALLOC.NON_BLOCK) !== 0) min -= min >> 2;
    }
    if ((flags & ALLOC.OOM) !== 0) min -= min >> 1;
    if (free <= min + this.reserve[zone * this.types + highest]) return false;
    if (order === 0) return true;
    const lists = zone * TYPE.COUNT;
    const mask = area.listMask;
    if ((mask[lists] | mask[lists + 1] | mask[lists + 2]) >>> order !== 0) return true;
    if ((flags & ALLOC.CMA) !== 0 && mask[lists + TYPE.CMA] >>> order !== 0) return true;
    return (flags & (ALLOC.HIGHATOMIC | ALLOC.OOM)) !== 0 && mask[lists + TYPE.HIGHATOMIC] >>> order !== 0;
  }

  /** rmqueue(): per-CPU list, or straight from the free lists. */
  private fromZone(zone: number, order: number, type: number, flags: number, cpu: number): number {
    const { state } = this;
    if (this.pcp.allowed(order)) {
      const row = this.fromPcp(zone, order, type, flags, cpu);
      if (row >= 0) {
        state[row] = STATE.ALLOCATED | order;
        return row;
      }
    }
    const { rmqueue } = this;
    let row = -1;
    if ((flags & ALLOC.HIGHATOMIC) !== 0) row = rmqueue.smallest(zone, order, TYPE.HIGHATOMIC);
    if (row < 0) {
      rmqueue.mode = RMQUEUE.NORMAL;
      row = rmqueue.rmqueue(zone, order, type, flags);
      if (row < 0 && (flags & (ALLOC.OOM | ALLOC.NON_BLOCK)) !== 0)
        row = rmqueue.smallest(zone, order, TYPE.HIGHATOMIC);
    }
    if (row >= 0) {
      state[row] = STATE.ALLOCATED | order;
      rmqueue.zoneFlags[zone] &= ~ZONE_FLAG.BOOSTED;
    }
    return row;
  }

  private fromPcp(zone: number, order: number, type: number, flags: number, cpu: number): number {
    const { pcp } = this;
    const { sets } = pcp;
    const at = zone * pcp.cpus + cpu;
    const set = at * PCP.WORDS;
    // Both profiles halve what makes the next drain bigger.
    if (this.autoTune) sets[set + PCP.FREE_COUNT] >>= 1;
    const pindex = pcp.pindex(order, type);
    if (pcp.isEmpty(zone, cpu, pindex)) {
      this.refill(zone, order, type, flags, cpu, set);
      if (pcp.isEmpty(zone, cpu, pindex)) return -1;
    }
    if (!this.autoTune) sets[set + PCP.FACTOR] >>= 1;
    return pcp.popHead(zone, cpu, order, type);
  }

  /** The first half of fromPcp() for a block that is known: what a request does to the sizes. Cold. */
  countRequest(zone: number, cpu: number): void {
    this.pcp.sets[this.pcp.set(zone, cpu) + this.halved] >>= 1;
  }

  /** Refills an empty list as a request without special rights would. Cold. */
  refillFor(zone: number, order: number, type: number, cpu: number): void {
    this.refill(zone, order, type, 0, cpu, this.pcp.set(zone, cpu));
  }

  /** The second half of free_unref_page_commit() for a block that is on a list: the list may have to be drained. Cold. */
  settleFree(row: number, order: number): void {
    const { pcp } = this;
    const zone = this.pages.zoneOf(row);
    this.freedToPcp(zone, pcp.cpuOfBlock(row), pcp.set(zone, pcp.cpuOfBlock(row)), order, pcp.typeOfBlock(row));
  }

  /** rmqueue_bulk(). */
  private refill(zone: number, order: number, type: number, flags: number, cpu: number, set: number): void {
    const { pcp, rmqueue } = this;
    const zoneFlags = rmqueue.zoneFlags[zone];
    const count = this.autoTune ? refill612(pcp.sets, set, order, zoneFlags) : refill61(pcp.sets, set, order);
    rmqueue.mode = RMQUEUE.NORMAL;
    const list = pcp.list(zone, cpu, pcp.pindex(order, type));
    const { sets } = pcp;
    let left = count;
    if (sets[list + LIST.END] + count > sets[list + LIST.TOP]) pcp.makeRoom(list, count);
    while (left > 0) {
      if (rmqueue.mode === RMQUEUE.NORMAL) {
        const taken = rmqueue.bulk(
          zone,
          order,
          type,
          flags,
          left,
          pcp.blocks,
          sets[list + LIST.END],
          STATE.PCP | order,
          tagOf(type, cpu),
        );
        sets[list + LIST.END] += taken;
        sets[set + PCP.COUNT] += taken << order;
        left -= taken;
        if (left === 0) break;
      }
      const row = rmqueue.rmqueue(zone, order, type, flags);
      if (row < 0) break;
      pcp.pushTail(row, zone, cpu, order, type);
      left--;
    }
  }

  private allocSlow(list: Int32Array, highest: number, gfp: number, order: number, type: number, cpu: number): number {
    const flags = slowFlags(gfp, order);
    let row = this.fromZonelist(list, highest, order, type, flags, cpu);
    if (row >= 0 || (flags & ALLOC.NO_WATERMARKS) !== 0) return row;
    for (let i = 0; i < list.length; i++) {
      if (!this.rmqueue.unreserveHighatomic(list[i], type, true)) continue;
      row = this.fromZonelist(list, highest, order, type, flags, cpu);
      if (row >= 0) return row;
    }
    return -1;
  }

  free(row: number, order: number, cpu: number): void {
    const { state, sets } = this;
    // Fast path: an ordinary block of an ordinary pageblock goes to the head of the CPU's list.
    // Kept below the size (460 bytecodes) up to which V8 inlines it into a caller's loop.
    if (order <= this.listedOrder && state[row] === (STATE.ALLOCATED | order) && cpu >>> 0 < this.cpus) {
      const type = this.blockType[row >>> this.blockShift] ^ TYPE.MOVABLE;
      if (type < TYPE.PCPTYPES) {
        if (this.freeTrace.enabled) this.traceFree(row, order);
        const zone = (this.sectionZone[row >>> this.sectionShift] || this.zoneOverride[row]) - 1;
        const set = (Math.imul(zone, this.cpus) + cpu) << SHIFT.SET;
        const list = set + PCP.LISTS + ((Math.imul(order, TYPE.PCPTYPES) + type) << SHIFT.LIST);
        let first = sets[list];
        if (first === sets[list + LIST.BOTTOM]) first = this.pcp.makeRoom(list, 1);
        sets[list] = --first;
        this.pcp.blocks[first] = row;
        state[row] = STATE.PCP | order;
        this.tag[row] = type | ((cpu + 1) << TAG.CPU);
        const count = (sets[set] += 1 << order);
        if (order !== 0 || count >= sets[set + PCP.HIGH] || this.zoneFlags[zone] !== 0) {
          this.freedToPcp(zone, cpu, set, order, type);
        } else if (this.autoTune) {
          freedQuietly612(sets, set);
        }
        return;
      }
    }
    this.freeGeneral(row, order, cpu);
  }

  private freeGeneral(row: number, order: number, cpu: number): void {
    const { state } = this;
    if (cpu < 0 || cpu >= this.cpus) throw badCpu(cpu, this.cpus);
    if (state[row] !== (STATE.ALLOCATED | order)) this.unwrap(row, order);
    if (this.identity.watched) this.identity.forget(row, order);
    state[row] = STATE.UNTOUCHED;
    if (this.freeTrace.enabled) this.traceFree(row, order);
    const zone = this.zoneOfFreed(row, order, this.pages.zoneOf(row), cpu);
    if (zone < 0) return;
    if (!this.pcp.allowed(order)) {
      this.freeToZone(row, zone, order, false);
      return;
    }
    let type = this.area.pageblockType(row);
    if (type >= TYPE.PCPTYPES) {
      if (type === TYPE.ISOLATE) {
        this.area.freeOne(row, zone, order, type, false);
        return;
      }
      type = TYPE.MOVABLE;
    }
    this.freeToPcp(row, zone, order, type, cpu);
  }

  /** Where a block that leaves its owner goes; -1: it has been given back already. */
  zoneOfFreed(row: number, order: number, zone: number, cpu: number): number {
    const decide = this.freedPageZone;
    return decide !== null && decide.pending ? decide.zoneOf(row, order, zone, cpu) : zone;
  }

  private traceFree(row: number, order: number): void {
    this.freeTrace.emit(this.pages.rowToPfn(row), order);
  }

  /** free_unref_page_commit(). */
  private freeToPcp(row: number, zone: number, order: number, type: number, cpu: number): void {
    this.pcp.pushHead(row, zone, cpu, order, type);
    this.freedToPcp(zone, cpu, this.pcp.set(zone, cpu), order, type);
  }

  /** The second half of it: a block was put on a set. */
  private freedToPcp(zone: number, cpu: number, set: number, order: number, type: number): void {
    const { sets } = this;
    const flags = this.zoneFlags[zone];
    const drain = this.autoTune ? freed612(sets, set, order, flags) : freed61(sets, set, order, flags);
    if (drain > 0) this.drainAfterFree(zone, cpu, drain, order, type, flags);
  }

  private drainAfterFree(zone: number, cpu: number, pages: number, order: number, type: number, flags: number): void {
    this.drainPcp(zone, cpu, pages, this.pcp.pindex(order, type));
    if ((flags & ZONE_FLAG.BELOW_HIGH) !== 0 && this.markOk(zone, 0, this.highMark(zone), this.types - 1, 0)) {
      this.rmqueue.zoneFlags[zone] &= ~ZONE_FLAG.BELOW_HIGH;
    }
  }

  private highMark(zone: number): number {
    return this.marks[zone * MARK.WORDS + 2] + this.marks[zone * MARK.WORDS + 3];
  }

  /** free_pcppages_bulk(): pages from the tails, list by list from `pindex` on, cyclically. */
  drainPcp(zone: number, cpu: number, pages: number, pindex: number): void {
    const { pcp, area } = this;
    const set = pcp.set(zone, cpu);
    let left = Math.min(pages, pcp.sets[set + PCP.COUNT]);
    // 6.1 trusts the type kept at free or refill unless the zone has isolated pageblocks.
    const reread = this.autoTune || area.nrIsolatePageblock[zone] > 0;
    const { sets, blocks } = pcp;
    const trace = this.tracepoints.mm_page_pcpu_drain;
    // A full round without a block would mean that the count is wrong: validate() tells of it.
    for (
      let at = pindex, seen = 0;
      left > 0 && seen < NR_PCP_LISTS;
      at = at + 1 === NR_PCP_LISTS ? 0 : at + 1, seen++
    ) {
      const order = pcp.orderOf(at);
      const common = reread ? -1 : pcp.typeOf(at);
      if (!trace.enabled && pcp.holes === 0 && (reread || common >= 0) && order < area.maxOrder) {
        const list = pcp.list(zone, cpu, at);
        const end = sets[list + LIST.END];
        const start = Math.max(sets[list + LIST.FIRST], end - ((left + (1 << order) - 1) >> order));
        if (start === end) continue;
        area.freeMany(blocks, start, end, zone, order, common, false);
        sets[list + LIST.END] = start;
        sets[set + PCP.COUNT] -= (end - start) << order;
        left -= (end - start) << order;
        continue;
      }
      while (left > 0) {
        const row = pcp.last(zone, cpu, at);
        if (row < 0) break;
        const kept = pcp.unlink(row, zone);
        const type = reread ? area.pageblockType(row) : kept;
        left -= 1 << order;
        area.freeOne(row, zone, order, type, false);
        if (trace.enabled) trace.emit(this.pages.rowToPfn(row), order, type);
      }
    }
  }

  /** free_one_page(): a block that does not go through the per-CPU lists. */
  freeToZone(row: number, zone: number, order: number, tail: boolean): void {
    const { area } = this;
    const block = area.pageblockOrder;
    // 6.12 cuts a block whose pageblocks differ in type; each part goes to its own lists.
    if (this.autoTune && order > block) {
      for (let at = row; at < row + (1 << order); at += 1 << block) {
        if (area.pageblockType(at) !== area.pageblockType(row)) {
          for (let part = row; part < row + (1 << order); part += 1 << block) {
            area.freeOne(part, zone, block, area.pageblockType(part), tail);
          }
          return;
        }
      }
    }
    area.freeOne(row, zone, order, area.pageblockType(row), tail);
  }

  /** Cuts an allocated block so that (row, order) is a block of its own; throws when it is not allocated. Cold. */
  private unwrap(row: number, order: number): void {
    const { state, area } = this;
    if (order < 0 || order > area.maxOrder || (row & ((1 << order) - 1)) !== 0) throw badOrder(order, area.maxOrder);
    const pfn = this.pages.rowToPfn(row);
    if (area.freeHead(row) >= 0) throw freeOfFreePage(pfn, order);
    if ((state[row] & 0xf0) === STATE.PCP) throw freeOfFreePage(pfn, order);
    const own = state[row];
    if ((own & 0xf0) === STATE.ALLOCATED && (own & 15) < order) {
      // Parts freed as one: every part must be there.
      for (let at = row; at < row + (1 << order); at += 1 << (state[at] & 15)) {
        if ((state[at] & 0xf0) !== STATE.ALLOCATED) throw notAllocated(pfn, order);
      }
      for (let at = row; at < row + (1 << order); at++) state[at] = STATE.UNTOUCHED;
      state[row] = STATE.ALLOCATED | order;
      return;
    }
    for (let have = order; have <= area.maxOrder; have++) {
      const head = row & -(1 << have);
      if (state[head] !== (STATE.ALLOCATED | have)) continue;
      for (let at = have - 1; at >= order; at--) {
        const half = row & -(1 << at);
        state[half] = STATE.ALLOCATED | at;
        state[half ^ (1 << at)] = STATE.ALLOCATED | at;
      }
      return;
    }
    throw freeOfUnknownPage(pfn, order);
  }

  splitPage(row: number, order: number): void {
    const { state } = this;
    if (state[row] !== (STATE.ALLOCATED | order)) throw notAllocated(this.pages.rowToPfn(row), order);
    state.fill(STATE.ALLOCATED, row, row + (1 << order));
  }

  release(row: number, order: number): void {
    const zone = this.pages.zoneOf(row);
    this.sizing.adjustManaged(zone, 1 << order);
    if (this.freeTrace.enabled) this.traceFree(row, order);
    this.freeToZone(row, zone, order, true);
  }

  /** What each CPU does about once a second: idle lists shrink (6.12). Cold. */
  decay(): void {
    if (!this.autoTune) return;
    const { pcp } = this;
    for (const z of this.zones.all) {
      if (!z.populated) continue;
      for (let cpu = 0; cpu < pcp.cpus; cpu++) {
        const set = pcp.set(z.index, cpu);
        const batch = pcp.sets[set + PCP.BATCH];
        for (let left = decayHigh(pcp.sets, set); left > 0; left -= batch)
          this.drainPcp(z.index, cpu, Math.min(left, batch), 0);
      }
    }
  }

  drainAllPages(zone: number): void {
    const { pcp } = this;
    for (const z of this.zones.all) {
      if (zone >= 0 && z.index !== zone) continue;
      for (let cpu = 0; cpu < pcp.cpus; cpu++) {
        const set = pcp.set(z.index, cpu);
        while (pcp.sets[set + PCP.COUNT] > 0) this.drainPcp(z.index, cpu, pcp.sets[set + PCP.BATCH] << 5, 0);
      }
    }
  }

  /** drain_local_pages(): the lists of one CPU and zone. */
  drainCpu(zone: number, cpu: number): void {
    const { pcp } = this;
    const set = pcp.set(zone, cpu);
    while (pcp.sets[set + PCP.COUNT] > 0) this.drainPcp(zone, cpu, pcp.sets[set + PCP.BATCH] << 5, 0);
  }

  isFree(row: number): boolean {
    return this.area.freeHead(row) >= 0;
  }

  freePages(zone: number): number {
    return this.area.freePages[zone];
  }

  pageblockType(row: number): number {
    return this.area.pageblockType(row);
  }
}
