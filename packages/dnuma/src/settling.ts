/**
 * What moved pages leave to be done: marks and spans of zones, one rebuild of the zonelists when a zone came or went, links
 * of memory blocks, lists of caches. At once at the end of a commit and when a zone got its first pages; otherwise within
 * WORK_DELAY of the first free that moved something.
 */
import type { MemLayout } from './layout.ts';
import { eachDifference } from './layout.ts';
import type { ZoneBooks } from './accounting.ts';
import { refreshBlock } from './block-links.ts';
import type { LookupMarks } from './marks.ts';
import type { DnumaCounts, DnumaParts } from './parts.ts';
import type { Uevents } from './uevents.ts';

/** How long settling after frees may wait, ns. Assumed: as long as a CPU keeps its counters to itself (vm.stat_interval). */
export const WORK_DELAY = 1e9;
/** Changed memory blocks that one commit tells user space of, one by one. */
const BLOCKS_TOLD = 64;

export interface SettlingParts {
  readonly parts: DnumaParts;
  readonly books: ZoneBooks;
  readonly marks: LookupMarks;
  readonly counts: DnumaCounts;
  readonly uevents: Uevents;
  readonly current: () => MemLayout;
  /** Who looks after zones: caches, nodes. */
  readonly follow: () => void;
}

export class Settling {
  /** True while a commit is under way: it settles when it is done. */
  held = false;
  private readonly own: SettlingParts;
  private work: Disposable | undefined;
  private workAt = Infinity;

  constructor(own: SettlingParts) {
    this.own = own;
  }

  /** A block came to a zone: from a free list (`pages`), or by a free (0). */
  moved(zone: number, pages: number): void {
    const { books } = this.own;
    const { clock, settings, machine } = this.own.parts;
    // Each struct page is written: its node, its list.
    if (pages > 0) clock.charge('structPageInit', pages);
    if (settings.strategy === 'original' && pages > 0) this.rebuildOriginal();
    if (this.held) return;
    const first = machine.zones.all[zone].presentPages > 0 && books.isNew(zone);
    const at = clock.now + (first ? 0 : WORK_DELAY);
    if (at >= this.workAt) return;
    this.work?.[Symbol.dispose]();
    this.workAt = at;
    this.work = clock.at(at, () => this.afterwards());
  }

  /** Everything, now. `rebuild`: zonelists too, whatever moved. */
  settle(rebuild = false): void {
    this.dispose();
    this.workAt = Infinity;
    this.own.books.settle();
    if (rebuild || this.own.books.stale) this.rebuild();
    this.own.follow();
  }

  /** Everything, outside a commit. */
  afterwards(): void {
    this.settle();
    this.openBlocks();
  }

  /** Links of the blocks in which two layouts differ. */
  blocksBetween(from: MemLayout, to: MemLayout): void {
    const { marks, uevents } = this.own;
    const { machine, clock } = this.own.parts;
    const per = machine.blocks.blockPages;
    const endOfMemory = machine.memory.at(-1)!.end;
    let last = -1;
    let changed = 0;
    eachDifference(from, to, (start, end) => {
      const stop = Math.min(end, endOfMemory);
      for (let id = Math.max(last + 1, Math.floor(start / per)); id * per < stop; id++) {
        if (refreshBlock(machine, to, marks, id) && ++changed <= BLOCKS_TOLD)
          uevents.say('change', `/devices/system/memory/memory${id}`, {});
        last = id;
      }
    });
    clock.charge('memoryBlockDevice', changed);
  }

  dispose(): void {
    this.work?.[Symbol.dispose]();
    this.work = undefined;
  }

  /** Blocks without a zone of their own: pages that waited in them may have moved. */
  private openBlocks(): void {
    const { machine } = this.own.parts;
    for (const id of machine.blocks.ids()) {
      if (machine.blocks.get(id)!.zone === undefined) refreshBlock(machine, this.own.current(), this.own.marks, id);
    }
  }

  /** What the letter's patches do after each block, under the lock that it was moved under. */
  private rebuildOriginal(): void {
    const { counts } = this.own;
    const { context, clock } = this.own.parts;
    using _lock = context.lock('dnuma', 'zone->lock', 'spin');
    context.writeFlag('dnuma', 'page->flags', "the page's owner");
    context.mightSleep('dnuma', 'stop_machine()');
    clock.charge('zonelistRebuildStopped');
    counts.zonelistRebuilds++;
    counts.stopMachines++;
  }

  private rebuild(): void {
    const { counts, books } = this.own;
    const { sizing, clock, machine, context, allocator } = this.own.parts;
    context.mightSleep('dnuma', 'stop_machine()');
    sizing.rebuildZonelists();
    allocator.refresh();
    clock.charge('stopMachine', Math.max(1, Math.log2(machine.description.cpus)));
    books.noteListed();
    counts.zonelistRebuilds++;
    counts.stopMachines++;
  }
}
