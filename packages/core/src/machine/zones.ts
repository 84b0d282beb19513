/**
 * Zones and nodes: spans, counters, and the numbers that the page allocator reads. Every node has a zone of each
 * configured kind; most are empty, as in the kernel.
 *
 * Invariant: spanned ≥ present ≥ managed ≥ 0 (a Device zone: spanned > 0, present = managed = 0).
 * Models: include/linux/mmzone.h struct zone, struct pglist_data, 6.12.
 */
import { ZONE_KINDS, type ZoneKind, type ZoneName } from './zone-kinds.ts';

export class Zone {
  /** Position in Zones.all. */
  readonly index: number;
  readonly nid: number;
  readonly kind: ZoneKind;
  /** Position among the configured kinds: the zone index of the kernel that is modelled (protection[] is by this). */
  readonly type: number;
  startPfn = 0;
  spannedPages = 0;
  presentPages = 0;
  presentEarlyPages = 0;
  managedPages = 0;
  cmaPages = 0;
  /** Printed by zoneinfo as `protection`; one entry a configured kind. */
  readonly lowmemReserve: number[];
  /** Marks without boost. */
  readonly watermark = { min: 0, low: 0, high: 0, promo: 0 };
  watermarkBoost = 0;
  /** Per-CPU list sizing, frozen at the last recomputation. */
  pcpBatch = 1;
  pcpHighMin = 0;
  pcpHighMax = 0;
  /** Threshold of per-CPU counter deltas. */
  statThreshold = 0;
  /** What a printed NR_FREE_PAGES differs by from the true count: per-CPU deltas not folded yet. 0 unless a recording says so. */
  freeDelta = 0;
  /**
   * Counters that the model does not drive (LRU, slab, numa_hit …) as a recording printed them. They are true of that
   * instant only: whoever moves the state on sets this back to undefined.
   */
  recorded:
    | { readonly stats: Readonly<Record<string, number>>; readonly nodeStats?: Readonly<Record<string, number>> }
    | undefined;

  constructor(index: number, nid: number, kind: ZoneKind, type: number, types: number) {
    this.index = index;
    this.nid = nid;
    this.kind = kind;
    this.type = type;
    this.lowmemReserve = new Array<number>(types).fill(0);
  }

  get name(): string {
    return this.kind.name;
  }
  get endPfn(): number {
    return this.startPfn + this.spannedPages;
  }
  /** Has pages that exist. */
  get populated(): boolean {
    return this.presentPages > 0;
  }
  /** Has pages that the allocator owns. */
  get managed(): boolean {
    return this.managedPages > 0;
  }
}

export class MemoryNode {
  readonly nid: number;
  readonly cpus: readonly number[];
  readonly zones: readonly Zone[];
  /** In N_ONLINE. A possible node that is not is shown nowhere. */
  online: boolean;
  constructor(nid: number, cpus: readonly number[], zones: readonly Zone[], online = true) {
    this.nid = nid;
    this.cpus = cpus;
    this.zones = zones;
    this.online = online;
  }
  get presentPages(): number {
    return this.zones.reduce((sum, z) => sum + z.presentPages, 0);
  }
  get managedPages(): number {
    return this.zones.reduce((sum, z) => sum + z.managedPages, 0);
  }
  get startPfn(): number {
    const spans = this.zones.filter((z) => z.spannedPages > 0).map((z) => z.startPfn);
    return spans.length === 0 ? 0 : Math.min(...spans);
  }
}

export class Zones {
  /** Node by node, low → high. */
  readonly all: readonly Zone[];
  readonly nodes: readonly MemoryNode[];
  readonly kinds: readonly ZoneKind[];
  /** distances[i][j]: from nodes[i] to nodes[j]. */
  readonly distances: readonly (readonly number[])[];

  constructor(
    kinds: readonly ZoneName[],
    nodes: readonly {
      readonly nid: number;
      readonly cpus: readonly number[];
      readonly distances: readonly number[];
      readonly online?: boolean;
    }[],
  ) {
    this.kinds = kinds.map((name) => ZONE_KINDS[name]);
    const all: Zone[] = [];
    this.nodes = nodes.map(({ nid, cpus, online = true }) => {
      const zones = this.kinds.map((kind, type) => {
        const zone = new Zone(all.length, nid, kind, type, this.kinds.length);
        all.push(zone);
        return zone;
      });
      return new MemoryNode(nid, cpus, zones, online);
    });
    this.all = all;
    this.distances = nodes.map((n) => n.distances);
  }

  find(nid: number, name: string): Zone | undefined {
    return this.all.find((z) => z.nid === nid && z.kind.name === name);
  }

  node(nid: number): MemoryNode | undefined {
    return this.nodes.find((n) => n.nid === nid);
  }
}
