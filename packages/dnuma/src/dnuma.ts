/**
 * The memory layout of a running machine, and its change. A commit asks everybody whose node comes or goes, publishes the
 * layout, marks what has to move, moves what is free (mover.ts), and ends with one rebuild of the zonelists behind one
 * rendezvous of all CPUs, whatever its size (settling.ts). What is allocated moves when it is freed (transplant.ts), or when
 * somebody migrates it (waiting.ts).
 *
 * Models: the letter's mm/memlayout.c memlayout_commit(), mm/dnuma.c; its open points and known bugs are done as
 * docs/dnuma.md tells.
 */
import { NotifierChain, token, type Nid, type Row } from '@replug/core';
import { ZoneBooks } from './accounting.ts';
import { commitInside, commitVetoed, emptyLayout, noSuchLayout, nothingCommitted } from './errors.ts';
import type { FirmwareEvent } from './firmware.ts';
import { checkNids } from './fits.ts';
import { LayoutHistory, type KeptLayout } from './layout-history.ts';
import { painted } from './layout-paint.ts';
import { layoutOf, type MemLayout } from './layout.ts';
import { LayoutLookup } from './lookup.ts';
import { LookupMarks } from './marks.ts';
import { MemoryWalk } from './memory-walk.ts';
import { Mover } from './mover.ts';
import { NodeStates } from './nodes.ts';
import { newCounts, type DnumaParts } from './parts.ts';
import { Settling } from './settling.ts';
import { SlabModel } from './slab.ts';
import { changeTopology, checkTopology, type CpuMove, type DistanceChange } from './topology.ts';
import { Transplant } from './transplant.ts';
import { Uevents } from './uevents.ts';
import { migrateWaiting, waitingPages, type Waiting } from './waiting.ts';

/** Actions of the chain for kernel users of node-local memory. */
export const LAYOUT = { CHANGING: 'LAYOUT_CHANGING', CHANGED: 'LAYOUT_CHANGED', CANCEL: 'LAYOUT_CANCEL' } as const;
export type LayoutAction = (typeof LAYOUT)[keyof typeof LAYOUT];
export interface LayoutNotify {
  /** Number of the layout that comes, or has come. */
  readonly seq: number;
  readonly layout: MemLayout;
}

export interface CommitOptions {
  /** Mark everything now and move free pages by `step()`; default: all at once. */
  readonly deferred?: boolean;
  readonly cpus?: readonly CpuMove[];
  readonly distances?: readonly DistanceChange[];
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
  private readonly mover: Mover;
  private readonly settling: Settling;
  private readonly history: LayoutHistory;
  private committing = false;

  constructor(parts: DnumaParts) {
    const { machine, sizing, settings } = parts;
    const { counts } = this;
    this.parts = parts;
    this.history = new LayoutHistory(() => {
      if (machine.memory.length === 0) throw emptyLayout();
      return layoutOf(machine.memory);
    }, settings.backlog);
    const marks = (this.marks = new LookupMarks(machine.pages, () => this.transplant.changed()));
    const lookup = (this.lookup = new LayoutLookup(machine.description.cpus));
    const books = (this.books = new ZoneBooks(machine, sizing, counts));
    this.nodes = new NodeStates(parts);
    const uevents = (this.uevents = new Uevents(() => parts.clock.now));
    const original = settings.strategy === 'original';
    const transplant = (this.transplant = new Transplant({
      ...{ machine, lists: parts.lists, marks, lookup, books, counts },
      toSinglePages: original,
      always: settings.lookupAlways,
      moved: (zone, pages) => this.settling.moved(zone, pages),
    }));
    this.mover = new Mover({ ...parts, marks, transplant, locked: !original });
    this.slab = new SlabModel(parts, (row) => this.nidOfRow(row));
    this.settling = new Settling({
      ...{ parts, books, marks, counts, uevents },
      current: () => this.current,
      follow: () => {
        this.slab.follow();
        if (!this.committing) this.nodes.finish();
      },
    });
  }

  /** The layout in force; before the first commit the machine's own. */
  get current(): MemLayout {
    return this.history.current;
  }

  get committed(): boolean {
    return this.history.seq > 0;
  }

  /** Layouts that are kept, oldest first, the one in force last. */
  get layouts(): readonly KeptLayout[] {
    return this.history.all;
  }

  /** Pfn behind the last page of memory. */
  get endOfMemory(): number {
    return this.parts.machine.memory.at(-1)?.end ?? 0;
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
    this.committing = this.settling.held = true;
    try {
      using _hotplug = context.lock('dnuma', 'mem_hotplug_lock', 'mutex');
      const walk = new MemoryWalk(machine);
      const finish = settings.strategy === 'original' ? this.onlineOriginal(layout) : this.ask(layout, walk);
      this.nodes.online([...this.nodesWithMemory(layout, walk)]);
      {
        using _layout = context.lock('dnuma', 'memlayout_lock', 'mutex');
        changeTopology(machine, cpus, distances);
        this.books.noteListed();
        this.publish(layout);
        this.mover.mark(from, layout, walk);
        allocator.drainAllPages(-1);
        clock.charge('pcpDrain', machine.description.cpus);
        if (options.deferred === true) this.mover.enqueue(from, layout);
        else this.mover.moveAll(from, layout, walk);
      }
      this.counts.commits++;
      this.counts.deviceRanges += walk.deviceBlocks;
      this.settling.settle(true);
      this.settling.blocksBetween(from, layout);
      finish();
      const { seq } = this.history;
      this.layoutNotifiers.call(LAYOUT.CHANGED, { seq, layout });
      this.uevents.say('change', '/devices/system/node', { LAYOUT: String(seq), WAITING: String(this.marks.count) });
      log.info(`dnuma: layout ${seq}: ${layout.length} ranges, ${this.marks.count} pages wait`);
    } finally {
      this.committing = this.settling.held = false;
    }
  }

  /** Goes back to the layout before the one in force. Throws RP2315. */
  undo(): void {
    const previous = this.layouts.at(-2);
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
    this.commit(painted(this.current, ranges), { cpus, distances });
  }

  /** Ranges of a deferred commit whose free pages have not moved yet. */
  get queuedRanges(): number {
    return this.mover.queued;
  }

  /** Moves free pages of a deferred commit, `ranges` ranges of it. */
  step(ranges = Infinity): void {
    if (this.mover.queued === 0) return;
    this.mover.step(ranges);
    this.settling.afterwards();
  }

  /**
   * Allocates on a node, or on the one nearest to it: what of the node's memory is still on another node's lists is fetched
   * first, as much as the request needs.
   */
  alloc(gfp: number, order: number, cpu: number, nid: Nid): Row {
    const { allocator } = this.parts;
    const { counts } = this;
    let row = allocator.alloc(gfp | THISNODE, order, cpu, nid);
    if (row >= 0) return row;
    this.mover.fetch(
      nid,
      () => counts.transplantFromFreelist,
      (pages) => {
        counts.transplantOnDemand += pages;
        if (this.books.stale) this.settling.settle();
        row = allocator.alloc(gfp | THISNODE, order, cpu, nid);
        return row >= 0;
      },
    );
    return row >= 0 ? row : allocator.alloc(gfp, order, cpu, nid);
  }

  /**
   * Moves contents of waiting pages to their node; what cannot move keeps waiting. At most `limit` blocks. Returns pages moved
   * and pages that stayed, by reason.
   */
  migrate(limit = Infinity, cpu = 0): { moved: number; stayed: Record<string, number> } {
    const { machine, migrator } = this.parts;
    const outcome = migrateWaiting(machine, this.marks, migrator, (row) => this.nidOfRow(row), limit, cpu);
    this.settling.afterwards();
    return outcome;
  }

  /** Node that the layout gives a page; where it names none, the one that the page is on. */
  nidOfRow(row: Row): Nid {
    const { machine } = this.parts;
    const nid = this.committed ? this.lookup.nid(machine.pages.rowToPfn(row), 0) : -1;
    return nid >= 0 ? nid : (machine.zoneOfRow(row)?.nid ?? -1);
  }

  waiting(): Waiting {
    const { machine, clock } = this.parts;
    return waitingPages(machine, this.marks, clock.now, (pfn) => this.history.knownSince(pfn));
  }

  /** Memory came online or went: its node is the one it was added to, and nothing of it waits. */
  memoryChanged(start: number, pages: number, online: boolean): void {
    if (!this.committed || pages === 0) return;
    const { machine } = this.parts;
    new MemoryWalk(machine).each(start, start + pages, (row, stop) => this.marks.clear(row, stop - row));
    if (!online) return;
    this.history.amend(start, start + pages, machine.zoneOfRow(machine.pages.pfnToRow(start))?.nid ?? -1);
    this.lookup.use(this.current);
  }

  /** Ends everything; the machine stays as it is. */
  dispose(): void {
    this.settling.dispose();
    this.marks.drop();
  }

  private ask(layout: MemLayout, walk: MemoryWalk): () => void {
    const { machine, clock } = this.parts;
    const seq = this.history.seq + 1;
    const asked = this.layoutNotifiers.call(LAYOUT.CHANGING, { seq, layout });
    clock.charge('notifierCall', asked.calls);
    const cancel = (): void => void this.layoutNotifiers.call(LAYOUT.CANCEL, { seq, layout });
    if (asked.stopped) {
      this.counts.vetoed++;
      cancel();
      throw commitVetoed(layout.nodes()[0], asked.errno, asked.stoppedBy!);
    }
    const all = machine.zones.nodes.map(({ nid }) => nid);
    const some = this.nodesWithMemory(layout, walk);
    const gaining = all.filter((nid) => some.has(nid));
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

  /** Nodes to which a layout gives memory that is there. */
  private nodesWithMemory(layout: MemLayout, walk: MemoryWalk): Set<Nid> {
    const found = new Set<Nid>();
    for (let i = 0; i < layout.length; i++) {
      const nid = layout.nids[i];
      if (nid < 0 || found.has(nid)) continue;
      walk.each(layout.borders[i], layout.endOf(i), () => void found.add(nid));
    }
    return found;
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
    this.history.push(layout, this.parts.clock.now);
    this.lookup.use(layout);
    this.transplant.publish();
  }
}

/** __GFP_THISNODE. */
const THISNODE = 0x200000;

export const DnumaToken = token<Dnuma>()('dnuma.Dnuma', { provider: 'dnuma() from @replug/dnuma' });
