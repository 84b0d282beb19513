/**
 * What readers find out, before it becomes a Recording: facts of one step, facts of the machine, a trace. Every importer
 * fills in what its format tells.
 */
import type { DmesgFacts, PageOwner, Step } from '@replug/workload';
import type { FtraceText } from './ftrace-text/ftrace-text.ts';
import type { MachineFacts } from './meta/meta.ts';
import type { SysfsTree } from './sysfs/tree.ts';

type StepFields = Omit<
  Step,
  'number' | 'name' | 'path' | 'hasPageFlags' | 'pageFlags' | 'pageOwner' | 'memoryBlocks' | 'nodes'
>;

/** Facts of one step; all of one instant. */
export type StepFacts = { -readonly [K in keyof StepFields]?: StepFields[K] } & {
  sysfs?: SysfsTree;
  /** Raw u64 words in the machine's byte order, which may not be known yet. */
  pageFlagBytes?: Uint8Array;
  pageCountBytes?: Uint8Array;
  pageOwner?: PageOwner;
};

/** Something that has to be told beside the facts: a warning of this name. */
export interface Note {
  readonly name: string;
  readonly text: string;
}

export interface Facts {
  readonly step?: StepFacts;
  readonly machine?: MachineFacts;
  readonly dmesg?: DmesgFacts;
  readonly trace?: FtraceText;
  /** Name of the trace clock in use. */
  readonly traceClock?: string;
  readonly notes?: readonly Note[];
}

/** Adds `from` to `into`; what is known already stays. Listings of sysfs are joined. */
export function mergeStep(into: StepFacts, from: StepFacts): void {
  const { sysfs, ...rest } = from;
  for (const [key, value] of Object.entries(rest)) {
    if (value !== undefined) (into as Record<string, unknown>)[key] ??= value;
  }
  if (sysfs === undefined) return;
  into.sysfs ??= { files: new Map(), links: new Map() };
  for (const [path, content] of sysfs.files) into.sysfs.files.set(path, content);
  for (const [path, target] of sysfs.links) into.sysfs.links.set(path, target);
}

export function mergeMachine(into: MachineFacts, from: MachineFacts): void {
  into.arch ??= from.arch;
  into.pageSize ??= from.pageSize;
  into.kernel ??= from.kernel;
  into.commandLine ??= from.commandLine;
}
