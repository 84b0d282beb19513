/**
 * Every invariant of the free lists and per-CPU lists, checked by walking all of it. Cold; for tests and `--validate`.
 *
 * Returns what is wrong, in words with pfns, at most `limit` findings.
 */
import {
  MIGRATE,
  MIGRATE_PCPTYPES,
  MIGRATE_TYPES,
  PAGE_STATE,
  STATE_HOLDER_MASK,
  STATE_ORDER_MASK,
  type PageMap,
} from '@replug/core';
import type { PageIdentity } from './identity.ts';
import { NR_PCP_LISTS, PCP } from './pcp-policy.ts';
import type { ViewSources } from './views/sources.ts';

export function validate(sources: ViewSources, limit = 20): string[] {
  const found: string[] = [];
  const say = (text: string): void => {
    if (found.length < limit) found.push(text);
  };
  const covered = new Uint8Array(sources.pages.slotCount << sources.pages.sectionShift);
  for (const zone of sources.zones.all) checkFreeLists(sources, zone.index, covered, say);
  for (const zone of sources.zones.all) checkPcp(sources, zone.index, covered, say);
  checkIsolated(sources, say);
  checkColumns(sources, covered, say);
  checkUnmerged(sources, say);
  return found;
}

type Say = (text: string) => void;

function checkFreeLists({ area, pages, zones }: ViewSources, zone: number, covered: Uint8Array, say: Say): void {
  const where = `node ${zones.all[zone].nid} ${zones.all[zone].name}`;
  let free = 0;
  let isolated = 0;
  let cma = 0;
  let highatomic = 0;
  for (let order = 0; order <= area.maxOrder; order++) {
    let blocks = 0;
    for (let type = 0; type < MIGRATE_TYPES; type++) {
      let listed = 0;
      let previous = -1;
      for (let row = area.first(zone, order, type); row >= 0; row = area.after(row, order)) {
        listed++;
        const pfn = `pfn 0x${pages.rowToPfn(row).toString(16)} order ${order}`;
        if ((row & ((1 << order) - 1)) !== 0) say(`${where}: ${pfn} is not aligned`);
        if (area.freeOrder(row) !== order) say(`${where}: ${pfn} is listed but its state says otherwise`);
        if (area.typeOfFree(row, order) !== type) say(`${where}: ${pfn} is on a list of another type`);
        if (area.before(row, order) !== previous) say(`${where}: ${pfn} has a broken back link`);
        previous = row;
        for (let at = row; at < row + (1 << order); at++) {
          if (covered[at]++ !== 0) say(`${where}: ${pfn} overlaps another listed block`);
          if (pages.zoneOf(at) !== zone) say(`${where}: ${pfn} has pages of another zone`);
        }
        if (listed > covered.length) return say(`${where}: list of order ${order} type ${type} does not end`);
      }
      if (listed > 0 !== area.has(zone, order, type))
        say(`${where}: list mask of order ${order} type ${type} is wrong`);
      blocks += listed;
      const size = listed * 2 ** order;
      if (type === MIGRATE.ISOLATE) isolated += size;
      else free += size;
      if (type === MIGRATE.CMA) cma += size;
      if (type === MIGRATE.HIGHATOMIC) highatomic += size;
    }
    const counted = area.nrFree[zone * (area.maxOrder + 1) + order];
    if (blocks !== counted) say(`${where}: nr_free of order ${order} is ${counted}, its lists hold ${blocks}`);
  }
  if (free !== area.freePages[zone]) say(`${where}: NR_FREE_PAGES is ${area.freePages[zone]}, the lists hold ${free}`);
  if (isolated !== area.freeIsolated[zone])
    say(`${where}: isolated pages ${area.freeIsolated[zone]}, the lists hold ${isolated}`);
  if (cma !== area.freeCma[zone]) say(`${where}: NR_FREE_CMA_PAGES is ${area.freeCma[zone]}, the lists hold ${cma}`);
  if (highatomic !== area.freeHighatomic[zone]) {
    say(`${where}: nr_free_highatomic is ${area.freeHighatomic[zone]}, the lists hold ${highatomic}`);
  }
}

function checkPcp({ pcp, pages, zones }: ViewSources, zone: number, covered: Uint8Array, say: Say): void {
  const where = `node ${zones.all[zone].nid} ${zones.all[zone].name}`;
  for (let cpu = 0; cpu < pcp.cpus; cpu++) {
    let count = 0;
    for (let pindex = 0; pindex < NR_PCP_LISTS; pindex++) {
      const order = pcp.orderOf(pindex);
      let last = -1;
      for (let row = pcp.first(zone, cpu, pindex); row >= 0; row = pcp.after(row)) {
        const pfn = `pfn 0x${pages.rowToPfn(row).toString(16)} order ${order}`;
        if (pages.state[row] !== (PAGE_STATE.PCP | order))
          say(`${where} cpu ${cpu}: ${pfn} is listed but its state says otherwise`);
        if (pcp.cpuOfBlock(row) !== cpu) say(`${where} cpu ${cpu}: ${pfn} names another CPU`);
        if (pages.zoneOf(row) !== zone) say(`${where} cpu ${cpu}: ${pfn} is of another zone`);
        for (let at = row; at < row + 2 ** order; at++) {
          if (covered[at]++ !== 0) say(`${where} cpu ${cpu}: ${pfn} overlaps another listed block`);
        }
        count += 2 ** order;
        last = row;
        if (count > covered.length) return say(`${where} cpu ${cpu}: list ${pindex} does not end`);
      }
      if (pcp.last(zone, cpu, pindex) !== last) say(`${where} cpu ${cpu}: list ${pindex} has a wrong tail`);
    }
    const counted = pcp.sets[pcp.set(zone, cpu) + PCP.COUNT];
    if (count !== counted) say(`${where} cpu ${cpu}: count is ${counted}, the lists hold ${count}`);
  }
}

/** nr_isolate_pageblock of every zone is the number of its pageblocks of that type. */
function checkIsolated({ area, pages, zones }: ViewSources, say: Say): void {
  const counted = new Int32Array(zones.all.length);
  const block = 1 << area.pageblockOrder;
  for (const section of pages.sections()) {
    const base = pages.pfnToRow(section * 2 ** pages.sectionShift);
    for (let row = base; row < base + (1 << pages.sectionShift); row += block) {
      if (area.pageblockType(row) !== MIGRATE.ISOLATE) continue;
      let at = row;
      while (at < row + block - 1 && pages.zoneOf(at) < 0) at++;
      if (pages.zoneOf(at) >= 0) counted[pages.zoneOf(at)]++;
    }
  }
  counted.forEach((blocks, zone) => {
    const kept = area.nrIsolatePageblock[zone];
    if (kept !== blocks)
      say(`node ${zones.all[zone].nid} ${zones.all[zone].name}: nr_isolate_pageblock is ${kept}, there are ${blocks}`);
  });
}

/** Contents that moved, and pins, are on allocated pages alone, and there are as many as were counted. */
export function validateMoved(pages: PageMap, identity: PageIdentity): string[] {
  const found: string[] = [];
  if (!identity.watched) return found;
  const { moved, pinned } = identity.count();
  if (moved !== identity.moved) found.push(`${identity.moved} moved pages are counted, ${moved} are marked`);
  if (pinned !== identity.pinned) found.push(`${identity.pinned} pinned pages are counted, ${pinned} are marked`);
  const rows = pages.slotCount << pages.sectionShift;
  const owned = new Uint8Array(rows);
  for (let row = 0; row < rows; row++) {
    const own = pages.state[row];
    if ((own & STATE_HOLDER_MASK) === PAGE_STATE.ALLOCATED) owned.fill(1, row, row + 2 ** (own & STATE_ORDER_MASK));
  }
  for (let row = 0; row < rows && found.length < 20; row++) {
    if (owned[row] === 1) continue;
    const pfn = `pfn 0x${pages.rowToPfn(row).toString(16)}`;
    if (!identity.isHome(row)) found.push(`${pfn} is nobody's and has contents from elsewhere`);
    if (identity.isPinned(row, 1)) found.push(`${pfn} is nobody's and pinned`);
  }
  return found;
}

/** Every state byte of a listed kind is on a list, every listed page was seen once, no owned block overlaps a listed one. */
function checkColumns({ pages, area }: ViewSources, covered: Uint8Array, say: Say): void {
  const { state } = pages;
  for (let row = 0; row < covered.length; row++) {
    const holder = state[row] & STATE_HOLDER_MASK;
    const order = state[row] & 15;
    const listed = holder === PAGE_STATE.FREE || holder === PAGE_STATE.PCP;
    if (listed && covered[row] === 0)
      say(`pfn 0x${pages.rowToPfn(row).toString(16)} says it is listed and is on no list`);
    if (holder === PAGE_STATE.ALLOCATED || holder === PAGE_STATE.HELD) {
      if (order > area.maxOrder) say(`pfn 0x${pages.rowToPfn(row).toString(16)} has order ${order}`);
      for (let at = row; at < row + 2 ** order; at++) {
        if (covered[at] !== 0) say(`pfn 0x${pages.rowToPfn(at).toString(16)} is owned and listed`);
      }
    }
  }
}

/**
 * No two free buddies of one zone that could merge are left apart. Isolation does leave some: a block that is cut into
 * pageblocks stays so while all of them are isolated.
 */
function checkUnmerged({ area, pages, zones }: ViewSources, say: Say): void {
  for (const zone of zones.all) {
    for (let order = 0; order < area.maxOrder; order++) {
      for (let type = 0; type < MIGRATE_TYPES; type++) {
        for (let row = area.first(zone.index, order, type); row >= 0; row = area.after(row, order)) {
          const buddy = row ^ (1 << order);
          if (row > buddy || area.freeOrder(buddy) !== order || pages.zoneOf(buddy) !== zone.index) continue;
          if (order >= area.pageblockOrder) {
            const a = area.pageblockType(row);
            const b = area.pageblockType(buddy);
            if (a !== b && (a >= MIGRATE_PCPTYPES || b >= MIGRATE_PCPTYPES)) continue;
            if (a === MIGRATE.ISOLATE && b === MIGRATE.ISOLATE) continue;
          }
          say(`pfn 0x${pages.rowToPfn(row).toString(16)} order ${order}: its buddy is free and they are not merged`);
        }
      }
    }
  }
}
