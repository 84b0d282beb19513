/**
 * HOT. Per-CPU page lists: for each zone and CPU one set of lists, three migratetypes by orders 0–3 and two lists for
 * PMD-sized blocks. A block is pushed to and popped from the head; refills append to the tail, drains take the tail.
 *
 * Links share the free lists' row columns (a block is on one list at a time), row + 1, 0 for the end. `buddy.tag` holds
 * the migratetype of a listed head and the CPU + 1.
 *
 * Models: struct per_cpu_pages, order_to_pindex(), free_pcppages_bulk(), mm/page_alloc.c, 6.1 and 6.12.
 */
import { MIGRATE, MIGRATE_PCPTYPES, PAGE_STATE, type Hasher, type Machine, type PageMap } from '@replug/core';
import { COSTLY_ORDER, NR_PCP_LISTS, PCP, PCP_FIELDS, PCP_LISTS } from './pcp-policy.ts';

const { PCP: ON_PCP, UNTOUCHED } = PAGE_STATE;
const LOW_LISTS = MIGRATE_PCPTYPES * (COSTLY_ORDER + 1);
/** Fields of a tag: migratetype in the low bits, CPU + 1 above. */
const TAG_CPU = 3;
export const TAG_TYPE_MASK = 7;
export const tagOf = (type: number, cpu: number): number => type | ((cpu + 1) << TAG_CPU);

export class PcpLists {
  readonly cpus: number;
  readonly thpOrder: number;
  /** PCP_FIELDS words a set – counters, then list heads and tails; a set's offset is set(zone, cpu). */
  readonly sets: Int32Array;
  private readonly next: Int32Array;
  private readonly prev: Int32Array;
  private readonly state: Uint8Array;
  private readonly tag: Uint16Array;

  constructor(machine: Machine) {
    const { pages, zones, description } = machine;
    this.cpus = description.cpus;
    this.thpOrder = description.arch.thpOrder;
    this.sets = new Int32Array(new SharedArrayBuffer(zones.all.length * this.cpus * PCP_FIELDS * 4));
    this.next = pages.extra('buddy.next', Int32Array);
    this.prev = pages.extra('buddy.prev', Int32Array);
    this.tag = pages.extra('buddy.tag', Uint16Array);
    this.state = pages.state;
    for (let set = 0; set < this.sets.length; set += PCP_FIELDS) this.sets[set + PCP.BATCH] = 1;
  }

  /** pcp_allowed_order(): blocks of this order go through the lists. */
  allowed(order: number): boolean {
    return order <= COSTLY_ORDER || order === this.thpOrder;
  }

  /** Offset of a zone's set on a CPU in `sets`. */
  set(zone: number, cpu: number): number {
    return (zone * this.cpus + cpu) * PCP_FIELDS;
  }

  /** order_to_pindex(). */
  pindex(order: number, type: number): number {
    if (order <= COSTLY_ORDER) return MIGRATE_PCPTYPES * order + type;
    return LOW_LISTS + (type === MIGRATE.MOVABLE ? 1 : 0);
  }

  /** Order of a list. */
  orderOf(pindex: number): number {
    return pindex < LOW_LISTS ? Math.floor(pindex / MIGRATE_PCPTYPES) : this.thpOrder;
  }

  isEmpty(zone: number, cpu: number, pindex: number): boolean {
    return this.sets[this.set(zone, cpu) + PCP_LISTS + 2 * pindex] === 0;
  }

  /** Puts a block at a list's head (freed) and counts it. */
  pushHead(row: number, zone: number, cpu: number, order: number, type: number): void {
    const { sets, next, prev } = this;
    const set = this.set(zone, cpu);
    const list = set + PCP_LISTS + 2 * this.pindex(order, type);
    const head = sets[list];
    next[row] = head;
    prev[row] = 0;
    sets[list] = row + 1;
    if (head !== 0) prev[head - 1] = row + 1;
    else sets[list + 1] = row + 1;
    this.state[row] = ON_PCP | order;
    this.tag[row] = tagOf(type, cpu);
    sets[set + PCP.COUNT] += 1 << order;
  }

  /** Puts a block at a list's tail (refill) and counts it. */
  pushTail(row: number, zone: number, cpu: number, order: number, type: number): void {
    const { sets, next, prev } = this;
    const set = this.set(zone, cpu);
    const list = set + PCP_LISTS + 2 * this.pindex(order, type);
    const tail = sets[list + 1];
    prev[row] = tail;
    next[row] = 0;
    sets[list + 1] = row + 1;
    if (tail !== 0) next[tail - 1] = row + 1;
    else sets[list] = row + 1;
    this.state[row] = ON_PCP | order;
    this.tag[row] = tagOf(type, cpu);
    sets[set + PCP.COUNT] += 1 << order;
  }

  /** Takes the first block of a list; the list must not be empty. Its state is the caller's to set. */
  popHead(zone: number, cpu: number, order: number, type: number): number {
    const { sets } = this;
    const set = this.set(zone, cpu);
    const list = set + PCP_LISTS + 2 * this.pindex(order, type);
    const row = sets[list] - 1;
    const after = this.next[row];
    sets[list] = after;
    if (after !== 0) this.prev[after - 1] = 0;
    else sets[list + 1] = 0;
    sets[set + PCP.COUNT] -= 1 << order;
    return row;
  }

  /** Takes a listed block out from wherever it is; its head becomes untouched. Returns the list's migratetype. */
  unlink(row: number, zone: number): number {
    const { sets, next, prev } = this;
    const order = this.state[row] & 0x0f;
    const tag = this.tag[row];
    const type = tag & TAG_TYPE_MASK;
    const set = this.set(zone, (tag >>> TAG_CPU) - 1);
    const list = set + PCP_LISTS + 2 * this.pindex(order, type);
    const after = next[row];
    const before = prev[row];
    if (before !== 0) next[before - 1] = after;
    else sets[list] = after;
    if (after !== 0) prev[after - 1] = before;
    else sets[list + 1] = before;
    sets[set + PCP.COUNT] -= 1 << order;
    this.state[row] = UNTOUCHED;
    return type;
  }

  /** CPU whose list a block is on. */
  cpuOfBlock(row: number): number {
    return (this.tag[row] >>> TAG_CPU) - 1;
  }

  /** First row of a list, -1 when empty. */
  first(zone: number, cpu: number, pindex: number): number {
    return this.sets[this.set(zone, cpu) + PCP_LISTS + 2 * pindex] - 1;
  }

  /** Last row of a list, -1 when empty. */
  last(zone: number, cpu: number, pindex: number): number {
    return this.sets[this.set(zone, cpu) + PCP_LISTS + 2 * pindex + 1] - 1;
  }

  /** Row after a listed block, -1 at the end. */
  after(row: number): number {
    return this.next[row] - 1;
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
        for (let field = 0; field < PCP_LISTS; field++) hasher.word(this.sets[this.set(zone, cpu) + field]);
        for (let pindex = 0; pindex < NR_PCP_LISTS; pindex++) {
          for (let row = this.first(zone, cpu, pindex); row >= 0; row = this.after(row)) {
            hasher.word(pindex).integer(pages.rowToPfn(row));
          }
        }
      }
    }
  }
}
