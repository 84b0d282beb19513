/**
 * Compaction's files, and kcompactd's check ahead of need.
 *
 *   /proc/sys/vm/compact_memory                 a write compacts all nodes (6.12: only `1`)
 *   /proc/sys/vm/compaction_proactiveness       0–100
 *   /proc/sys/vm/extfrag_threshold              0–1000
 *   /sys/devices/system/node/nodeN/compact      a write compacts the node
 *
 * Models: mm/compaction.c sysctl_compaction_handler(), compaction_proactiveness_sysctl_handler(), vm_compaction[],
 * compact_store(), kcompactd(), 6.1 and 6.12.
 */
import { KernfsError, type Machine, type SubsystemScope, type VirtualClock } from '@replug/core';
import type { FreeArea } from '../free-area.ts';
import { MAX_DEFER_SHIFT } from './deferral.ts';
import { nodeScore, scoreMarks } from './suitability.ts';
import type { BuddyCompaction } from './compact.ts';

/** HPAGE_FRAG_CHECK_INTERVAL_MSEC, ns. */
const CHECK_INTERVAL = 500e6;

export function publishCompaction(scope: SubsystemScope, machine: Machine, compaction: BuddyCompaction): void {
  const { tunables, rules } = compaction;
  const all = '/proc/sys/vm/compact_memory';
  scope.control(all, (text) => {
    const value = Number(text.trim());
    if (!Number.isInteger(value) || text.trim() === '') throw new KernfsError('EINVAL', 'not a number', all);
    if (rules.refusesOddWrites && value !== 1) throw new KernfsError('EINVAL', 'only 1 compacts', all);
    for (const node of machine.zones.nodes) if (node.online) compaction.compactNode(node.nid);
  });
  const number = (name: string, max: number, get: () => number, set: (value: number) => void): void => {
    const path = `/proc/sys/vm/${name}`;
    scope.view(path, {
      read: () => `${get()}\n`,
      write: (text) => {
        const value = Number(text.trim());
        if (!Number.isInteger(value) || text.trim() === '' || value < 0 || value > max)
          throw new KernfsError('EINVAL', `not a value of ${name}: ${text.trim()}`, path);
        set(value);
      },
    });
  };
  number(
    'compaction_proactiveness',
    100,
    () => tunables.proactiveness,
    (value) => (tunables.proactiveness = value),
  );
  number(
    'extfrag_threshold',
    1000,
    () => tunables.extfragThreshold,
    (value) => (tunables.extfragThreshold = value),
  );
  for (const { nid } of machine.zones.nodes) {
    scope.control(`/sys/devices/system/node/node${nid}/compact`, () => void compaction.compactNode(nid));
  }
}

/** kcompactd's timer: compacts a node whose free memory got too fragmented, and rests after a run without progress. */
export class ProactiveCompaction {
  private readonly machine: Machine;
  private readonly area: FreeArea;
  private readonly compaction: BuddyCompaction;
  /** Checks that a node sits out. */
  private readonly rests = new Map<number, number>();

  constructor(machine: Machine, area: FreeArea, compaction: BuddyCompaction) {
    this.machine = machine;
    this.area = area;
    this.compaction = compaction;
  }

  start(clock: VirtualClock): void {
    const tick = (): void => {
      this.check();
      clock.at(clock.now + CHECK_INTERVAL, tick);
    };
    clock.at(clock.now + CHECK_INTERVAL, tick);
  }

  check(): void {
    const { proactiveness } = this.compaction.tunables;
    if (proactiveness === 0) return;
    for (const node of this.machine.zones.nodes) {
      if (!node.online) continue;
      const left = this.rests.get(node.nid) ?? 0;
      if (left > 0) {
        this.rests.set(node.nid, left - 1);
        continue;
      }
      const score = (): number => nodeScore(this.area, node.zones, this.area.pageblockOrder);
      const before = score();
      if (before <= scoreMarks(proactiveness).high) continue;
      this.compaction.compactNode(node.nid, true);
      this.rests.set(node.nid, score() < before ? 0 : 1 << MAX_DEFER_SHIFT);
    }
  }
}
