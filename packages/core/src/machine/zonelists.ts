/**
 * Zonelists: in which order an allocation on a node tries the zones of the machine.
 *
 * Models: mm/page_alloc.c build_zonelists(), find_next_best_node(), build_zonerefs_node(), 6.1 and 6.12.
 */
import type { Zones } from './zones.ts';

export interface ZonelistOptions {
  /** Nodes whose CPUs are known when the lists are built: each costs a penalty of 1. x86 builds at boot before any is. */
  readonly nodesWithCpus?: ReadonlySet<number>;
  /** MAX_NUMNODES. */
  readonly maxNodes?: number;
}

/** Node ids by preference for every node, in order of Zones.nodes. Nodes without memory are in nobody's list. */
export function nodeOrders(zones: Zones, options: ZonelistOptions = {}): number[][] {
  const { nodesWithCpus = new Set(), maxNodes = 1024 } = options;
  const nodes = zones.nodes;
  const hasMemory = nodes.map((n) => n.zones.some((z) => z.populated && !z.kind.device));
  // node_load lives through the whole rebuild: it spreads the first choice of later nodes.
  const load = nodes.map(() => 0);
  return nodes.map((_, local) => {
    const used = nodes.map(() => false);
    const order: number[] = [];
    let previous = local;
    for (;;) {
      const next = nextBest(local, used);
      if (next < 0) return order;
      used[next] = true;
      if (zones.distances[local][next] !== zones.distances[local][previous]) load[next] += 1;
      order.push(nodes[next].nid);
      previous = next;
    }
  });

  function nextBest(local: number, used: boolean[]): number {
    if (hasMemory[local] && !used[local]) return local;
    let best = -1;
    let bestValue = Infinity;
    for (let n = 0; n < nodes.length; n++) {
      if (!hasMemory[n] || used[n]) continue;
      let value = zones.distances[local][n];
      if (n < local) value += 1;
      if (nodesWithCpus.has(nodes[n].nid)) value += 1;
      value = value * maxNodes + load[n];
      if (value < bestValue) {
        bestValue = value;
        best = n;
      }
    }
    return best;
  }
}

/**
 * Zone indices to try, best first, for an allocation on a node that may use kinds up to a rank. A rank that is not
 * configured behaves as the nearest configured kind below, Movable excepted. A request for Normal that finds Normal
 * exhausted comes to PreferMovable before the zones below.
 */
export function zonelist(zones: Zones, order: readonly number[], highestType: number): Int32Array {
  const list: number[] = [];
  const prefer = zones.kinds.findIndex((k) => k.name === 'PreferMovable');
  const fallsBack = prefer > highestType && zones.kinds[highestType].name === 'Normal';
  for (const nid of order) {
    const node = zones.node(nid)!;
    for (let type = highestType; type >= 0; type--) {
      const zone = node.zones[type];
      if (zone.managed && !zone.kind.device) list.push(zone.index);
      if (fallsBack && type === highestType && node.zones[prefer].managed) list.push(node.zones[prefer].index);
    }
  }
  return Int32Array.from(list);
}

/** Zone type (position among the configured kinds) that a GFP zone rank means on this machine: missing kinds are Normal. */
export function typeOfRank(zones: Zones, rank: number): number {
  const exact = zones.kinds.findIndex((k) => k.rank === rank);
  if (exact >= 0) return exact;
  const normal = zones.kinds.findIndex((k) => k.name === 'Normal');
  return normal >= 0 ? normal : 0;
}
