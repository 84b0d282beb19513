/**
 * Big-block mode's books: the state of each big block, the unit that is added and removed as one.
 *
 * Models: drivers/virtio/virtio_mem.c enum virtio_mem_bbm_bb_state, struct virtio_mem.bbm, 6.12.
 */
export const BB = {
  /** Not plugged, not added. */
  UNUSED: 0,
  /** Plugged, not added: what came after failed. */
  PLUGGED: 1,
  ADDED: 2,
  /** Being emptied: sections that come online meanwhile are kept back. */
  FAKE_OFFLINE: 3,
} as const;
export const BB_STATES = 4;
export const BB_NAMES: readonly string[] = Object.keys(BB);

export class BigBlocks {
  /** Bytes of a big block. */
  readonly size: number;
  readonly firstId: number;
  nextId: number;
  lastUsableId: number;
  private readonly counts = new Array<number>(BB_STATES).fill(0);
  private readonly states: number[] = [];

  constructor(size: number, firstId: number) {
    this.size = size;
    this.firstId = firstId;
    this.nextId = firstId;
    this.lastUsableId = firstId - 1;
  }

  count(state: number): number {
    return this.counts[state];
  }

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
    this.counts[this.states[id - this.firstId]]--;
    this.counts[state]++;
    this.states[id - this.firstId] = state;
  }

  /** Prepares the next big block, UNUSED; returns its id. */
  prepareNext(): number {
    this.states.push(BB.UNUSED);
    this.counts[BB.UNUSED]++;
    return this.nextId++;
  }
}
