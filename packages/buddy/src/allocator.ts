/**
 * HOT. The page allocator: zonelist walk, watermarks, per-CPU lists, and the way back.
 *
 * Reclaim, compaction and the OOM killer are not here: a request that the reserves cannot serve fails at once, as a
 * kernel request without __GFP_DIRECT_RECLAIM does.
 *
 * Models: mm/page_alloc.c __alloc_pages(), get_page_from_freelist(), rmqueue(), rmqueue_pcplist(), free_unref_page(),
 * free_pcppages_bulk(), __free_pages_core(), 6.1 and 6.12.
 */
import {
  FreedPageZone,
  GFP,
  GFP_ZONE_TABLE,
  GrowZone,
  MIGRATE,
  MIGRATE_PCPTYPES,
  MIGRATE_TYPES,
  PAGE_STATE,
  gfpMigratetype,
  typeOfRank,
  zonelist,
  type Machine,
  type PageAllocator,
  type PageMap,
  type Tracepoints,
  type Zones,
} from '@replug/core';
import { ALLOC, ALLOC_RESERVES, fastFlags, slowFlags } from './alloc-flags.ts';
import { badCpu, badOrder, freeOfFreePage, freeOfUnknownPage, illegalGfp, notAllocated } from './errors.ts';
import type { FreeArea } from './free-area.ts';
import { tagOf, type PcpLists } from './pcp-lists.ts';
import { BATCH_SCALE_MAX, COSTLY_ORDER, NR_PCP_LISTS, PCP, PCP_FIELDS, PCP_LISTS, PREV_FREE_HIGH_ORDER, ZONE_FLAG, freed61, freed612, refill61, refill612 } from './pcp-policy.ts';
import { RMQUEUE, type Rmqueue } from './rmqueue.ts';

const { ALLOCATED, FREE, UNTOUCHED } = PAGE_STATE;
const ON_PCP = PAGE_STATE.PCP;
const { MOVABLE, ISOLATE, HIGHATOMIC } = MIGRATE;
/** Fields of `marks` a zone. */
const MARK_FIELDS = 4;

export class BuddyAllocator implements PageAllocator {
  readonly area: FreeArea;
  readonly pcp: PcpLists;
  readonly rmqueue: Rmqueue;
  private readonly machine: Machine;
  private readonly pages: PageMap;
  private readonly zones: Zones;
  private readonly tracepoints: Tracepoints;
  private readonly state: Uint8Array;
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
  private growZone: GrowZone = null;
  private readonly normalType: number;
  /** First zone of the CPU's own zonelist by cpu * types + highest type; -1: none. */
  private firstZone = new Int32Array(0);
  /** Free pages above which a request of up to COSTLY_ORDER needs no closer look, by zone * types + highest type. */
  private readonly plenty: Int32Array;
  // Columns and counters that the fast paths touch.
  private readonly freePagesOf: Int32Array;
  private readonly sets: Int32Array;
  private readonly next: Int32Array;
  private readonly prev: Int32Array;
  private readonly tag: Uint16Array;
  private readonly blockType: Uint8Array;
  private readonly blockShift: number;
  private readonly zoneOverride: Uint16Array;
  private readonly sectionZone: Uint16Array;
  private readonly sectionShift: number;
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
    this.autoTune = description.profile === '6.12';
    this.types = zones.kinds.length;
    this.marks = new Int32Array(zones.all.length * MARK_FIELDS);
    this.reserve = new Int32Array(zones.all.length * this.types);
    this.positionOfNid = new Map(zones.nodes.map((n, i) => [n.nid, i]));
    this.nodeOfCpu = new Int32Array(description.cpus);
    for (let cpu = 0; cpu < description.cpus; cpu++) this.nodeOfCpu[cpu] = this.positionOfNid.get(machine.nodeOfCpu(cpu))!;
    this.typeOfGfp = Int8Array.from(GFP_ZONE_TABLE, (rank) => (rank < 0 ? -1 : typeOfRank(zones, rank)));
    this.normalType = typeOfRank(zones, 2);
    this.plenty = new Int32Array(zones.all.length * this.types);
    this.freePagesOf = area.freePages;
    this.sets = pcp.sets;
    this.next = pages.extra('buddy.next', Int32Array);
    this.prev = pages.extra('buddy.prev', Int32Array);
    this.tag = pages.extra('buddy.tag', Uint16Array);
    this.blockType = pages.extra('buddy.pageblock', Uint8Array);
    this.blockShift = area.pageblockOrder;
    this.zoneOverride = pages.zoneOverride;
    this.sectionZone = pages.sectionZone;
    this.sectionShift = pages.sectionShift;
    this.cpus = pcp.cpus;
    this.halved = this.autoTune ? PCP.FREE_COUNT : PCP.FACTOR;
    this.allocTrace = tracepoints.mm_page_alloc;
    this.freeTrace = tracepoints.mm_page_free;
    this.refreshZonelists();
    this.refreshMarks();
  }

  /** Binds the decisions that others may have taken over. Called once the kernel is sealed. */
  bindSlots(freedPageZone: FreedPageZone, growZone: GrowZone): void {
    this.freedPageZone = freedPageZone;
    this.growZone = growZone;
  }

  /** Copies marks, reserves and per-CPU limits from the zones. Call after they were recomputed. */
  refreshMarks(): void {
    for (const z of this.zones.all) {
      this.refreshZoneMarks(z.index);
      for (let type = 0; type < this.types; type++) this.reserve[z.index * this.types + type] = z.lowmemReserve[type];
      for (let cpu = 0; cpu < this.pcp.cpus; cpu++) {
        const set = this.pcp.set(z.index, cpu);
        const { sets } = this.pcp;
        sets[set + PCP.BATCH] = z.pcpBatch;
        sets[set + PCP.HIGH_MIN] = z.pcpHighMin;
        sets[set + PCP.HIGH_MAX] = z.pcpHighMax;
        if (!this.autoTune) sets[set + PCP.HIGH] = z.pcpHighMin;
      }
    }
  }

  refreshZoneMarks(zone: number): void {
    const z = this.zones.all[zone];
    const at = zone * MARK_FIELDS;
    this.marks[at] = z.watermark.min;
    this.marks[at + 1] = z.watermark.low;
    this.marks[at + 2] = z.watermark.high;
    this.marks[at + 3] = z.watermarkBoost;
    // The high mark (6.12 looks at it first; it is never below the others), the reserve, and the largest block.
    for (let type = 0; type < this.types; type++) {
      this.plenty[zone * this.types + type] = z.watermark.high + z.watermarkBoost + z.lowmemReserve[type] + (1 << COSTLY_ORDER);
    }
  }

  refresh(): void {
    this.refreshZonelists();
    this.refreshMarks();
  }

  /** Rebuilds the zonelists from the machine's node orders. Call after a zone gained or lost its pages. */
  refreshZonelists(): void {
    this.lists = [];
    this.localLists = [];
    this.zones.nodes.forEach((node, i) => {
      for (let type = 0; type < this.types; type++) {
        this.lists.push(zonelist(this.zones, this.machine.nodeOrder[i], type));
        this.localLists.push(zonelist(this.zones, [node.nid], type));
      }
    });
    this.firstZone = new Int32Array(this.cpus * this.types).fill(-1);
    for (let cpu = 0; cpu < this.cpus; cpu++) {
      for (let type = 0; type < this.types; type++) {
        const list = this.localLists[this.nodeOfCpu[cpu] * this.types + type];
        if (list.length > 0) this.firstZone[cpu * this.types + type] = list[0];
      }
    }
  }

  alloc(gfp: number, order: number, cpu: number, nid = -1): number {
    // Fast path: enough memory in the CPU's first zone and a block on its list. Everything else takes the long way.
    if (order <= COSTLY_ORDER && nid < 0 && cpu < this.cpus) {
      const type = this.typeOfGfp[gfp & 15];
      const zone = this.firstZone[cpu * this.types + type];
      if (zone >= 0 && this.area.special === 0 && this.freePagesOf[zone] > this.plenty[zone * this.types + type]) {
        const migratetype = this.rmqueue.mobilityDisabled ? 0 : gfpMigratetype(gfp);
        const set = (zone * this.cpus + cpu) * PCP_FIELDS;
        const list = set + PCP_LISTS + 2 * (MIGRATE_PCPTYPES * order + migratetype);
        const { sets } = this;
        const row = sets[list] - 1;
        if (row >= 0 && (order === 0 || this.hasBlock(zone, order))) {
          sets[set + this.halved] >>= 1;
          sets[set + PCP.COUNT] -= 1 << order;
          const after = this.next[row];
          sets[list] = after;
          if (after !== 0) this.prev[after - 1] = 0;
          else sets[list + 1] = 0;
          this.state[row] = ALLOCATED | order;
          if (this.allocTrace.enabled) this.allocTrace.emit(this.pages.rowToPfn(row), order, migratetype, gfp);
          return row;
        }
      }
    }
    return this.allocGeneral(gfp, order, cpu, nid);
  }

  /** A block of the order is on one of the ordinary lists. */
  private hasBlock(zone: number, order: number): boolean {
    const mask = this.area.listMask;
    const lists = zone * MIGRATE_TYPES;
    return (mask[lists] | mask[lists + 1] | mask[lists + 2]) >>> order !== 0;
  }

  private allocGeneral(gfp: number, order: number, cpu: number, nid: number): number {
    if (order < 0 || order > this.area.maxOrder) throw badOrder(order, this.area.maxOrder);
    if (cpu < 0 || cpu >= this.pcp.cpus) throw badCpu(cpu, this.pcp.cpus);
    const type = this.typeOfGfp[gfp & 15];
    if (type < 0) throw illegalGfp(gfp);
    const node = nid < 0 ? this.nodeOfCpu[cpu] : this.positionOfNid.get(nid)!;
    const lists = (gfp & GFP.THISNODE) !== 0 ? this.localLists : this.lists;
    const list = lists[node * this.types + type];
    const migratetype = this.rmqueue.mobilityDisabled ? 0 : gfpMigratetype(gfp);
    const flags = fastFlags(gfp) | this.noFragment(list);
    let row = this.fromZonelist(list, type, order, migratetype, flags, cpu);
    if (row < 0) row = this.allocSlow(list, type, gfp, order, migratetype, cpu);
    if (this.allocTrace.enabled) this.allocTrace.emit(row < 0 ? -1 : this.pages.rowToPfn(row), order, migratetype, gfp);
    return row;
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

  private fromZonelist(list: Int32Array, highest: number, order: number, type: number, wanted: number, cpu: number): number {
    let flags = wanted;
    for (;;) {
      let i = 0;
      for (; i < list.length; i++) {
        const zone = list[i];
        if (i > 0 && (flags & ALLOC.NOFRAGMENT) !== 0 && this.zones.all[zone].nid !== this.zones.all[list[0]].nid) break;
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
    const at = zone * MARK_FIELDS;
    const boost = marks[at + 3];
    if (this.autoTune && (rmqueue.zoneFlags[zone] & ZONE_FLAG.BELOW_HIGH) === 0) {
      if (this.markOk(zone, order, marks[at + 2] + boost, highest, flags)) return true;
      rmqueue.zoneFlags[zone] |= ZONE_FLAG.BELOW_HIGH;
    }
    const mark = marks[at + (flags & ALLOC.WMARK_MASK)];
    if (this.markOk(zone, order, mark + boost, highest, flags)) return true;
    // An urgent order-0 request ignores the boost of the minimum.
    if (order === 0 && (flags & ALLOC.MIN_RESERVE) !== 0 && boost > 0 && (flags & ALLOC.WMARK_MASK) === ALLOC.WMARK_MIN) {
      return area.freePages[zone] > 0 && this.markOk(zone, 0, marks[at], highest, flags);
    }
    return false;
  }

  /** __zone_watermark_ok(). */
  private markOk(zone: number, order: number, mark: number, highest: number, flags: number): boolean {
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
    const lists = zone * MIGRATE_TYPES;
    const mask = area.listMask;
    if (((mask[lists] | mask[lists + 1] | mask[lists + 2]) >>> order) !== 0) return true;
    if ((flags & ALLOC.CMA) !== 0 && mask[lists + MIGRATE.CMA] >>> order !== 0) return true;
    return (flags & (ALLOC.HIGHATOMIC | ALLOC.OOM)) !== 0 && mask[lists + HIGHATOMIC] >>> order !== 0;
  }

  /** rmqueue(): per-CPU list, or straight from the free lists. */
  private fromZone(zone: number, order: number, type: number, flags: number, cpu: number): number {
    const { state } = this;
    if (this.pcp.allowed(order)) {
      const row = this.fromPcp(zone, order, type, flags, cpu);
      if (row >= 0) {
        state[row] = ALLOCATED | order;
        return row;
      }
    }
    const { rmqueue } = this;
    let row = -1;
    if ((flags & ALLOC.HIGHATOMIC) !== 0) row = rmqueue.smallest(zone, order, HIGHATOMIC);
    if (row < 0) {
      rmqueue.mode = RMQUEUE.NORMAL;
      row = rmqueue.rmqueue(zone, order, type, flags);
      if (row < 0 && (flags & (ALLOC.OOM | ALLOC.NON_BLOCK)) !== 0) row = rmqueue.smallest(zone, order, HIGHATOMIC);
    }
    if (row >= 0) {
      state[row] = ALLOCATED | order;
      rmqueue.zoneFlags[zone] &= ~ZONE_FLAG.BOOSTED;
    }
    return row;
  }

  private fromPcp(zone: number, order: number, type: number, flags: number, cpu: number): number {
    const { pcp } = this;
    const { sets } = pcp;
    const at = zone * pcp.cpus + cpu;
    const set = at * PCP_FIELDS;
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

  /** rmqueue_bulk(). */
  private refill(zone: number, order: number, type: number, flags: number, cpu: number, set: number): void {
    const { pcp, rmqueue } = this;
    const zoneFlags = rmqueue.zoneFlags[zone];
    const count = this.autoTune
      ? refill612(pcp.sets, set, order, zoneFlags)
      : refill61(pcp.sets, set, order);
    rmqueue.mode = RMQUEUE.NORMAL;
    for (let i = 0; i < count; i++) {
      const row = rmqueue.rmqueue(zone, order, type, flags);
      if (row < 0) break;
      pcp.pushTail(row, zone, cpu, order, type);
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
    const { state } = this;
    // Fast path: an ordinary block of an ordinary pageblock goes to the head of the CPU's list.
    if (order <= COSTLY_ORDER && state[row] === (ALLOCATED | order) && this.freedPageZone === null) {
      const type = this.blockType[row >>> this.blockShift] ^ MOVABLE;
      if (type < MIGRATE_PCPTYPES) {
        const zone = (this.sectionZone[row >>> this.sectionShift] || this.zoneOverride[row]) - 1;
        if (this.freeTrace.enabled) this.freeTrace.emit(this.pages.rowToPfn(row), order);
        const { next, prev, sets } = this;
        const set = (zone * this.cpus + cpu) * PCP_FIELDS;
        const list = set + PCP_LISTS + 2 * (MIGRATE_PCPTYPES * order + type);
        const head = sets[list];
        next[row] = head;
        prev[row] = 0;
        sets[list] = row + 1;
        if (head !== 0) prev[head - 1] = row + 1;
        else sets[list + 1] = row + 1;
        state[row] = ON_PCP | order;
        this.tag[row] = tagOf(type, cpu);
        const count = (sets[set + PCP.COUNT] += 1 << order);
        const flags = this.rmqueue.zoneFlags[zone];
        if (order === 0 && count < sets[set + PCP.HIGH] && flags === 0) {
          // Below the limit, nothing special: what freed61() and freed612() leave behind then.
          if (this.autoTune) {
            sets[set + PCP.FACTOR] >>= 1;
            sets[set + PCP.FLAGS] &= ~PREV_FREE_HIGH_ORDER;
            if (sets[set + PCP.FREE_COUNT] < sets[set + PCP.BATCH] << BATCH_SCALE_MAX) sets[set + PCP.FREE_COUNT]++;
          }
          return;
        }
        const drain = this.autoTune ? freed612(sets, set, order, flags) : freed61(sets, set, order, flags);
        if (drain > 0) this.drainAfterFree(zone, cpu, drain, order, type, flags);
        return;
      }
    }
    this.freeGeneral(row, order, cpu);
  }

  private freeGeneral(row: number, order: number, cpu: number): void {
    const { state } = this;
    if (cpu < 0 || cpu >= this.cpus) throw badCpu(cpu, this.cpus);
    if (state[row] !== (ALLOCATED | order)) this.unwrap(row, order);
    state[row] = UNTOUCHED;
    if (this.freeTrace.enabled) this.freeTrace.emit(this.pages.rowToPfn(row), order);
    let zone = this.pages.zoneOf(row);
    if (this.freedPageZone !== null) zone = this.freedPageZone(row, order, zone);
    if (!this.pcp.allowed(order)) {
      this.freeToZone(row, zone, order, false);
      return;
    }
    let type = this.area.pageblockType(row);
    if (type >= MIGRATE_PCPTYPES) {
      if (type === ISOLATE) {
        this.area.freeOne(row, zone, order, type, false);
        return;
      }
      type = MOVABLE;
    }
    this.freeToPcp(row, zone, order, type, cpu);
  }

  /** free_unref_page_commit(). */
  private freeToPcp(row: number, zone: number, order: number, type: number, cpu: number): void {
    const { pcp } = this;
    pcp.pushHead(row, zone, cpu, order, type);
    const set = (zone * pcp.cpus + cpu) * PCP_FIELDS;
    const flags = this.rmqueue.zoneFlags[zone];
    const drain = this.autoTune ? freed612(pcp.sets, set, order, flags) : freed61(pcp.sets, set, order, flags);
    if (drain > 0) this.drainAfterFree(zone, cpu, drain, order, type, flags);
  }

  private drainAfterFree(zone: number, cpu: number, pages: number, order: number, type: number, flags: number): void {
    this.drainPcp(zone, cpu, pages, this.pcp.pindex(order, type));
    if ((flags & ZONE_FLAG.BELOW_HIGH) !== 0 && this.markOk(zone, 0, this.highMark(zone), this.types - 1, 0)) {
      this.rmqueue.zoneFlags[zone] &= ~ZONE_FLAG.BELOW_HIGH;
    }
  }

  private highMark(zone: number): number {
    return this.marks[zone * MARK_FIELDS + 2] + this.marks[zone * MARK_FIELDS + 3];
  }

  /** free_pcppages_bulk(): pages from the tails, list by list from `pindex` on, cyclically. */
  drainPcp(zone: number, cpu: number, pages: number, pindex: number): void {
    const { pcp, area } = this;
    const set = pcp.set(zone, cpu);
    let left = Math.min(pages, pcp.sets[set + PCP.COUNT]);
    // 6.1 trusts the type kept at free or refill unless the zone has isolated pageblocks.
    const reread = this.autoTune || area.nrIsolatePageblock[zone] > 0;
    const trace = this.tracepoints.mm_page_pcpu_drain;
    for (let list = pindex; left > 0; list = list + 1 === NR_PCP_LISTS ? 0 : list + 1) {
      const order = pcp.orderOf(list);
      while (left > 0) {
        const row = pcp.last(zone, cpu, list);
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
    if ((state[row] & 0xf0) === ON_PCP) throw freeOfFreePage(pfn, order);
    const own = state[row];
    if ((own & 0xf0) === ALLOCATED && (own & 15) < order) {
      // Parts freed as one: every part must be there.
      for (let at = row; at < row + (1 << order); at += 1 << (state[at] & 15)) {
        if ((state[at] & 0xf0) !== ALLOCATED) throw notAllocated(pfn, order);
      }
      for (let at = row; at < row + (1 << order); at++) state[at] = UNTOUCHED;
      state[row] = ALLOCATED | order;
      return;
    }
    for (let have = order; have <= area.maxOrder; have++) {
      const head = row & -(1 << have);
      if (state[head] !== (ALLOCATED | have)) continue;
      for (let at = have - 1; at >= order; at--) {
        const half = row & -(1 << at);
        state[half] = ALLOCATED | at;
        state[half ^ (1 << at)] = ALLOCATED | at;
      }
      return;
    }
    throw freeOfUnknownPage(pfn, order);
  }

  splitPage(row: number, order: number): void {
    const { state } = this;
    if (state[row] !== (ALLOCATED | order)) throw notAllocated(this.pages.rowToPfn(row), order);
    state.fill(ALLOCATED, row, row + (1 << order));
  }

  release(row: number, order: number): void {
    const zone = this.pages.zoneOf(row);
    this.zones.all[zone].managedPages += 1 << order;
    this.freeToZone(row, zone, order, true);
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

  isFree(row: number): boolean {
    return this.area.freeHead(row) >= 0;
  }

  freePages(zone: number): number {
    return this.area.freePages[zone];
  }

  pageblockType(row: number): number {
    return this.area.pageblockType(row);
  }

  /** True for a head on a zone's free list or a per-CPU list. */
  isListed(row: number): boolean {
    const holder = this.state[row] & 0xf0;
    return holder === FREE || holder === ON_PCP;
  }
}
