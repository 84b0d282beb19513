/**
 * Parts of a Recording as messages and back. Most parts are messages as they stand; here is what differs: lists and maps
 * that may be absent get a message around them, since protobuf knows no absent list.
 *
 * What comes from a file is checked as far as its types do not: numbers are finite, words are of their small vocabularies.
 */
import type { ArchName, FileAccount, Recording, Step, StepTime, TraceFile, Zoneinfo } from '../recording.ts';
import type { AccountMessage, HeaderMessage, Provenance, StepMessage, TraceMessage } from './schema.ts';
import { catalogueKinds } from './kinds.ts';

/** Thrown for a message whose values cannot be; the caller names the place. */
export class BadMessage extends Error {}

/** What is known of a recording before its steps and events. */
export type RecordingHead = Pick<
  Recording,
  'name' | 'path' | 'arch' | 'pageSize' | 'kernel' | 'commandLine' | 'bigEndian'
>;

/** What is known of a trace beside its events. */
export type TraceFacts = Omit<TraceFile, 'events'>;

/** A step without its page flags and page owners. */
export type StepFacts = Omit<Step, 'hasPageFlags' | 'pageFlags' | 'pageOwner'>;

const ARCHES: readonly ArchName[] = ['x86_64', 'ppc64le', 'ppc64', 's390x', 'aarch64', 'unknown'];
const TRACING: readonly StepTime['tracing'][] = ['started-after-reading', 'stopped-before-reading', 'unchanged'];
const LARGEST_PAGE = 1 << 24;

const NO_PROVENANCE: Provenance = { writer: '', options: {}, sources: [] };

export function headerMessage(head: RecordingHead, provenance: Provenance): HeaderMessage {
  const { name, path, arch, pageSize, kernel, commandLine, bigEndian } = head;
  return { name, path, arch, pageSize, kernel, commandLine, bigEndian, provenance, kinds: catalogueKinds() };
}

export function readHeader(message: HeaderMessage): { readonly head: RecordingHead; readonly provenance: Provenance } {
  checkNumbers(message);
  const { name, path, pageSize, kernel, commandLine, bigEndian, provenance } = message;
  if (pageSize < 1 || pageSize > LARGEST_PAGE || (pageSize & (pageSize - 1)) !== 0)
    throw new BadMessage('no page size');
  const arch = oneOf(ARCHES, message.arch, 'architecture');
  return {
    head: { name, path, arch, pageSize, kernel, commandLine, bigEndian },
    provenance: provenance ?? NO_PROVENANCE,
  };
}

export function stepMessage(step: StepFacts, ordinal: number, hasPageFlags: boolean): StepMessage {
  // Every field by name: one that is new in Step does not pass the type check before it has a place here.
  const { number, name, path, when, zoneinfo, pagetypeinfo, memoryBlocks, ...rest } = step;
  const { buddyinfo, buddyinfo2, iomem, nodes, sysctl, vmstat, meminfo, extfragIndex, unusableIndex, ...none } = rest;
  none satisfies Record<string, never>;
  return {
    ordinal,
    number,
    name,
    path,
    when,
    zoneinfo: zoneinfo && { unknownKeys: zoneinfo.unknownKeys, zones: zoneinfo.zones.map(zoneMessage) },
    buddyinfo: buddyinfo && { zones: buddyinfo },
    buddyinfo2: buddyinfo2 && { zones: buddyinfo2 },
    pagetypeinfo,
    iomem: iomem && { ranges: iomem },
    memoryBlocks,
    nodes: nodes && { nodes },
    sysctl: sysctl && { values: sysctl },
    vmstat: vmstat && { values: vmstat },
    meminfo: meminfo && { values: meminfo },
    extfragIndex: extfragIndex && { rows: extfragIndex },
    unusableIndex: unusableIndex && { rows: unusableIndex },
    hasPageFlags,
  };
}

function zoneMessage({ nodeStats, ...zone }: Zoneinfo['zones'][number]) {
  return { ...zone, nodeStats: nodeStats && { values: nodeStats } };
}

export function readStep(message: StepMessage): StepFacts {
  checkNumbers(message);
  const { number, name, path, when, zoneinfo, pagetypeinfo, memoryBlocks } = message;
  return defined({
    number,
    name,
    path,
    when: when && {
      ...when,
      tracing: oneOf(TRACING, when.tracing, 'state of tracing'),
      order: when.order?.length === 0 ? undefined : when.order,
    },
    zoneinfo: zoneinfo && {
      zones: zoneinfo.zones.map(({ nodeStats, ...zone }) => defined({ ...zone, nodeStats: nodeStats?.values })),
      unknownKeys: zoneinfo.unknownKeys,
    },
    buddyinfo: message.buddyinfo?.zones,
    buddyinfo2: message.buddyinfo2?.zones,
    pagetypeinfo,
    iomem: message.iomem?.ranges,
    memoryBlocks,
    nodes: message.nodes?.nodes,
    sysctl: message.sysctl?.values,
    vmstat: message.vmstat?.values,
    meminfo: message.meminfo?.values,
    extfragIndex: message.extfragIndex?.rows,
    unusableIndex: message.unusableIndex?.rows,
  });
}

export function accountMessage({ details, ...account }: FileAccount): AccountMessage {
  return { ...account, details: details && { values: details } };
}

export function readAccount({ details, ...account }: AccountMessage): FileAccount {
  return defined({ ...account, details: details?.values });
}

export function traceMessage({ path, counts, lost, clock, fromBoot }: TraceFacts, rows: number): TraceMessage {
  return { path, rows, counts, lost, clock, fromBoot };
}

/** Throws BadMessage when a number in it, at any depth, is not finite. */
export function checkNumbers(value: unknown): void {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new BadMessage('not a finite number');
  } else if (Array.isArray(value)) {
    for (const item of value) checkNumbers(item);
  } else if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    for (const item of Object.values(value)) checkNumbers(item);
  }
}

/** Without the fields that are undefined, as a reader of dumps leaves them out. */
function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;
}

function oneOf<T extends string>(words: readonly T[], word: string, what: string): T {
  if (!(words as readonly string[]).includes(word)) throw new BadMessage(`unknown ${what}`);
  return word as T;
}
