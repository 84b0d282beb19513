/**
 * HOT. Per-CPU page lists: for each zone and CPU one set of lists, three migratetypes by orders 0–3 and two lists for
 * PMD-sized blocks. A block is pushed to and popped from the head; refills append to the tail, drains take the tail.
 *
 * Links share the free lists' row columns (a block is on one list at a time), row + 1, 0 for the end. `buddy.cpu` holds
 * the CPU + 1 of a listed head, `buddy.listType` its migratetype.
 *
 * Models: struct per_cpu_pages, order_to_pindex(), free_pcppages_bulk(), mm/page_alloc.c, 6.1 and 6.12.
 */
import { MIGRATE, MIGRATE_PCPTYPES, PAGE_STATE, type Machine } from '@replug/core';
import { COSTLY_ORDER, PCP, PCP_FIELDS } from './pcp-policy.ts';

const { PCP: ON_PCP, UNTOUCHED } = PAGE_STATE;
const LOW_LISTS = MIGRATE_PCPTYPES * (COSTLY_ORDER + 1);
/** Lists of a set: 12 for orders 0–3, 2 for PMD-sized blocks. */
export const NR_PCP_LISTS = LOW_LISTS + 2;

export class PcpLists {
  readonly cpus: number;
  readonly thpOrder: number;
  /** PCP_FIELDS numbers a set; a set's offset is set(zone, cpu). */
  readonly sets: Int32Array;
  /** First and last row + 1 of every list, 0 when empty. The allocator's fast paths work on them. */
  readonly heads: Int32Array;
  readonly tails: Int32Array;
  private readonly next: Int32Array;
  private readonly prev: Int32Array;
  private readonly state: Uint8Array;
  private readonly listType: Uint8Array;
  private readonly cpuOf: Uint16Array;

  constructor(machine: Machine) {
    const { pages, zones, description } = machine;
    this.cpus = description.cpus;
    this.thpOrder = description.khugepaged || description.arch.numa ? description.arch.thpOrder : -1;
    const sets = zones.all.length * this.cpus;
    this.sets = new Int32Array(new SharedArrayBuffer(sets * PCP_FIELDS * 4));
    this.heads = new Int32Array(new SharedArrayBuffer(sets * NR_PCP_LISTS * 4));
    this.tails = new Int32Array(new SharedArrayBuffer(sets * NR_PCP_LISTS * 4));
    this.next = pages.extra('buddy.next', Int32Array);
    this.prev = pages.extra('buddy.prev', Int32Array);
    this.listType = pages.extra('buddy.listType', Uint8Array);
    this.cpuOf = pages.extra('buddy.cpu', Uint16Array);
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
    return this.heads[(zone * this.cpus + cpu) * NR_PCP_LISTS + pindex] === 0;
  }

  /** Puts a block at a list's head (freed) and counts it. */
  pushHead(row: number, zone: number, cpu: number, order: number, type: number): void {
    const { heads, next, prev } = this;
    const at = zone * this.cpus + cpu;
    const list = at * NR_PCP_LISTS + this.pindex(order, type);
    const head = heads[list];
    next[row] = head;
    prev[row] = 0;
    heads[list] = row + 1;
    if (head !== 0) prev[head - 1] = row + 1;
    else this.tails[list] = row + 1;
    this.state[row] = ON_PCP | order;
    this.listType[row] = type;
    this.cpuOf[row] = cpu + 1;
    this.sets[at * PCP_FIELDS + PCP.COUNT] += 1 << order;
  }

  /** Puts a block at a list's tail (refill) and counts it. */
  pushTail(row: number, zone: number, cpu: number, order: number, type: number): void {
    const { tails, next, prev } = this;
    const at = zone * this.cpus + cpu;
    const list = at * NR_PCP_LISTS + this.pindex(order, type);
    const tail = tails[list];
    prev[row] = tail;
    next[row] = 0;
    tails[list] = row + 1;
    if (tail !== 0) next[tail - 1] = row + 1;
    else this.heads[list] = row + 1;
    this.state[row] = ON_PCP | order;
    this.listType[row] = type;
    this.cpuOf[row] = cpu + 1;
    this.sets[at * PCP_FIELDS + PCP.COUNT] += 1 << order;
  }

  /** Takes the first block of a list; the list must not be empty. Its state is the caller's to set. */
  popHead(zone: number, cpu: number, order: number, type: number): number {
    const { heads, next } = this;
    const at = zone * this.cpus + cpu;
    const list = at * NR_PCP_LISTS + this.pindex(order, type);
    const row = heads[list] - 1;
    const after = next[row];
    heads[list] = after;
    if (after !== 0) this.prev[after - 1] = 0;
    else this.tails[list] = 0;
    this.sets[at * PCP_FIELDS + PCP.COUNT] -= 1 << order;
    return row;
  }

  /** Takes a listed block out from wherever it is; its head becomes untouched. Returns the list's migratetype. */
  unlink(row: number, zone: number): number {
    const { heads, tails, next, prev } = this;
    const order = this.state[row] & 0x0f;
    const type = this.listType[row];
    const at = zone * this.cpus + this.cpuOf[row] - 1;
    const list = at * NR_PCP_LISTS + this.pindex(order, type);
    const after = next[row];
    const before = prev[row];
    if (before !== 0) next[before - 1] = after;
    else heads[list] = after;
    if (after !== 0) prev[after - 1] = before;
    else tails[list] = before;
    this.sets[at * PCP_FIELDS + PCP.COUNT] -= 1 << order;
    this.state[row] = UNTOUCHED;
    return type;
  }

  /** CPU whose list a block is on. */
  cpuOfBlock(row: number): number {
    return this.cpuOf[row] - 1;
  }

  /** First row of a list, -1 when empty. */
  first(zone: number, cpu: number, pindex: number): number {
    return this.heads[(zone * this.cpus + cpu) * NR_PCP_LISTS + pindex] - 1;
  }

  /** Last row of a list, -1 when empty. */
  last(zone: number, cpu: number, pindex: number): number {
    return this.tails[(zone * this.cpus + cpu) * NR_PCP_LISTS + pindex] - 1;
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
}
