/**
 * HOT. Blocks in somebody's hands, by their first page: columns of slots and a hash over pfns, so that a sparse machine costs what
 * is in use and not what it spans.
 *
 * Blocks never overlap: one that is handed out takes the place of whatever still seems to lie there, and of a block of which a part
 * is given back the rest stays, in the largest aligned pieces, as the kernel splits it.
 */

/** Pages in a region; regions without blocks need no look. */
const REGION = 1024;
const EMPTY = -1;

/** Whole numbers from 0 to 2^53 to slots from 0. */
class NumberTable {
  size = 0;
  private keys = new Float64Array(1024).fill(EMPTY);
  private values = new Int32Array(1024);
  private mask = 1023;

  /** -1 when it is not there. */
  get(key: number): number {
    const { keys, mask } = this;
    for (let at = this.home(key); ; at = (at + 1) & mask) {
      if (keys[at] === key) return this.values[at];
      if (keys[at] === EMPTY) return -1;
    }
  }

  set(key: number, value: number): void {
    const { keys, mask } = this;
    let at = this.home(key);
    while (keys[at] !== EMPTY && keys[at] !== key) at = (at + 1) & mask;
    this.values[at] = value;
    if (keys[at] === key) return;
    keys[at] = key;
    if (++this.size * 2 > keys.length) this.grow();
  }

  delete(key: number): void {
    const { keys, values, mask } = this;
    let hole = this.home(key);
    while (keys[hole] !== key) {
      if (keys[hole] === EMPTY) return;
      hole = (hole + 1) & mask;
    }
    this.size--;
    // What was pushed on by the key moves up, so that no search ends early.
    for (let at = (hole + 1) & mask; keys[at] !== EMPTY; at = (at + 1) & mask) {
      if (((at - this.home(keys[at])) & mask) < ((at - hole) & mask)) continue;
      keys[hole] = keys[at];
      values[hole] = values[at];
      hole = at;
    }
    keys[hole] = EMPTY;
  }

  private home(key: number): number {
    const high = Math.floor(key / 4294967296);
    const hash = Math.imul(key | 0, 0x9e3779b1 | 0) ^ Math.imul(high, 0x85ebca6b | 0);
    return (hash ^ (hash >>> 15)) & this.mask;
  }

  private grow(): void {
    const { keys, values } = this;
    this.keys = new Float64Array(4 * keys.length).fill(EMPTY);
    this.values = new Int32Array(4 * keys.length);
    this.mask = this.keys.length - 1;
    this.size = 0;
    for (let i = 0; i < keys.length; i++) if (keys[i] !== EMPTY) this.set(keys[i], values[i]);
  }
}

export class OwnedBlocks {
  /** Slots in use, those of freed blocks among them. */
  slots = 0;
  pfn = new Float64Array(1024);
  order = new Uint8Array(1024);
  comm = new Int32Array(1024);
  pid = new Int32Array(1024);
  gfp = new Int32Array(1024);
  stack = new Int32Array(1024);
  /** ns on the trace clock; NaN for unknown. */
  since = new Float64Array(1024);
  /** Row of the event that tells; -1 for a dump. */
  event = new Int32Array(1024);
  private readonly heads = new NumberTable();
  /** Blocks by region of their first page. */
  private readonly regions = new NumberTable();
  private readonly unused: number[] = [];
  private mostOrder = 0;

  /** Blocks in hand. */
  get size(): number {
    return this.heads.size;
  }

  /** Slot of the block that begins there; -1 for none. */
  at(pfn: number): number {
    return this.heads.get(pfn);
  }

  /** Slot of the block that covers a page; -1 for none. */
  covering(pfn: number): number {
    for (let order = 0; order <= this.mostOrder; order++) {
      const head = pfn - (pfn % 2 ** order);
      if (order > 0 && head === pfn - (pfn % 2 ** (order - 1))) continue;
      const slot = this.heads.get(head);
      if (slot >= 0) return this.order[slot] >= order && pfn < head + 2 ** this.order[slot] ? slot : -1;
    }
    return -1;
  }

  /** A block in new hands; the slot's other columns are the caller's to fill. */
  take(pfn: number, order: number): number {
    if (this.heads.size > 0) this.clear(pfn, order);
    return this.insert(pfn, order);
  }

  /** Pages given back; false when nobody had any of them. */
  free(pfn: number, order: number): boolean {
    const slot = this.heads.get(pfn);
    if (slot >= 0 && this.order[slot] === order) {
      this.remove(slot);
      return true;
    }
    return this.clear(pfn, order);
  }

  /** Slots ascending by pfn. */
  sorted(): Int32Array {
    const { pfn, heads } = this;
    const slots = new Int32Array(heads.size);
    let length = 0;
    for (let slot = 0; slot < this.slots; slot++) if (pfn[slot] >= 0) slots[length++] = slot;
    return slots.sort((a, b) => pfn[a] - pfn[b]);
  }

  private clear(pfn: number, order: number): boolean {
    const end = pfn + 2 ** order;
    let any = false;
    const cover = this.covering(pfn);
    if (cover >= 0) {
      any = true;
      const head = this.pfn[cover];
      const whole = head + 2 ** this.order[cover];
      this.remove(cover);
      this.keep(cover, head, pfn);
      this.keep(cover, end, whole);
      if (whole >= end) return true;
    }
    for (let region = Math.floor(pfn / REGION); region * REGION < end; region++) {
      const last = Math.min(end, (region + 1) * REGION);
      for (let at = Math.max(pfn, region * REGION); at < last && this.regions.get(region) > 0; at++) {
        const slot = this.heads.get(at);
        if (slot < 0) continue;
        any = true;
        const whole = at + 2 ** this.order[slot];
        this.remove(slot);
        this.keep(slot, end, whole);
        if (whole >= end) return true;
      }
    }
    return any;
  }

  /** What is left of a block that was taken apart: pages [from, to) with the owner of slot `like`. */
  private keep(like: number, from: number, to: number): void {
    const { comm, pid, gfp, stack, since, event } = this;
    const owner = [comm[like], pid[like], gfp[like], stack[like], since[like], event[like]] as const;
    for (let at = from; at < to;) {
      let order = 0;
      while (at % 2 ** (order + 1) === 0 && at + 2 ** (order + 1) <= to) order++;
      const slot = this.insert(at, order);
      [this.comm[slot], this.pid[slot], this.gfp[slot], this.stack[slot], this.since[slot], this.event[slot]] = owner;
      at += 2 ** order;
    }
  }

  private insert(pfn: number, order: number): number {
    const slot = this.unused.pop() ?? this.newSlot();
    this.pfn[slot] = pfn;
    this.order[slot] = order;
    if (order > this.mostOrder) this.mostOrder = order;
    this.heads.set(pfn, slot);
    const region = Math.floor(pfn / REGION);
    this.regions.set(region, Math.max(0, this.regions.get(region)) + 1);
    return slot;
  }

  private remove(slot: number): void {
    const pfn = this.pfn[slot];
    this.heads.delete(pfn);
    this.pfn[slot] = -1;
    this.unused.push(slot);
    const region = Math.floor(pfn / REGION);
    const left = this.regions.get(region) - 1;
    if (left > 0) this.regions.set(region, left);
    else this.regions.delete(region);
  }

  private newSlot(): number {
    if (this.slots === this.pfn.length) {
      const length = 2 * this.slots;
      const grown = <T extends { set(from: T): void }>(from: T, to: T): T => {
        to.set(from);
        return to;
      };
      this.pfn = grown(this.pfn, new Float64Array(length));
      this.order = grown(this.order, new Uint8Array(length));
      this.comm = grown(this.comm, new Int32Array(length));
      this.pid = grown(this.pid, new Int32Array(length));
      this.gfp = grown(this.gfp, new Int32Array(length));
      this.stack = grown(this.stack, new Int32Array(length));
      this.since = grown(this.since, new Float64Array(length));
      this.event = grown(this.event, new Int32Array(length));
    }
    return this.slots++;
  }
}
