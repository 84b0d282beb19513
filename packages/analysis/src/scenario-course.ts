/** A scenario during a replay: its instants on the trace clock, and what its commands came to. */
import type { Kernel } from '@replug/core';
import { ScenarioCourse, type Scenario, type Span } from '@replug/replay';
import type { ScenarioCourseReport } from '@replug/report';
import { resolveTime, type Recording } from '@replug/workload';

/** Errors: those of resolveTime(), for an instant that the recording does not have. */
export function courseOf(recording: Recording, span: Span, scenario: Scenario, kernel: Kernel): ScenarioCourse {
  const { time } = span.events;
  return new ScenarioCourse(kernel, scenario.commands, {
    begin: time[span.from] ?? 0,
    instantOf(at) {
      const { ns, eventIndex } = resolveTime(recording, at);
      return Number.isFinite(ns) ? ns : (time[eventIndex] ?? Infinity);
    },
  });
}

export function courseReport({ results, left }: ScenarioCourse): ScenarioCourseReport {
  return { commands: [...results], failed: results.filter(({ errno }) => errno !== 0).length, notReached: left };
}
