/**
 * Where a page lies, and what each step's own files say of it: zone and node as the rebuilt machine has them, kpageflags,
 * kpagecount, the state of its memory block.
 */
import { ReplugError, type MachineDescription } from '@replug/core';
import { describeRecorded } from '@replug/replay';
import type { PageStepReport } from '@replug/report';
import { resolveTime, stepLabel, type ClockAlignment, type Recording, type Step } from '@replug/workload';
import { pageFlagNames } from './page-flag-names.ts';

/** The machine with all memory that any step has; undefined when no step describes it. */
export function machineOf(recording: Recording): MachineDescription | undefined {
  const described = recording.steps.filter((step) => step.zoneinfo !== undefined);
  if (described.length === 0) return undefined;
  try {
    return describeRecorded(recording, described[0], described.slice(1));
  } catch (error) {
    // An architecture without a profile: the events can still be told.
    if (error instanceof ReplugError) return undefined;
    throw error;
  }
}

/** Node and zone of a page; undefined when no zone has it. */
export function zoneOf(machine: MachineDescription, pfn: number): { node: number; zone: string } | undefined {
  const inside = ({ start, end }: { start: number; end: number }): boolean => pfn >= start && pfn < end;
  const found = machine.zones.find((zone) => (zone.members ?? []).some(inside));
  return found === undefined ? undefined : { node: found.nid, zone: found.kind };
}

/** The machine's memory as text for people: `0x0-0x3ffff, 0x100000-0x13ffff`. */
export function memoryText({ memory }: MachineDescription): string {
  const ranges = memory.map(({ start, end }) => `0x${start.toString(16)}-0x${(end - 1).toString(16)}`);
  return ranges.length > 8
    ? `${ranges.slice(0, 8).join(', ')} and ${ranges.length - 8} more ranges`
    : ranges.join(', ');
}

/** A step with its place among the events. */
export interface PageStep extends PageStepReport {
  /** Events [.., index) come before it; undefined when nothing tells. */
  readonly index: number | undefined;
}

/** What every step says of a page, in step order. */
export function pageSteps(recording: Recording, pfn: number, alignment: ClockAlignment | undefined): PageStep[] {
  return recording.steps.map((step) => ({
    step: stepLabel(step),
    ...placed(recording, step, alignment),
    ...flagsOf(step, pfn),
    memoryBlockState: blockState(recording, step, pfn),
  }));
}

function placed(recording: Recording, step: Step, alignment: ClockAlignment | undefined) {
  try {
    const { ns, eventIndex } = resolveTime(recording, { kind: 'step', ref: step.number }, alignment);
    return { time: Number.isNaN(ns) ? null : ns / 1e9, index: recording.trace === undefined ? undefined : eventIndex };
  } catch (error) {
    if (error instanceof ReplugError) return { time: null, index: undefined };
    throw error;
  }
}

function flagsOf(step: Step, pfn: number): Pick<PageStepReport, 'flags' | 'mapped'> {
  const flags = step.hasPageFlags ? step.pageFlags() : undefined;
  if (flags === undefined || pfn >= flags.length) return { flags: null, mapped: null };
  return {
    flags: pageFlagNames(flags.low[pfn], flags.high[pfn]),
    mapped: flags.count === undefined || pfn >= flags.count.length ? null : flags.count[pfn],
  };
}

function blockState({ pageSize }: Recording, { memoryBlocks }: Step, pfn: number): string | null {
  if (memoryBlocks === undefined) return null;
  const id = Math.floor((pfn * pageSize) / memoryBlocks.blockSize);
  return memoryBlocks.blocks.find((block) => block.id === id)?.state ?? 'absent';
}
