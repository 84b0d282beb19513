/**
 * A built machine: page columns, zones with spans and counters, zonelists. No allocator yet: the present pages of a zone
 * are untouched, the reserved ones carry their class.
 *
 * Models: free_area_init(), sparse_init(), memblock's view of memory, mm/mm_init.c, 6.12.
 */
import { pagesPerSection } from './arch-profiles.ts';
import { memoryOutsideZones, overlappingMemory, unknownNode } from './errors.ts';
import type { MachineDescription, MemoryRange, PfnRange } from './machine-description.ts';
import { MemoryBlocks } from './memory-blocks.ts';
import { PageMap } from './page-map.ts';
import { PAGE_CLASS } from './page-state.ts';
import { bootResources, type Resources } from './resources.ts';
import { nodeOrders } from './zonelists.ts';
import { Zones, type Zone } from './zones.ts';
import type { Hasher } from '../base/hasher.ts';

export class Machine {
  readonly description: MachineDescription;
  readonly pages: PageMap;
  readonly zones: Zones;
  /** Node preference by position in zones.nodes; rebuilt when a zone gains or loses its pages. */
  nodeOrder: number[][] = [];
  /** Memory by node, ascending; changes as memory comes and goes (memory-ranges.ts). */
  readonly memory: MemoryRange[];
  /** Memory blocks: memoryN in sysfs. */
  readonly blocks: MemoryBlocks;
  /** Physical addresses by use: /proc/iomem. */
  readonly resources: Resources;

  constructor(description: MachineDescription) {
    checkMemory(description);
    this.description = description;
    this.memory = [...description.memory];
    const sections = sectionsOf(description);
    const per = pagesPerSection(description.arch);
    this.pages = new PageMap(description.arch, sections.length * per + description.sparePages);
    for (const nr of sections) this.pages.addSection(nr);
    this.zones = new Zones(description.arch.zoneKinds, description.nodes);
    for (const zone of description.zones) {
      const built = this.zones.find(zone.nid, zone.kind);
      if (built === undefined) throw unknownNode(zone.nid);
      built.startPfn = zone.startPfn;
      built.spannedPages = zone.spannedPages;
      const members = zone.members ?? [{ start: zone.startPfn, end: zone.startPfn + zone.spannedPages }];
      for (const { start, end } of members) this.pages.setZone(start, end, built.index);
      const present = intersect(
        members,
        this.memory.filter((m) => m.nid === zone.nid),
      );
      built.presentPages = zone.presentPages ?? sum(present);
      built.presentEarlyPages = built.presentPages;
      built.managedPages = zone.managedPages ?? sum(present) - sum(intersect(present, description.reserved));
    }
    this.markReserved(description.reserved);
    this.blocks = new MemoryBlocks(this);
    this.resources = bootResources(this.memory, 2 ** description.arch.pageShift);
    this.rebuildZonelists(new Set());
  }

  /** Recomputes node preferences. `nodesWithCpus`: nodes whose CPUs are known to the builder. */
  rebuildZonelists(nodesWithCpus: ReadonlySet<number>): void {
    this.nodeOrder = nodeOrders(this.zones, { nodesWithCpus, maxNodes: 2 ** this.description.arch.nodesShift });
  }

  /** Node of a CPU; the first node when no node claims it. */
  nodeOfCpu(cpu: number): number {
    const node = this.zones.nodes.find((n) => n.cpus.includes(cpu));
    return (node ?? this.zones.nodes[0]).nid;
  }

  zoneOfRow(row: number): Zone | undefined {
    return this.zones.all[this.pages.zoneOf(row)];
  }

  /** Feeds everything that is the machine's: spans, counters, columns. */
  hash(hasher: Hasher): void {
    this.hashContract(hasher);
    this.pages.hash(hasher);
  }

  /** Feeds what a user is promised: spans and counters. */
  hashContract(hasher: Hasher): void {
    for (const z of this.zones.all) {
      if (z.spannedPages === 0) continue;
      hasher
        .integer(z.index)
        .integer(z.startPfn)
        .integer(z.spannedPages)
        .integer(z.presentPages)
        .integer(z.managedPages);
    }
  }

  private markReserved(ranges: readonly PfnRange[]): void {
    for (const { start, end } of ranges) {
      // Reserved ranges may be huge (a memmap): filled section by section.
      const per = pagesPerSection(this.description.arch);
      for (let at = start; at < end;) {
        const stop = Math.min(end, (Math.floor(at / per) + 1) * per);
        const row = this.pages.pfnToRow(at);
        if (row >= 0) this.pages.pageClass.fill(PAGE_CLASS.RESERVED, row, row + (stop - at));
        at = stop;
      }
    }
  }
}

function checkMemory({ memory, nodes, zones }: MachineDescription): void {
  let last = 0;
  for (const { start, end, nid } of memory) {
    if (!(start >= last && end > start)) throw overlappingMemory(`${start}..${end}`);
    if (!nodes.some((n) => n.nid === nid)) throw unknownNode(nid);
    last = end;
    const covered = zones.some((z) => z.nid === nid && z.startPfn < end && z.startPfn + z.spannedPages > start);
    if (!covered) throw memoryOutsideZones(`node ${nid}, pfn ${start}..${end}`);
  }
}

function sectionsOf({ arch, memory }: MachineDescription): number[] {
  const per = pagesPerSection(arch);
  const sections: number[] = [];
  for (const { start, end } of memory) {
    for (let nr = Math.floor(start / per); nr * per < end; nr++) {
      if (sections.at(-1) !== nr) sections.push(nr);
    }
  }
  return sections;
}

/** Intersection of two ascending range lists. */
export function intersect(a: readonly PfnRange[], b: readonly PfnRange[]): PfnRange[] {
  const out: PfnRange[] = [];
  for (const x of a) {
    for (const y of b) {
      const start = Math.max(x.start, y.start);
      const end = Math.min(x.end, y.end);
      if (start < end) out.push({ start, end });
    }
  }
  return out;
}

/** Pages in a range list. */
export function sum(ranges: readonly PfnRange[]): number {
  return ranges.reduce((pages, r) => pages + (r.end - r.start), 0);
}
