/**
 * Compaction's tracepoints, with the kernel's fields.
 *
 * Models: include/trace/events/compaction.h, migrate.h, 6.1 and 6.12.
 */
import {
  COMPACT_MODE,
  COMPACT_RESULT_NAMES,
  type CompactMode,
  type CompactResult,
  type CompactScan,
  type Tracepoints,
  type Zone,
} from '@replug/core';
import type { Deferral } from './deferral.ts';
import type { ZoneRun } from './run.ts';

const MODE_NAMES = ['MIGRATE_ASYNC', 'MIGRATE_SYNC_LIGHT', 'MIGRATE_SYNC'] as const;
const DEFERRALS = {
  deferred: 'mm_compaction_deferred',
  defer: 'mm_compaction_defer_compaction',
  reset: 'mm_compaction_defer_reset',
} as const;

export class CompactionTeller {
  private readonly trace: Tracepoints;

  constructor(trace: Tracepoints) {
    this.trace = trace;
  }

  suitable(zone: Zone, order: number, result: CompactResult): void {
    const trace = this.trace.mm_compaction_suitable;
    if (trace.enabled) trace.emit(zone.nid, zone.name, order, COMPACT_RESULT_NAMES[result]);
  }

  begin(zone: Zone, run: ZoneRun, mode: CompactMode): void {
    const trace = this.trace.mm_compaction_begin;
    if (trace.enabled) trace.emit(zone.startPfn, run.migratePfn, run.freePfn, zone.endPfn, modeWord(mode));
  }

  end(zone: Zone, run: ZoneRun, mode: CompactMode, result: CompactResult): void {
    const trace = this.trace.mm_compaction_end;
    if (!trace.enabled) return;
    trace.emit(zone.startPfn, run.migratePfn, run.freePfn, zone.endPfn, modeWord(mode), COMPACT_RESULT_NAMES[result]);
  }

  finished(zone: Zone, order: number, result: CompactResult): void {
    const trace = this.trace.mm_compaction_finished;
    if (trace.enabled) trace.emit(zone.nid, zone.name, order, COMPACT_RESULT_NAMES[result]);
  }

  sources({ start, end, scanned, taken }: CompactScan): void {
    const trace = this.trace.mm_compaction_isolate_migratepages;
    if (trace.enabled) trace.emit(start, end, scanned, taken);
  }

  /** `tellsFast`: the search of the lists has an event. */
  free({ start, end, scanned, taken, fast }: CompactScan, tellsFast: boolean): void {
    if (fast === true && !tellsFast) return;
    const { mm_compaction_fast_isolate_freepages: quick, mm_compaction_isolate_freepages: slow } = this.trace;
    const trace = fast === true ? quick : slow;
    if (trace.enabled) trace.emit(start, end, scanned, taken);
  }

  migrationStarts(mode: CompactMode): void {
    const trace = this.trace.mm_migrate_pages_start;
    if (trace.enabled) trace.emit(MODE_NAMES[mode], 'compaction');
  }

  migrationEnds(mode: CompactMode, moved: number, failed: number): void {
    const trace = this.trace.mm_migrate_pages;
    if (trace.enabled) trace.emit(moved, failed, 0, 0, 0, 0, MODE_NAMES[mode], 'compaction');
  }

  migrated(moved: number, failed: number): void {
    const trace = this.trace.mm_compaction_migratepages;
    if (trace.enabled) trace.emit(moved, failed);
  }

  tryToCompact(order: number, gfp: number, priority: number): void {
    const trace = this.trace.mm_compaction_try_to_compact_pages;
    if (trace.enabled) trace.emit(order, gfp, priority);
  }

  deferral(what: keyof typeof DEFERRALS, zone: Zone, order: number, state: Deferral): void {
    const trace = this.trace[DEFERRALS[what]];
    if (!trace.enabled) return;
    trace.emit(zone.nid, zone.name, order, state.orderFailed, state.considered, 1 << state.deferShift);
  }

  wakeup(nid: number, order: number, zone: string): void {
    const trace = this.trace.mm_compaction_wakeup_kcompactd;
    if (trace.enabled) trace.emit(nid, order, zone);
  }

  wakes(nid: number, order: number, zone: string): void {
    const trace = this.trace.mm_compaction_kcompactd_wake;
    if (trace.enabled) trace.emit(nid, order, zone);
  }

  sleeps(nid: number): void {
    const trace = this.trace.mm_compaction_kcompactd_sleep;
    if (trace.enabled) trace.emit(nid);
  }
}

const modeWord = (mode: CompactMode): string => (mode === COMPACT_MODE.ASYNC ? 'async' : 'sync');
