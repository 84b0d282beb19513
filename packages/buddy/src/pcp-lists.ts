/**
 * HOT. Per-CPU page lists: for each zone and CPU one set of lists, three migratetypes by orders 0–3 and two lists for
 * PMD-sized blocks. A block is pushed to and popped from the head; refills append to the tail, drains take the tail.
 *
 * A list is a stretch of `blocks`, first block first, with room on both sides: unlike links, it is read without waiting
 * for one page's line to find the next, and pushing or popping touches no column but the page's state and tag. A block
 * that is taken out of the middle leaves a hole (-1); the last entry of a list is never a hole. `buddy.tag` holds the
 * migratetype of a listed head and the CPU + 1. `buddy.next`, which the free lists need for free blocks only, holds
 * where a block was put, as a hint for taking it out; the allocator's own fast paths don't write it.
 *
 * Models: struct per_cpu_pages, order_to_pindex(), free_pcppages_bulk(), mm/page_alloc.c, 6.1 and 6.12.
 */
import type { Hasher, Machine, PageMap } from '@replug/core';
import { LIMIT, LIST, NR_PCP_LISTS, PCP, STATE, TYPE } from './pcp-policy.ts';

const LOW_LISTS = TYPE.PCPTYPES * (LIMIT.COSTLY_ORDER + 1);
const HOLE = -1;
/** Room of a list when it gets its first block. */
const FIRST_ROOM = 64;
/** Fields of a tag: migratetype in the low bits, CPU + 1 above. */
export const enum TAG {
  TYPE = 7,
  CPU = 3,
}
export const tagOf = (type: number, cpu: number): number => type | ((cpu + 1) << TAG.CPU);

function sharedWords(count: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(count * 4));
}

export class PcpLists {
  readonly cpus: number;
  readonly thpOrder: number;
  /** PCP.WORDS words a set – counters, then the lists; a set's offset is set(zone, cpu). */
  readonly sets: Int32Array;
  /** The lists' blocks. Replaced by a larger one when a list outgrows it: don't keep it over a push. */
  blocks: Int32Array;
  /** Holes in all lists. */
  holes = 0;
  /** Words of `blocks` that were given to lists. */
  private given = 0;
  /** Where first() and after() stand: a list, and a position in it. */
  private walked = 0;
  private found = 0;
  private readonly map: PageMap;
  private readonly hint: Int32Array;
  private readonly state: Uint8Array;
  private readonly tag: Uint16Array;

  constructor(machine: Machine) {
    const { pages, zones, description } = machine;
    this.cpus = description.cpus;
    this.thpOrder = description.arch.thpOrder;
    this.sets = sharedWords(zones.all.length * this.cpus * PCP.WORDS);
    this.blocks = sharedWords(FIRST_ROOM * NR_PCP_LISTS);
    this.map = pages;
    this.hint = pages.extra('buddy.next', Int32Array);
    this.tag = pages.extra('buddy.tag', Uint16Array);
    this.state = pages.state;
    for (let set = 0; set < this.sets.length; set += PCP.WORDS) this.sets[set + PCP.BATCH] = 1;
  }

  /** pcp_allowed_order(): blocks of this order go through the lists. */
  allowed(order: number): boolean {
    return order <= LIMIT.COSTLY_ORDER || order === this.thpOrder;
  }

  /** Offset of a zone's set on a CPU in `sets`. */
  set(zone: number, cpu: number): number {
    return (zone * this.cpus + cpu) * PCP.WORDS;
  }

  /** order_to_pindex(). */
  pindex(order: number, type: number): number {
    if (order <= LIMIT.COSTLY_ORDER) return TYPE.PCPTYPES * order + type;
    return LOW_LISTS + (type === TYPE.MOVABLE ? 1 : 0);
  }

  /** Offset of a list in `sets`. */
  list(zone: number, cpu: number, pindex: number): number {
    return (zone * this.cpus + cpu) * PCP.WORDS + PCP.LISTS + LIST.WORDS * pindex;
  }

  /** Order of a list. */
  orderOf(pindex: number): number {
    return pindex < LOW_LISTS ? Math.floor(pindex / TYPE.PCPTYPES) : this.thpOrder;
  }

  /** Migratetype of a list's blocks; -1 for the list of PMD-sized blocks that takes two. */
  typeOf(pindex: number): number {
    if (pindex < LOW_LISTS) return pindex % TYPE.PCPTYPES;
    return pindex === LOW_LISTS ? -1 : TYPE.MOVABLE;
  }

  isEmpty(zone: number, cpu: number, pindex: number): boolean {
    const list = this.list(zone, cpu, pindex);
    return this.sets[list + LIST.FIRST] === this.sets[list + LIST.END];
  }

  /** Puts a block at a list's head (freed) and counts it. */
  pushHead(row: number, zone: number, cpu: number, order: number, type: number): void {
    const { sets } = this;
    const list = this.list(zone, cpu, this.pindex(order, type));
    if (sets[list + LIST.FIRST] === sets[list + LIST.BOTTOM]) this.makeRoom(list, 1);
    const at = (sets[list + LIST.FIRST] -= 1);
    this.put(row, at, order, tagOf(type, cpu));
    sets[this.set(zone, cpu) + PCP.COUNT] += 1 << order;
  }

  /** Puts a block at a list's tail (refill) and counts it. */
  pushTail(row: number, zone: number, cpu: number, order: number, type: number): void {
    const { sets } = this;
    const list = this.list(zone, cpu, this.pindex(order, type));
    if (sets[list + LIST.END] === sets[list + LIST.TOP]) this.makeRoom(list, 1);
    const at = sets[list + LIST.END]++;
    this.put(row, at, order, tagOf(type, cpu));
    sets[this.set(zone, cpu) + PCP.COUNT] += 1 << order;
  }

  private put(row: number, at: number, order: number, tag: number): void {
    this.blocks[at] = row;
    this.hint[row] = at;
    this.state[row] = STATE.PCP | order;
    this.tag[row] = tag;
  }

  /** Takes the first block of a list; the list must not be empty. Its state is the caller's to set. */
  popHead(zone: number, cpu: number, order: number, type: number): number {
    const { sets } = this;
    const list = this.list(zone, cpu, this.pindex(order, type));
    this.trimHead(list);
    const row = this.blocks[sets[list + LIST.FIRST]++];
    sets[this.set(zone, cpu) + PCP.COUNT] -= 1 << order;
    return row;
  }

  /** Takes a listed block out from wherever it is; its head becomes untouched. Returns the list's migratetype. */
  unlink(row: number, zone: number): number {
    const { sets, blocks } = this;
    const order = this.state[row] & 0x0f;
    const tag = this.tag[row];
    const type = tag & TAG.TYPE;
    const cpu = (tag >>> TAG.CPU) - 1;
    const list = this.list(zone, cpu, this.pindex(order, type));
    const at = this.find(row, list);
    if (at === sets[list + LIST.FIRST]) {
      sets[list + LIST.FIRST]++;
    } else {
      blocks[at] = HOLE;
      this.holes++;
      while (blocks[sets[list + LIST.END] - 1] === HOLE) {
        sets[list + LIST.END]--;
        this.holes--;
      }
    }
    sets[this.set(zone, cpu) + PCP.COUNT] -= 1 << order;
    this.state[row] = STATE.UNTOUCHED;
    return type;
  }

  /** CPU whose list a block is on. */
  cpuOfBlock(row: number): number {
    return (this.tag[row] >>> TAG.CPU) - 1;
  }

  /** Migratetype of the list that a block is on. */
  typeOfBlock(row: number): number {
    return this.tag[row] & TAG.TYPE;
  }

  /** First row of a list, -1 when empty. */
  first(zone: number, cpu: number, pindex: number): number {
    const list = this.list(zone, cpu, pindex);
    this.trimHead(list);
    const at = this.sets[list + LIST.FIRST];
    if (at === this.sets[list + LIST.END]) return -1;
    this.walked = list;
    this.found = at;
    return this.blocks[at];
  }

  /** Last row of a list, -1 when empty. */
  last(zone: number, cpu: number, pindex: number): number {
    const list = this.list(zone, cpu, pindex);
    const end = this.sets[list + LIST.END];
    return this.sets[list + LIST.FIRST] === end ? -1 : this.blocks[end - 1];
  }

  /** Row after a listed block, -1 at the end. Cold: for views and checks. */
  after(row: number): number {
    const { sets, blocks } = this;
    let list = this.walked;
    if (this.found < sets[list + LIST.FIRST] || this.found >= sets[list + LIST.END] || blocks[this.found] !== row) {
      const pindex = this.pindex(this.state[row] & 0x0f, this.tag[row] & TAG.TYPE);
      list = this.walked = this.list(this.map.zoneOf(row), this.cpuOfBlock(row), pindex);
      this.found = this.find(row, list);
    }
    let at = this.found + 1;
    const end = sets[list + LIST.END];
    while (at < end && blocks[at] === HOLE) at++;
    this.found = at;
    return at < end ? blocks[at] : -1;
  }

  /** Position of a block in a list: where it was put, or a search from both ends. */
  private find(row: number, list: number): number {
    const { blocks, sets } = this;
    let low = sets[list + LIST.FIRST];
    let high = sets[list + LIST.END] - 1;
    const hint = this.hint[row];
    if (hint >= low && hint <= high && blocks[hint] === row) return hint;
    while (low < high && blocks[low] !== row && blocks[high] !== row) {
      low++;
      high--;
    }
    return blocks[low] === row ? low : high;
  }

  private trimHead(list: number): void {
    const { sets, blocks } = this;
    if (this.holes === 0) return;
    while (sets[list + LIST.FIRST] < sets[list + LIST.END] && blocks[sets[list + LIST.FIRST]] === HOLE) {
      sets[list + LIST.FIRST]++;
      this.holes--;
    }
  }

  /**
   * Makes room for at least `count` blocks at both ends of a list. Returns its FIRST.
   * Cold: a list moves when it has drifted far, or grew.
   */
  makeRoom(list: number, count: number): number {
    const { sets, hint } = this;
    const first = sets[list + LIST.FIRST];
    const end = sets[list + LIST.END];
    let from = sets[list + LIST.BOTTOM];
    let room = sets[list + LIST.TOP] - from;
    const need = 2 * (end - first + 2 * count);
    if (need > room) {
      room = FIRST_ROOM;
      while (room < need) room *= 2;
      // The last list to get room grows where it is.
      if (sets[list + LIST.TOP] !== this.given) from = this.given;
      this.given = from + room;
      if (this.given > this.blocks.length) {
        const larger = sharedWords(2 * this.given);
        larger.set(this.blocks);
        this.blocks = larger;
      }
    }
    const { blocks } = this;
    const start = from + ((room - (end - first)) >> 1);
    blocks.copyWithin(start, first, end);
    for (let at = start; at < start + end - first; at++) if (blocks[at] !== HOLE) hint[blocks[at]] = at;
    sets[list + LIST.FIRST] = start;
    sets[list + LIST.END] = start + end - first;
    sets[list + LIST.BOTTOM] = from;
    sets[list + LIST.TOP] = from + room;
    return start;
  }

  /** Pages on a zone's lists over all CPUs. */
  pages(zone: number): number {
    let pages = 0;
    for (let cpu = 0; cpu < this.cpus; cpu++) pages += this.sets[this.set(zone, cpu) + PCP.COUNT];
    return pages;
  }

  /** Feeds the order of every list, by pfn, and the sets' counters. */
  hashLists(hasher: Hasher, pages: PageMap, zones: number): void {
    for (let zone = 0; zone < zones; zone++) {
      for (let cpu = 0; cpu < this.cpus; cpu++) {
        for (let field = 0; field < PCP.LISTS; field++) hasher.word(this.sets[this.set(zone, cpu) + field]);
        for (let pindex = 0; pindex < NR_PCP_LISTS; pindex++) {
          for (let row = this.first(zone, cpu, pindex); row >= 0; row = this.after(row)) {
            hasher.word(pindex).integer(pages.rowToPfn(row));
          }
        }
      }
    }
  }
}
