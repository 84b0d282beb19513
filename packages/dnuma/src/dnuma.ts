/**
 * The memory layout of a running machine, and its change. A commit asks everybody whose node comes or goes, publishes the
 * layout, marks what has to move, moves what is free, and ends with one rebuild of the zonelists behind one rendezvous of all
 * CPUs, whatever its size. What is allocated moves when it is freed, or when somebody migrates it.
 *
 * What frees change later (marks of zones, spans, zonelists of a zone that filled, block links) is made right by deferred
 * work: at once when a zone got its first pages, else within WORK_DELAY.
 *
 * Models: the letter's mm/memlayout.c memlayout_commit(), mm/dnuma.c; its open points and known bugs are done as
 * docs/dnuma.md tells.
 */
import { NotifierChain, PAGE_CLASS_NAMES, PAGE_STATE, token, type Nid, type Row } from '@replug/core';
import { ZoneBooks } from './accounting.ts';
import { refreshBlock } from './block-links.ts';
import { commitInside, commitVetoed, emptyLayout, noSuchLayout, nothingCommitted } from './errors.ts';
import type { FirmwareEvent } from './firmware.ts';
import { checkNids } from './fits.ts';
import { eachDifference, layoutOf, type LayoutRange, type MemLayout } from './layout.ts';
import { LayoutLookup } from './lookup.ts';
import { LookupMarks } from './marks.ts';
import { MemoryWalk } from './memory-walk.ts';
import { NodeStates } from './nodes.ts';
import { newCounts, type DnumaParts } from './parts.ts';
import { SlabModel } from './slab.ts';
import { changeTopology, checkTopology, type CpuMove, type DistanceChange } from './topology.ts';
import { Transplant } from './transplant.ts';
import { Uevents } from './uevents.ts';

/** How long settling after frees may wait, ns. Assumed: as long as a CPU keeps its counters to itself (vm.stat_interval). */
export const WORK_DELAY = 1e9;
/** Ranges that are moved under one hold of the zone lock. Assumed. */
const BATCH = 1024;

/** Actions of the chain for kernel users of node-local memory. */
export const LAYOUT = { CHANGING: 'LAYOUT_CHANGING', CHANGED: 'LAYOUT_CHANGED', CANCEL: 'LAYOUT_CANCEL' } as const;
export type LayoutAction = (typeof LAYOUT)[keyof typeof LAYOUT];
export interface LayoutNotify {
  /** Number of the layout that comes, or has come. */
  readonly seq: number;
  readonly layout: MemLayout;
}

/** A layout that was, or is, in force. */
export interface KeptLayout {
  readonly seq: number;
  readonly layout: MemLayout;
  /** Virtual ns of its commit. */
  readonly at: number;
}

export interface CommitOptions {
  /** Mark everything now and move free pages by `step()`; default: all at once. */
  readonly deferred?: boolean;
  readonly cpus?: readonly CpuMove[];
  readonly distances?: readonly DistanceChange[];
}

/** Pages that wait for their node, by class, and by how long their destination has been known (ns, ascending). */
export interface Waiting {
  readonly pages: number;
  readonly classes: Readonly<Record<string, number>>;
  readonly ages: readonly { readonly ns: number; readonly pages: number }[];
}

export class Dnuma {
  readonly counts = newCounts();
  readonly marks: LookupMarks;
  readonly lookup: LayoutLookup;
  readonly transplant: Transplant;
  readonly books: ZoneBooks;
  readonly slab: SlabModel;
  readonly uevents: Uevents;
  /** For kernel users that want their memory on a node; may veto CHANGING. */
  readonly layoutNotifiers = new NotifierChain<LayoutNotify, LayoutAction>('memory layout');
  private readonly parts: DnumaParts;
  private readonly nodes: NodeStates;
  private kept: KeptLayout[] = [];
  private seq = 0;
  private committing = false;
  private queue: LayoutRange[] = [];
  private queued = 0;
  private work: Disposable | undefined;
  private workAt = Infinity;
  private readonly dirtyBlocks = new Set<number>();

  constructor(parts: DnumaParts) {
    const { machine, sizing, lists, settings } = parts;
    this.parts = parts;
    this.marks = new LookupMarks(machine.pages, () => this.transplant.changed());
    this.lookup = new LayoutLookup(machine.description.cpus);
    this.books = new ZoneBooks(machine, sizing, this.counts);
    this.nodes = new NodeStates(parts);
    this.uevents = new Uevents(() => parts.clock.now);
    this.transplant = new Transplant({
      machine,
      lists,
      marks: this.marks,
      lookup: this.lookup,
      books: this.books,
      counts: this.counts,
      toSinglePages: settings.strategy === 'original',
      always: settings.lookupAlways,
      moved: (zone, pages) => this.moved(zone, pages),
    });
    this.slab = new SlabModel(parts, (row) => this.nidOfRow(row));
  }

  /** The layout in force; before the first commit the machine's own. */
  get current(): MemLayout {
    if (this.kept.length === 0) {
      const { memory } = this.parts.machine;
      if (memory.length === 0) throw emptyLayout();
      this.kept.push({ seq: 0, layout: layoutOf(memory), at: 0 });
    }
    return this.kept.at(-1)!.layout;
  }

  get committed(): boolean {
    return this.seq > 0;
  }

  /** Layouts that are kept, oldest first, the one in force last. */
  get layouts(): readonly KeptLayout[] {
    void this.current;
    return this.kept;
  }

  /** Pfn behind the last page of memory. */
  get endOfMemory(): number {
    return this.parts.machine.memory.at(-1)!.end;
  }

  /** Puts a layout in force. Throws RP2301–RP2304, RP2306 (a veto; nothing changed), RP2307. */
  commit(layout: MemLayout, options: CommitOptions = {}): void {
    const { machine, context, clock, allocator, log, settings } = this.parts;
    const { cpus = [], distances = [] } = options;
    if (this.committing) throw commitInside();
    checkNids(machine, layout);
    checkTopology(machine, cpus, distances);
    this.step();
    const from = this.current;
    this.committing = true;
    try {
      using _hotplug = context.lock('dnuma', 'mem_hotplug_lock', 'mutex');
      const walk = new MemoryWalk(machine);
      const finish = settings.strategy === 'original' ? this.onlineOriginal(layout) : this.ask(layout, walk);
      this.nodes.online(layout.nodes().filter((nid) => this.hasMemory(layout, nid, walk)));
      {
        using _layout = context.lock('dnuma', 'memlayout_lock', 'mutex');
        changeTopology(machine, cpus, distances);
        this.books.noteListed();
        this.publish(layout);
        this.mark(from, layout, walk);
        allocator.drainAllPages(-1);
        clock.charge('pcpDrain', machine.description.cpus);
        if (options.deferred === true) this.enqueue(from, layout);
        else this.moveAll(from, layout, walk);
      }
      this.counts.commits++;
      this.counts.deviceRanges += walk.deviceBlocks;
      this.settle(true, () => this.refreshBlocks(from, layout));
      finish();
      this.layoutNotifiers.call(LAYOUT.CHANGED, { seq: this.seq, layout });
      this.uevents.say('change', '/devices/system/node', {
        LAYOUT: String(this.seq),
        WAITING: String(this.marks.count),
      });
      log.info(`dnuma: layout ${this.seq}: ${layout.length} ranges, ${this.marks.count} pages wait`);
    } finally {
      this.committing = false;
    }
  }

  /** Goes back to the layout before the one in force. Throws RP2315. */
  undo(): void {
    const previous = this.kept.at(-2);
    if (previous === undefined) throw nothingCommitted();
    this.commit(previous.layout);
  }

  /** Puts a kept layout in force again. Throws RP2308. */
  restore(seq: number): void {
    const found = this.layouts.find((one) => one.seq === seq);
    if (found === undefined)
      throw noSuchLayout(
        seq,
        this.layouts.map((one) => one.seq),
      );
    this.commit(found.layout);
  }

  /** What a firmware tells: ranges of the layout in force get other nodes, CPUs and distances with them, in one commit. */
  apply({ ranges, cpus, distances }: FirmwareEvent): void {
    let layout = this.current;
    for (const { start, end, nid } of ranges) layout = layout.with(start, end, nid);
    this.commit(layout, { cpus, distances });
  }

  /** Ranges of a deferred commit whose free pages have not moved yet. */
  get queuedRanges(): number {
    return this.queue.length - this.queued;
  }

  /** Moves free pages of a deferred commit, `ranges` ranges of it. */
  step(ranges = Infinity): void {
    if (this.queuedRanges === 0) return;
    const walk = new MemoryWalk(this.parts.machine);
    const stop = Math.min(this.queue.length, this.queued + ranges);
    for (; this.queued < stop; this.queued++) this.moveRange(this.queue[this.queued], walk);
    if (this.queuedRanges === 0) {
      this.queue = [];
      this.queued = 0;
    }
    this.settle(false);
  }

  /**
   * Allocates on a node, or on the one nearest to it: what of the node's memory is still on another node's lists is fetched
   * first, as much as the request needs.
   */
  alloc(gfp: number, order: number, cpu: number, nid: Nid): Row {
    const { allocator, machine } = this.parts;
    let row = allocator.alloc(gfp | THISNODE, order, cpu, nid);
    if (row >= 0) return row;
    const walk = new MemoryWalk(machine);
    for (let i = this.queued; i < this.queue.length && row < 0; i++) {
      if (this.queue[i].nid !== nid) continue;
      const before = this.counts.transplantFromFreelist;
      this.moveRange(this.queue[i], walk);
      const moved = this.counts.transplantFromFreelist - before;
      if (moved === 0) continue;
      this.counts.transplantOnDemand += moved;
      if (this.books.stale) this.settle(false);
      row = allocator.alloc(gfp | THISNODE, order, cpu, nid);
    }
    return row >= 0 ? row : allocator.alloc(gfp, order, cpu, nid);
  }

  /**
   * Moves contents of waiting pages to their node; what cannot move keeps waiting. At most `limit` blocks. Returns pages moved
   * and pages that stayed, by reason.
   */
  migrate(limit = Infinity, cpu = 0): { moved: number; stayed: Record<string, number> } {
    const { machine, migrator } = this.parts;
    const stayed: Record<string, number> = {};
    let moved = 0;
    const byNid = new Map<Nid, number[]>();
    let blocks = 0;
    for (const section of machine.pages.sections()) {
      const base = machine.pages.pfnToRow(section * 2 ** machine.pages.sectionShift);
      const end = base + 2 ** machine.pages.sectionShift;
      for (let row = base; row < end && blocks < limit; row++) {
        if ((row & 7) === 0 && !this.marks.any(row, 8)) {
          row += 7;
          continue;
        }
        if (!this.marks.has(row) || (machine.pages.state[row] & 0xf0) !== PAGE_STATE.ALLOCATED) continue;
        const nid = this.nidOfRow(row);
        const rows = byNid.get(nid) ?? [];
        rows.push(row);
        byNid.set(nid, rows);
        blocks++;
      }
    }
    for (const [nid, rows] of [...byNid].sort(([a], [b]) => a - b)) {
      const outcome = migrator.migratePages(Int32Array.from(rows), rows.length, {
        reason: 'numa_misplaced',
        targetNids: [nid],
        cpu,
      });
      moved += outcome.migrated;
      for (const { why, pages } of outcome.failed) stayed[why] = (stayed[why] ?? 0) + pages;
    }
    this.settle(false);
    return { moved, stayed };
  }

  /** Node that the layout gives a page; where it names none, the one that the page is on. */
  nidOfRow(row: Row): Nid {
    const { machine } = this.parts;
    const nid = this.committed ? this.lookup.nid(machine.pages.rowToPfn(row), 0) : -1;
    return nid >= 0 ? nid : (machine.zoneOfRow(row)?.nid ?? -1);
  }

  /** Walks all marks. */
  waiting(): Waiting {
    const { machine, clock } = this.parts;
    const classes: Record<string, number> = {};
    const ages = new Map<number, number>();
    for (const section of machine.pages.sections()) {
      const base = machine.pages.pfnToRow(section * 2 ** machine.pages.sectionShift);
      for (let row = base; row < base + 2 ** machine.pages.sectionShift; row++) {
        if ((row & 7) === 0 && !this.marks.any(row, 8)) {
          row += 7;
          continue;
        }
        if (!this.marks.has(row)) continue;
        const name = PAGE_CLASS_NAMES[machine.pages.pageClass[row] & 0x1f] ?? 'unknown';
        classes[name] = (classes[name] ?? 0) + 1;
        const since = this.knownSince(machine.pages.rowToPfn(row));
        ages.set(clock.now - since, (ages.get(clock.now - since) ?? 0) + 1);
      }
    }
    const sorted = [...ages].sort(([a], [b]) => a - b).map(([ns, pages]) => ({ ns, pages }));
    return { pages: this.marks.count, classes, ages: sorted };
  }

  /** Memory came online or went: its node is the one it was added to, and nothing of it waits. */
  memoryChanged(start: number, pages: number, online: boolean): void {
    if (!this.committed || pages === 0) return;
    const { machine } = this.parts;
    new MemoryWalk(machine).each(start, start + pages, (row, stop) => this.marks.clear(row, stop - row));
    if (!online) return;
    const row = machine.pages.pfnToRow(start);
    const nid = machine.zoneOfRow(row)?.nid ?? -1;
    const last = this.kept.pop()!;
    this.kept.push({ ...last, layout: last.layout.with(start, start + pages, nid) });
    this.lookup.use(this.kept.at(-1)!.layout);
  }

  /** Everything that frees have left to be done, now. */
  settle(rebuild = false, blocks: () => void = () => undefined): void {
    this.work?.[Symbol.dispose]();
    this.work = undefined;
    this.workAt = Infinity;
    const { machine } = this.parts;
    this.books.settle();
    if (rebuild || this.books.stale) this.rebuild();
    blocks();
    for (const id of this.dirtyBlocks) refreshBlock(machine, this.current, this.marks, id);
    this.dirtyBlocks.clear();
    this.slab.follow();
    if (!this.committing) this.nodes.finish();
  }

  /** Ends everything; the machine stays as it is. */
  dispose(): void {
    this.work?.[Symbol.dispose]();
    this.marks.drop();
  }

  private ask(layout: MemLayout, walk: MemoryWalk): () => void {
    const { machine, clock } = this.parts;
    const seq = this.seq + 1;
    const asked = this.layoutNotifiers.call(LAYOUT.CHANGING, { seq, layout });
    clock.charge('notifierCall', asked.calls);
    const cancel = (): void => void this.layoutNotifiers.call(LAYOUT.CANCEL, { seq, layout });
    if (asked.stopped) {
      this.counts.vetoed++;
      cancel();
      throw commitVetoed(layout.nodes()[0], asked.errno, asked.stoppedBy!);
    }
    const all = machine.zones.nodes.map(({ nid }) => nid);
    const gaining = all.filter((nid) => this.hasMemory(layout, nid, walk));
    // Holes keep their pages where they are, and devices theirs: a node with such pages loses nothing for good.
    const losing = this.coversAll(layout) ? all.filter((nid) => !gaining.includes(nid)) : [];
    try {
      return this.nodes.prepare(gaining, losing);
    } catch (error) {
      this.counts.vetoed++;
      cancel();
      throw error;
    }
  }

  /** The letter's way: every node without memory is told of, nobody is told of the end, and a refusal is ignored. */
  private onlineOriginal(layout: MemLayout): () => void {
    const { machine } = this.parts;
    for (const nid of layout.nodes()) if (machine.zones.node(nid)!.presentPages === 0) this.nodes.announceOnly(nid);
    return () => undefined;
  }

  private hasMemory(layout: MemLayout, nid: Nid, walk: MemoryWalk): boolean {
    for (let i = 0; i < layout.length; i++) {
      if (layout.nids[i] !== nid) continue;
      let some = false;
      walk.each(layout.borders[i], layout.endOf(i), () => (some = true));
      if (some) return true;
    }
    return false;
  }

  private coversAll(layout: MemLayout): boolean {
    return this.parts.machine.memory.every(({ start, end }) => {
      for (let i = layout.find(start); ; i++) {
        if (i < 0 || layout.nids[i] < 0) return false;
        if (layout.endOf(i) >= end) return true;
      }
    });
  }

  private publish(layout: MemLayout): void {
    const { clock, settings } = this.parts;
    this.kept.push({ seq: ++this.seq, layout, at: clock.now });
    while (this.kept.length > settings.backlog + 1) this.kept.shift();
    this.lookup.use(layout);
    this.transplant.publish();
  }

  private mark(from: MemLayout, to: MemLayout, walk: MemoryWalk): void {
    this.parts.context.writeFlag('dnuma', 'LookupNode');
    eachDifference(from, to, (start, end, nid) => {
      walk.each(start, end, (row, stop) => this.transplant.mark(row, stop, nid));
    });
  }

  private moveAll(from: MemLayout, to: MemLayout, walk: MemoryWalk): void {
    const { context, settings } = this.parts;
    const locked = settings.strategy === 'batched';
    let lock: Disposable | undefined;
    let ranges = 0;
    eachDifference(from, to, (start, end, nid) => {
      if (locked && ranges++ % BATCH === 0) {
        lock?.[Symbol.dispose]();
        lock = context.lock('dnuma', 'zone->lock', 'spin');
      }
      walk.each(start, end, (row, stop) => this.transplant.move(row, stop, nid));
    });
    lock?.[Symbol.dispose]();
  }

  private moveRange({ start, end, nid }: LayoutRange, walk: MemoryWalk): void {
    using _lock = this.parts.context.lock('dnuma', 'zone->lock', 'spin');
    walk.each(start, end, (row, stop) => this.transplant.move(row, stop, nid));
  }

  private enqueue(from: MemLayout, to: MemLayout): void {
    this.queue = [];
    this.queued = 0;
    eachDifference(from, to, (start, end, nid) => this.queue.push({ start, end, nid }));
  }

  /** A block came to a zone: by a commit (`pages`), or by a free (0). */
  private moved(zone: number, pages: number): void {
    const { clock, settings } = this.parts;
    // Each struct page is written: its node, its list.
    if (pages > 0) clock.charge('structPageInit', pages);
    if (settings.strategy === 'original' && pages > 0) this.rebuildOriginal();
    if (this.committing) return;
    const { machine } = this.parts;
    const first = machine.zones.all[zone].presentPages > 0 && this.books.isNew(zone);
    const at = clock.now + (first ? 0 : WORK_DELAY);
    if (at >= this.workAt) return;
    this.work?.[Symbol.dispose]();
    this.workAt = at;
    this.work = clock.at(at, () => this.settle(false, () => this.allBlocks()));
  }

  /** What the letter's patches do after each block, under the lock that it was moved under. */
  private rebuildOriginal(): void {
    const { context, clock } = this.parts;
    using _lock = context.lock('dnuma', 'zone->lock', 'spin');
    context.writeFlag('dnuma', 'page->flags', "the page's owner");
    context.mightSleep('dnuma', 'stop_machine()');
    clock.charge('zonelistRebuildStopped');
    this.counts.zonelistRebuilds++;
    this.counts.stopMachines++;
  }

  private rebuild(): void {
    const { sizing, clock, machine, context, allocator } = this.parts;
    context.mightSleep('dnuma', 'stop_machine()');
    sizing.rebuildZonelists();
    allocator.refresh();
    clock.charge('stopMachine', Math.max(1, Math.log2(machine.description.cpus)));
    this.books.noteListed();
    this.counts.zonelistRebuilds++;
    this.counts.stopMachines++;
  }

  private refreshBlocks(from: MemLayout, to: MemLayout): void {
    const { machine, clock } = this.parts;
    const per = machine.blocks.blockPages;
    let last = -1;
    let changed = 0;
    eachDifference(from, to, (start, end) => {
      const stop = Math.min(end, this.endOfMemory);
      for (let id = Math.max(last + 1, Math.floor(start / per)); id * per < stop; id++) {
        if (refreshBlock(machine, to, this.marks, id)) {
          changed++;
          if (changed <= 64) this.uevents.say('change', `/devices/system/memory/memory${id}`, {});
        }
        last = id;
      }
    });
    clock.charge('memoryBlockDevice', changed);
  }

  private allBlocks(): void {
    for (const id of this.parts.machine.blocks.ids()) {
      if (this.parts.machine.blocks.get(id)!.zone === undefined) this.dirtyBlocks.add(id);
    }
  }

  /** When the destination that a pfn has was first committed. */
  private knownSince(pfn: number): number {
    let at = this.kept.length - 1;
    const nid = this.kept[at].layout.nidOf(pfn);
    while (at > 0 && this.kept[at - 1].seq > 0 && this.kept[at - 1].layout.nidOf(pfn) === nid) at--;
    return this.kept[at].at;
  }
}

/** __GFP_THISNODE. */
const THISNODE = 0x200000;

export const DnumaToken = token<Dnuma>()('dnuma.Dnuma', { provider: 'dnuma() from @replug/dnuma' });
