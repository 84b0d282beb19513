/**
 * Nodes that get their first memory or lose their last by a change of layout. Everybody is asked before anything is
 * published; a veto cancels what was told and leaves the machine as it was. Each GOING is followed by its end or its cancel.
 *
 * No page comes or goes: the memory chain is told of no pages (startPfn 0, nrPages 0), with the node in statusChangeNid, so
 * that drivers who look at ranges find nothing of theirs. Both chains are told; which of the two a kernel has depends on its
 * version (node chain: 6.17).
 *
 * Models: drivers/base/node.c node_notify() (6.17); mm/memory_hotplug.c online_pages(), offline_pages(),
 * try_offline_node(), 6.12, as far as nodes go.
 */
import { MEM, memoryNotifyOf, NODE, type MemoryAction, type Nid, type NodeAction } from '@replug/core';
import { commitVetoed } from './errors.ts';
import type { DnumaParts } from './parts.ts';

interface Steps {
  readonly node: readonly [going: NodeAction, done: NodeAction, cancel: NodeAction];
  readonly memory: readonly [going: MemoryAction, done: MemoryAction, cancel: MemoryAction];
}
const GAINS: Steps = {
  node: [NODE.ADDING_FIRST_MEMORY, NODE.ADDED_FIRST_MEMORY, NODE.CANCEL_ADDING_FIRST_MEMORY],
  memory: [MEM.GOING_ONLINE, MEM.ONLINE, MEM.CANCEL_ONLINE],
};
const LOSES: Steps = {
  node: [NODE.REMOVING_LAST_MEMORY, NODE.REMOVED_LAST_MEMORY, NODE.CANCEL_REMOVING_LAST_MEMORY],
  memory: [MEM.GOING_OFFLINE, MEM.OFFLINE, MEM.CANCEL_OFFLINE],
};

const memoryPayload = (nid: Nid) => memoryNotifyOf(0, 0, { statusChangeNid: nid, statusChangeNidNormal: nid });

export class NodeStates {
  private readonly parts: DnumaParts;
  /** Nodes that agreed to lose their memory and still have some. */
  private readonly leaving = new Set<Nid>();

  constructor(parts: DnumaParts) {
    this.parts = parts;
  }

  /** Asks everybody whether nodes may gain and lose memory; returns what ends it well. Throws RP2306 when one refuses. */
  prepare(gaining: readonly Nid[], losing: readonly Nid[]): () => void {
    const { machine } = this.parts;
    const told: (() => void)[] = [];
    const undo = (): void => told.reverse().forEach((cancel) => cancel());
    // A node that was to lose its memory and gets new has not lost it: those who agreed are told that it stays.
    for (const nid of gaining) if (this.leaving.has(nid)) this.cancelLeaving(nid);
    const first = gaining.filter((nid) => machine.zones.node(nid)!.presentPages === 0);
    for (const nid of first) this.ask(nid, GAINS, told, undo);
    const last = losing.filter((nid) => machine.zones.node(nid)!.presentPages > 0 && !this.leaving.has(nid));
    for (const nid of last) this.ask(nid, LOSES, told, undo);
    return () => {
      for (const nid of first) this.tell(nid, GAINS);
      for (const nid of last) this.leaving.add(nid);
      this.finish();
    };
  }

  /** The letter's way: the node is announced, and that is all. */
  announceOnly(nid: Nid): void {
    this.parts.notifiers.call(MEM.GOING_ONLINE, memoryPayload(nid));
  }

  /** Nodes that are to get memory are shown from now on. */
  online(nids: readonly Nid[]): void {
    for (const nid of nids) this.parts.machine.zones.node(nid)!.online = true;
  }

  /** Tells of nodes that have lost their last page since. One without CPUs is shown nowhere then. */
  finish(): void {
    const { zones } = this.parts.machine;
    for (const nid of [...this.leaving]) {
      const node = zones.node(nid)!;
      if (node.presentPages > 0) continue;
      this.leaving.delete(nid);
      this.tell(nid, LOSES);
      if (node.cpus.length === 0) node.online = false;
    }
  }

  /** Nodes that are to lose their memory and have not yet. */
  get waiting(): readonly Nid[] {
    return [...this.leaving];
  }

  private cancelLeaving(nid: Nid): void {
    this.leaving.delete(nid);
    this.cancel(nid, LOSES);
  }

  private ask(nid: Nid, steps: Steps, told: (() => void)[], undo: () => void): void {
    const { notifiers, nodeNotifiers, clock } = this.parts;
    const node = nodeNotifiers.call(steps.node[0], { nid });
    clock.charge('notifierCall', node.calls);
    told.push(() => void nodeNotifiers.call(steps.node[2], { nid }));
    if (!node.stopped) {
      const memory = notifiers.call(steps.memory[0], memoryPayload(nid));
      clock.charge('notifierCall', memory.calls);
      told.push(() => void notifiers.call(steps.memory[2], memoryPayload(nid)));
      if (!memory.stopped) return;
      undo();
      throw commitVetoed(nid, memory.errno, memory.stoppedBy!);
    }
    undo();
    throw commitVetoed(nid, node.errno, node.stoppedBy!);
  }

  private tell(nid: Nid, steps: Steps): void {
    const { notifiers, nodeNotifiers, clock } = this.parts;
    clock.charge('notifierCall', notifiers.call(steps.memory[1], memoryPayload(nid)).calls);
    clock.charge('notifierCall', nodeNotifiers.call(steps.node[1], { nid }).calls);
  }

  private cancel(nid: Nid, steps: Steps): void {
    const { notifiers, nodeNotifiers } = this.parts;
    notifiers.call(steps.memory[2], memoryPayload(nid));
    nodeNotifiers.call(steps.node[2], { nid });
  }
}
