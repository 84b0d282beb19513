/**
 * Static fidelity: min, low, high and promo marks, protection arrays, pcp batch and limits of recorded dumps against what
 * the formulas give for the same machine at the same moment of its history.
 *
 *   const report = fidelityStatic([await openRecording('captures/x86_64-6.12-dimm')]);
 *   console.log(renderStaticFidelity(report));
 *
 * Nothing is fitted: inputs are page counts, block states, CPUs, huge page support, written sysctls and the amounts that the
 * boot log says came back after boot. How the parts work is told in fidelity-static-{facts,timeline,replay,compare}.ts.
 */
import type {
  CheckCount,
  HighCount,
  StaticChecks,
  StaticDump,
  StaticFidelityReport,
  StaticSummary,
} from '@replug/report';
import type { Recording } from '@replug/workload';
import { DumpComparison } from './fidelity-static-compare.ts';
import { isDump, type DumpStep } from './fidelity-static-facts.ts';
import { readLogs } from './fidelity-static-logs.ts';
import { StaticReplay } from './fidelity-static-replay.ts';

export function fidelityStatic(recordings: readonly Recording[]): StaticFidelityReport {
  const dumps: StaticDump[] = [];
  const skipped: { path: string; reason: string }[] = [];
  for (const recording of recordings) {
    const steps = recording.steps.filter(isDump);
    for (const step of recording.steps) {
      const reason = skipReason(step);
      if (reason !== undefined) skipped.push({ path: step.path, reason });
    }
    if (steps.length === 0)
      skipped.push({ path: recording.path, reason: 'no step with a zoneinfo that has managed pages' });
    else dumps.push(...judge(recording, steps));
  }
  return { dumps, summary: summarize(dumps), skipped };
}

/** One report from several, so that a long list of captures need not be held open at once. */
export function mergeStaticFidelity(reports: readonly StaticFidelityReport[]): StaticFidelityReport {
  const dumps = reports.flatMap((report) => report.dumps);
  return { dumps, summary: summarize(dumps), skipped: reports.flatMap((report) => report.skipped) };
}

function skipReason(step: Recording['steps'][number]): string | undefined {
  if (!isDump(step))
    return step.zoneinfo === undefined ? undefined : 'zoneinfo without managed pages or with unknown zones';
  return step.sysctl === undefined ? 'no sysctl-vm.txt: written values are unknown' : undefined;
}

function judge(recording: Recording, steps: readonly DumpStep[]): StaticDump[] {
  const replay = new StaticReplay(recording, steps[0], readLogs(recording.path));
  const dumps: StaticDump[] = [];
  let before: ReadonlyMap<string, number> = new Map();
  for (const step of steps) {
    replay.advance(step);
    const comparison = new DumpComparison(step, replay, before);
    before = comparison.highs;
    replay.leave();
    if (step.sysctl === undefined) continue;
    const { tuning } = replay;
    const { checks, misses } = comparison;
    dumps.push({
      path: step.path,
      recording: recording.name,
      arch: recording.arch,
      kernel: recording.kernel,
      step: `${String(step.number).padStart(2, '0')}-${step.name}`,
      zones: step.zoneinfo.zones.length,
      minFreeKbytes: tuning.sysctl.min_free_kbytes,
      minFreeWritten: tuning.userMinFreeKbytes === tuning.sysctl.min_free_kbytes,
      checks,
      exact: misses.length === 0,
      misses,
      notes: replay.notes,
    });
  }
  return dumps;
}

function summarize(dumps: readonly StaticDump[]): StaticSummary[] {
  const groups = new Map<string, StaticDump[]>();
  for (const dump of dumps) {
    const key = `${dump.arch} ${dump.kernel}`;
    groups.set(key, [...(groups.get(key) ?? []), dump]);
  }
  return [...groups.values()]
    .map((group) => ({
      arch: group[0].arch,
      kernel: group[0].kernel,
      dumps: { exact: group.filter((dump) => dump.exact).length, total: group.length },
      checks: group.map((dump) => dump.checks).reduce(addChecks),
    }))
    .sort((a, b) => (`${a.arch} ${a.kernel}` < `${b.arch} ${b.kernel}` ? -1 : 1));
}

function addChecks(a: StaticChecks, b: StaticChecks): StaticChecks {
  const add = (x: CheckCount, y: CheckCount): CheckCount => ({ exact: x.exact + y.exact, total: x.total + y.total });
  const addHigh = (x: HighCount, y: HighCount): HighCount => ({
    ...add(x, y),
    within: x.within + y.within,
    kept: x.kept + y.kept,
  });
  return {
    minFreeKbytes: add(a.minFreeKbytes, b.minFreeKbytes),
    watermarks: add(a.watermarks, b.watermarks),
    protection: add(a.protection, b.protection),
    pcpBatch: add(a.pcpBatch, b.pcpBatch),
    pcpHigh: addHigh(a.pcpHigh, b.pcpHigh),
  };
}
