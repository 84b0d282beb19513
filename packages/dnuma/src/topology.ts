/**
 * Which node a CPU belongs to and how far nodes are from each other, changed at run time: what a layout needs beside it to be
 * of use. Zonelists follow by one rebuild.
 *
 * Not followed: the per-CPU list sizes that depend on how many CPUs a node has; they change when zones are sized anew.
 */
import type { Machine, Nid } from '@replug/core';
import { badCpu, badDistance, unknownNid } from './errors.ts';

export interface CpuMove {
  readonly cpu: number;
  readonly nid: Nid;
}
export interface DistanceChange {
  readonly from: Nid;
  readonly to: Nid;
  readonly value: number;
}

/** Throws RP2303, RP2311, RP2312; changes nothing. */
export function checkTopology(machine: Machine, cpus: readonly CpuMove[], distances: readonly DistanceChange[]): void {
  const known = machine.zones.nodes.map(({ nid }) => nid);
  const count = machine.description.cpus;
  for (const nid of [...cpus.map((one) => one.nid), ...distances.flatMap(({ from, to }) => [from, to])])
    if (!known.includes(nid)) throw unknownNid(nid, known);
  for (const { cpu } of cpus) if (!(Number.isInteger(cpu) && cpu >= 0 && cpu < count)) throw badCpu(cpu, count);
  for (const { from, to, value } of distances) {
    const fits = Number.isInteger(value) && (from === to ? value === 10 : value > 10 && value <= 255);
    if (!fits) throw badDistance(value);
  }
}

/** Does it, checked before. Distances hold in both directions. Returns nodes that a CPU came to. */
export function changeTopology(machine: Machine, cpus: readonly CpuMove[], distances: readonly DistanceChange[]): void {
  const { nodes, distances: table } = machine.zones;
  for (const { cpu, nid } of cpus) {
    for (const node of nodes) {
      const own: readonly number[] = node.cpus.filter((one) => one !== cpu);
      const now = node.nid === nid ? [...own, cpu].sort((a, b) => a - b) : own;
      (node as { cpus: readonly number[] }).cpus = now;
      if (node.nid === nid) node.online = true;
    }
  }
  const at = (nid: Nid): number => nodes.findIndex((node) => node.nid === nid);
  for (const { from, to, value } of distances) {
    for (const [a, b] of [
      [at(from), at(to)],
      [at(to), at(from)],
    ]) {
      const row = [...table[a]];
      row[b] = value;
      (table as number[][])[a] = row;
    }
  }
}
