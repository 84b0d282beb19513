/**
 * Kernel caches whose slabs hang on lists of their node. The lists follow the layout: a slab hangs on the list of the node
 * that the layout gives its page, whichever node the page is counted on until it is freed. A cache has one struct for a
 * node, made when the node gets its first memory and given back when it has lost its last slab after its last memory.
 *
 * `leaky`: the letter's known bug – the struct is allocated again each time a node is told of, and the old one is lost.
 *
 * Models: mm/slub.c slab_mem_going_online_callback(), slab_mem_offline_callback(), struct kmem_cache_node, 6.12.
 */
import { GFP_MASKS, MEM, type MemoryAction, type MemoryNotify, type Nid, type Row } from '@replug/core';
import type { DnumaParts } from './parts.ts';

export class SlabModel {
  readonly caches: readonly string[];
  /** kmem_cache_node structs: allocated and not given back, and those among them that nothing points to. */
  live = 0;
  leaked = 0;
  private readonly parts: DnumaParts;
  private readonly leaky: boolean;
  private readonly nidOf: (row: Row) => Nid;
  /** By node, for each cache: its slabs' rows; no entry: the node has no structs. */
  private readonly nodes = new Map<Nid, Set<Row>[]>();
  private readonly nodeOfSlab = new Map<Row, Nid>();

  constructor(parts: DnumaParts, nidOf: (row: Row) => Nid) {
    this.parts = parts;
    this.caches = parts.settings.caches;
    this.leaky = parts.settings.strategy === 'original';
    this.nidOf = nidOf;
  }

  /** Structs for the nodes that have memory. At boot. */
  boot(): void {
    for (const node of this.parts.machine.zones.nodes) if (node.presentPages > 0) this.appear(node.nid);
  }

  /** The memory chain tells. */
  notified(action: MemoryAction, { statusChangeNid: nid }: MemoryNotify): void {
    if (nid < 0) return;
    if (action === MEM.GOING_ONLINE) this.appear(nid);
    else if (action === MEM.CANCEL_ONLINE || action === MEM.OFFLINE) this.vanish(nid);
  }

  /** A slab for a cache, from a node. -1: no memory. */
  alloc(cache: number, nid: Nid, cpu = 0): Row {
    const row = this.parts.allocator.alloc(GFP_MASKS.GFP_KERNEL, 0, cpu, nid);
    if (row < 0) return -1;
    this.hang(row, cache, this.nidOf(row));
    return row;
  }

  free(row: Row, cpu = 0): void {
    const nid = this.nodeOfSlab.get(row);
    if (nid === undefined) return;
    for (const list of this.nodes.get(nid) ?? []) list.delete(row);
    this.nodeOfSlab.delete(row);
    this.parts.allocator.free(row, 0, cpu);
    const node = this.parts.machine.zones.node(nid)!;
    if (node.presentPages === 0) this.vanish(nid);
  }

  /** The layout has changed: each slab hangs where its page belongs now. Returns how many moved. */
  follow(): number {
    // The letter's patches tell caches nothing.
    if (this.leaky) return 0;
    let moved = 0;
    for (const [row, from] of [...this.nodeOfSlab]) {
      const to = this.nidOf(row);
      if (to === from) continue;
      const cache = (this.nodes.get(from) ?? []).findIndex((list) => list.delete(row));
      this.hang(row, Math.max(0, cache), to);
      moved++;
    }
    for (const nid of [...this.nodes.keys()]) {
      if (this.parts.machine.zones.node(nid)!.presentPages === 0) this.vanish(nid);
    }
    return moved;
  }

  /** Slabs on a node's lists, all caches. */
  slabs(nid: Nid): number {
    return (this.nodes.get(nid) ?? []).reduce((sum, list) => sum + list.size, 0);
  }

  /** What is wrong with the lists. */
  problems(): string[] {
    const found: string[] = [];
    const reachable = this.nodes.size * this.caches.length;
    if (this.live - this.leaked !== reachable) found.push(`${this.live} structs, ${reachable} reachable`);
    if (this.leaked > 0 && !this.leaky) found.push(`${this.leaked} kmem_cache_node structs leaked`);
    for (const [row, nid] of this.nodeOfSlab) {
      if (!(this.nodes.get(nid) ?? []).some((list) => list.has(row))) found.push(`slab at row ${row} hangs nowhere`);
    }
    return found;
  }

  private hang(row: Row, cache: number, nid: Nid): void {
    this.ensure(nid)[cache].add(row);
    this.nodeOfSlab.set(row, nid);
  }

  private ensure(nid: Nid): Set<Row>[] {
    let lists = this.nodes.get(nid);
    if (lists === undefined) {
      lists = this.caches.map(() => new Set<Row>());
      this.nodes.set(nid, lists);
      this.live += this.caches.length;
    }
    return lists;
  }

  private appear(nid: Nid): void {
    if (this.leaky && this.nodes.has(nid)) {
      // A second struct for each cache takes the place of the first.
      this.live += this.caches.length;
      this.leaked += this.caches.length;
    }
    this.ensure(nid);
  }

  private vanish(nid: Nid): void {
    const lists = this.nodes.get(nid);
    if (lists === undefined || lists.some((list) => list.size > 0)) return;
    this.nodes.delete(nid);
    this.live -= this.caches.length;
  }
}
