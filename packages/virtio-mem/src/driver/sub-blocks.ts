/**
 * Sub-block mode's books: the state of each memory block and which of its sub-blocks are plugged.
 *
 * Blocks are numbered as memory blocks are (physical address / size); state is kept from the first one on, one byte a
 * block, one byte a sub-block, grown as blocks are prepared.
 *
 * Models: drivers/virtio/virtio_mem.c enum virtio_mem_sbm_mb_state, struct virtio_mem.sbm, 6.12.
 */
/** States of a memory block; X_PARTIAL is X + 1. */
export const MB = {
  /** Nothing plugged, not added. */
  UNUSED: 0,
  /** (Partly) plugged, but not added: adding it failed, and so did unplugging it. */
  PLUGGED: 1,
  OFFLINE: 2,
  OFFLINE_PARTIAL: 3,
  KERNEL: 4,
  KERNEL_PARTIAL: 5,
  MOVABLE: 6,
  MOVABLE_PARTIAL: 7,
} as const;
export const MB_STATES = 8;
export const MB_NAMES: readonly string[] = Object.keys(MB);

export class SubBlocks {
  /** Bytes of a sub-block. */
  readonly size: number;
  /** Sub-blocks of a memory block. */
  readonly perBlock: number;
  readonly firstId: number;
  nextId: number;
  lastUsableId: number;
  /** Wholly unplugged blocks could not be removed yet. */
  haveUnplugged = false;
  /** Sub-blocks at each block's start that hold its own memmap; 0 in 6.12. */
  readonly selfHosted: number;
  private readonly counts = new Array<number>(MB_STATES).fill(0);
  private states: Uint8Array = new Uint8Array(64);
  private bits: Uint8Array;

  constructor(size: number, perBlock: number, firstId: number, selfHosted = 0) {
    this.size = size;
    this.perBlock = perBlock;
    this.firstId = firstId;
    this.nextId = firstId;
    this.lastUsableId = firstId - 1;
    this.selfHosted = selfHosted;
    this.bits = new Uint8Array(64 * perBlock);
  }

  count(state: number): number {
    return this.counts[state];
  }

  /** Blocks by state, in the order of MB. */
  histogram(): readonly number[] {
    return this.counts;
  }

  has(id: number): boolean {
    return id >= this.firstId && id < this.nextId;
  }

  state(id: number): number {
    return this.states[id - this.firstId];
  }

  setState(id: number, state: number): void {
    const at = id - this.firstId;
    this.counts[this.states[at]]--;
    this.counts[state]++;
    this.states[at] = state;
  }

  /** Prepares the next block, UNUSED; returns its id. */
  prepareNext(): number {
    const at = this.nextId - this.firstId;
    if (at >= this.states.length) {
      this.states = grown(this.states);
      this.bits = grown(this.bits);
    }
    this.counts[MB.UNUSED]++;
    return this.nextId++;
  }

  /** True when `count` sub-blocks from `sb` on are all plugged. */
  allPlugged(id: number, sb: number, count: number): boolean {
    return this.all(id, sb, count, 1);
  }

  allUnplugged(id: number, sb: number, count: number): boolean {
    return this.all(id, sb, count, 0);
  }

  setPlugged(id: number, sb: number, count: number): void {
    const at = (id - this.firstId) * this.perBlock + sb;
    this.bits.fill(1, at, at + count);
  }

  setUnplugged(id: number, sb: number, count: number): void {
    const at = (id - this.firstId) * this.perBlock + sb;
    this.bits.fill(0, at, at + count);
  }

  /** First sub-block that is not plugged; `perBlock` when there is none. */
  firstUnplugged(id: number): number {
    let sb = 0;
    while (sb < this.perBlock && this.allPlugged(id, sb, 1)) sb++;
    return sb;
  }

  pluggedCount(id: number): number {
    const at = (id - this.firstId) * this.perBlock;
    let count = 0;
    for (let i = at; i < at + this.perBlock; i++) count += this.bits[i];
    return count;
  }

  /** The bitmap of a block as text, lowest sub-block first: `1` plugged, `0` not. */
  bitmap(id: number): string {
    const at = (id - this.firstId) * this.perBlock;
    return this.bits.subarray(at, at + this.perBlock).join('');
  }

  private all(id: number, sb: number, count: number, value: number): boolean {
    const at = (id - this.firstId) * this.perBlock + sb;
    for (let i = at; i < at + count; i++) if (this.bits[i] !== value) return false;
    return true;
  }
}

function grown(old: Uint8Array): Uint8Array {
  const larger = new Uint8Array(2 * old.length);
  larger.set(old);
  return larger;
}
