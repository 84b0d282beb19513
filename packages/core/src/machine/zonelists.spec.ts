import { describe, expect, it } from 'vitest';
import { nodeOrders } from './zonelists.ts';
import { Zones } from './zones.ts';

/** Nodes at distance 20 from each other, each with one populated zone. */
function nodes(count: number): Zones {
  const zones = new Zones(
    ['Normal', 'Movable'],
    Array.from({ length: count }, (_, nid) => ({
      nid,
      cpus: [],
      distances: Array.from({ length: count }, (_, n) => (n === nid ? 10 : 20)),
    })),
  );
  for (const node of zones.nodes) node.zones[0].presentPages = node.zones[0].managedPages = 1000;
  return zones;
}

describe('node fallback order', () => {
  // "Fallback order for Node …" of real boots with four nodes at distance 20.
  it('without known CPUs, as x86 builds at boot', () => {
    expect(nodeOrders(nodes(4))).toEqual([
      [0, 1, 2, 3],
      [1, 2, 3, 0],
      [2, 3, 0, 1],
      [3, 0, 1, 2],
    ]);
  });

  it('with CPUs on nodes 0 and 1, as powerpc builds at boot', () => {
    expect(nodeOrders(nodes(4), { nodesWithCpus: new Set([0, 1]), maxNodes: 256 })).toEqual([
      [0, 2, 3, 1],
      [1, 3, 2, 0],
      [2, 3, 0, 1],
      [3, 2, 0, 1],
    ]);
  });

  it('leaves nodes without memory out, and gives them a list of others', () => {
    const zones = nodes(3);
    zones.nodes[1].zones[0].presentPages = zones.nodes[1].zones[0].managedPages = 0;
    expect(nodeOrders(zones)[1]).not.toContain(1);
    expect(nodeOrders(zones)[1]).toHaveLength(2);
  });
});
