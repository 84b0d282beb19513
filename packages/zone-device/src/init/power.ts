/**
 * What a machine's description does not say of its memory: how fast it is. Numbers of kinds of machines, each with its
 * source; a user who knows better gives `NodePower` of their own.
 *
 * Units: bytes a second.
 */
import type { MachineDescription } from '@replug/core';
import type { Medium, NodePower } from './work-pool.ts';

/**
 * Share of the channels' rated bandwidth that a stream of stores gets. STREAM on a Xeon E5-2600 v3 pair, Puget Systems:
 * 102 GB/s of 136.5 GB/s.
 */
export const SUSTAINED_SHARE = 0.75;

/** A store to a line that no cache has reads the line first: 64 bytes in, 64 bytes out for a struct page of 64. */
export const BUS_BYTES_PER_BYTE = 2;

/** Sustained bandwidth of `channels` of DDR memory at `megatransfers` a second, 8 bytes each. */
export const sustained = (channels: number, megatransfers: number): number =>
  channels * megatransfers * 1e6 * 8 * SUSTAINED_SHARE;

/** A two-socket server of 2018, a node: 6 channels of DDR4-2666. */
export const DEFAULT_NODE_BANDWIDTH = sustained(6, 2666);

/**
 * Writes to persistent memory, a node with 6 modules: 2.3 GB/s a module of sequential writes, Izraelevitz et al., Basic
 * Performance Measurements of the Intel Optane DC Persistent Memory Module, 2019.
 */
export const OPTANE_NODE_WRITE = 6 * 2.3e9;
export const optane = (nid: number): Medium => ({ name: `pmem of node ${nid}`, bytesPerSecond: OPTANE_NODE_WRITE });

/**
 * Power of a machine's nodes. Each CPU counts as a core: the description tells no siblings apart. A node without CPUs is
 * served by all CPUs of the machine.
 */
export function powerOf({ nodes, cpus }: Pick<MachineDescription, 'nodes' | 'cpus'>): NodePower[] {
  return nodes.map(({ nid, cpus: own }) => {
    const count = own.length > 0 ? own.length : Math.max(1, cpus);
    return { nid, cpus: count, cores: count, bytesPerSecond: DEFAULT_NODE_BANDWIDTH };
  });
}
