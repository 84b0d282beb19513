/**
 * Free pages that a run isolated and that wait for a source. Their order says which source goes where, and in which order
 * the rest is given back.
 *
 * 6.1 breaks blocks into pages at once and uses the page found last first. 6.12 keeps blocks by order and splits the first
 * one of the smallest order that serves.
 *
 * Models: mm/compaction.c split_map_pages(), compaction_alloc(), compaction_free(), release_freepages() (6.1),
 * release_free_list() (6.12).
 */
export class TargetPool {
  private readonly keepsBlocks: boolean;
  /** By order, heads of blocks, first to last (6.12); in 6.1 only order 0, used from the end. */
  private readonly blocks: number[][];

  constructor(keepsBlocks: boolean, maxOrder: number) {
    this.keepsBlocks = keepsBlocks;
    this.blocks = Array.from({ length: maxOrder + 1 }, () => []);
  }

  /** An isolated block. */
  add(row: number, order: number): void {
    if (this.keepsBlocks) {
      this.blocks[order].push(row);
      return;
    }
    const pages = this.blocks[0];
    for (let at = row; at < row + (1 << order); at++) pages.push(at);
  }

  /** The target of the next source of an order; −1: there is none. */
  take(order: number): number {
    const { blocks } = this;
    if (!this.keepsBlocks) return order === 0 ? (blocks[0].pop() ?? -1) : -1;
    let have = order;
    while (have < blocks.length && blocks[have].length === 0) have++;
    if (have === blocks.length) return -1;
    const row = blocks[have].shift()!;
    while (have > order) {
      have--;
      blocks[have].unshift(row + (1 << have));
    }
    return row;
  }

  /** A target that its source did not move to. */
  giveBack(row: number, order: number): void {
    if (this.keepsBlocks) this.blocks[order].unshift(row);
    else this.blocks[0].push(row);
  }

  /** Takes a page out, wherever it is; false when it is not here. Cold. */
  remove(row: number): boolean {
    for (let order = 0; order < this.blocks.length; order++) {
      const list = this.blocks[order];
      const at = list.findIndex((head) => row >= head && row < head + (1 << order));
      if (at < 0) continue;
      const head = list[at];
      list.splice(at, 1);
      // The rest of its block stays, in pieces.
      for (let block = head, have = order - 1; have >= 0; have--) {
        const upper = block + (1 << have);
        if (row >= upper) {
          this.blocks[have].unshift(block);
          block = upper;
        } else this.blocks[have].unshift(upper);
      }
      return true;
    }
    return false;
  }

  /** Gives up what is left, in the kernel's order. */
  release(each: (row: number, order: number) => void): void {
    this.blocks.forEach((list, order) => {
      if (!this.keepsBlocks) list.reverse();
      for (const row of list.splice(0)) each(row, order);
    });
  }

  get pages(): number {
    return this.blocks.reduce((sum, list, order) => sum + (list.length << order), 0);
  }
}
