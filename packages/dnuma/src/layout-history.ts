/** Layouts that were in force, the one in force last; a bounded number of them is kept, so that a change can be taken back. */
import type { Nid, Pfn } from '@replug/core';
import type { MemLayout } from './layout.ts';

/** A layout that was, or is, in force. */
export interface KeptLayout {
  readonly seq: number;
  readonly layout: MemLayout;
  /** Virtual ns of its commit. */
  readonly at: number;
}

export class LayoutHistory {
  /** Number of the layout in force; 0: the machine's own. */
  seq = 0;
  private readonly kept: KeptLayout[] = [];
  private readonly backlog: number;
  private readonly first: () => MemLayout;

  /** `first` makes the machine's own layout, when somebody asks; `backlog` layouts are kept beside the one in force. */
  constructor(first: () => MemLayout, backlog: number) {
    this.first = first;
    this.backlog = backlog;
  }

  /** Oldest first, the one in force last. */
  get all(): readonly KeptLayout[] {
    if (this.kept.length === 0) this.kept.push({ seq: 0, layout: this.first(), at: 0 });
    return this.kept;
  }

  get current(): MemLayout {
    return this.all.at(-1)!.layout;
  }

  push(layout: MemLayout, at: number): void {
    void this.all;
    this.kept.push({ seq: ++this.seq, layout, at });
    while (this.kept.length > this.backlog + 1) this.kept.shift();
  }

  /** Memory came: the layout in force says where it is from now on. */
  amend(start: Pfn, end: Pfn, nid: Nid): void {
    const { current } = this;
    const last = this.kept.pop()!;
    this.kept.push({ ...last, layout: current.with(start, end, nid) });
  }

  /** When the node that a pfn has was first committed, as far as layouts are kept. */
  knownSince(pfn: Pfn): number {
    const { all } = this;
    let at = all.length - 1;
    const nid = all[at].layout.nidOf(pfn);
    while (at > 0 && all[at - 1].seq > 0 && all[at - 1].layout.nidOf(pfn) === nid) at--;
    return all[at].at;
  }
}
