/**
 * The messages of schema/replug.proto as plain objects. Field names are those of a Recording, in camel case as protobuf
 * makes them of `start_pfn`; so most parts of a Recording are messages as they stand.
 */
import protobuf from 'protobufjs/light.js';
import type { Task } from '../events.ts';
import type {
  BuddyinfoZone,
  DmesgFacts,
  FileAccount,
  IndexRow,
  IomemRange,
  MemoryBlocks,
  NodeInfo,
  Pagetypeinfo,
  StepTime,
  Warning,
  Zoneinfo,
  ZoneinfoZone,
} from '../recording.ts';
import { DESCRIPTOR } from './descriptor.ts';

type Numbers = Readonly<Record<string, number>>;

export interface SourceFile {
  readonly path: string;
  readonly bytes: number;
  /** Hexadecimal; '' where the file could not be hashed. */
  readonly sha256: string;
}

export interface Provenance {
  /** Program and version. */
  readonly writer: string;
  /** How the recording was read. */
  readonly options: Readonly<Record<string, string>>;
  readonly sources: readonly SourceFile[];
}

export interface KindMessage {
  readonly name: string;
  readonly fields: readonly string[];
}

export interface HeaderMessage {
  readonly name: string;
  readonly path: string;
  readonly arch: string;
  readonly pageSize: number;
  readonly kernel: string;
  readonly commandLine: string;
  readonly bigEndian: boolean;
  readonly provenance: Provenance | null;
  readonly kinds: readonly KindMessage[];
}

export interface StepMessage {
  readonly ordinal: number;
  readonly number: number;
  readonly name: string;
  readonly path: string;
  readonly when?: Omit<StepTime, 'tracing'> & { readonly tracing: string };
  readonly zoneinfo?: Omit<Zoneinfo, 'zones'> & { readonly zones: readonly ZoneMessage[] };
  readonly buddyinfo?: { readonly zones: readonly BuddyinfoZone[] };
  readonly buddyinfo2?: { readonly zones: readonly BuddyinfoZone[] };
  readonly pagetypeinfo?: Pagetypeinfo;
  readonly iomem?: { readonly ranges: readonly IomemRange[] };
  readonly memoryBlocks?: MemoryBlocks;
  readonly nodes?: { readonly nodes: readonly NodeInfo[] };
  readonly sysctl?: { readonly values: Readonly<Record<string, string>> };
  readonly vmstat?: { readonly values: Numbers };
  readonly meminfo?: { readonly values: Numbers };
  readonly extfragIndex?: { readonly rows: readonly IndexRow[] };
  readonly unusableIndex?: { readonly rows: readonly IndexRow[] };
  readonly hasPageFlags: boolean;
}

export type ZoneMessage = Omit<ZoneinfoZone, 'nodeStats'> & { readonly nodeStats?: { readonly values: Numbers } };

export type AccountMessage = Omit<FileAccount, 'details'> & { readonly details?: { readonly values: Numbers } };

export interface ColumnMessage {
  readonly coding: number;
  readonly width: number;
  readonly base: number;
  readonly unit: number;
  readonly packed: boolean;
  readonly data: Uint8Array;
}

export interface PageFlagsMessage {
  readonly ordinal: number;
  readonly firstPfn: number;
  readonly pages: number;
  readonly low: ColumnMessage | null;
  readonly high: ColumnMessage | null;
  readonly count?: ColumnMessage;
}

export interface PageOwnerTextsMessage {
  readonly ordinal: number;
  readonly list: number;
  readonly first: number;
  readonly texts: readonly string[];
  readonly masks: readonly number[];
}

export const PAGE_OWNER_COLUMNS = [
  'pfn',
  'order',
  'type',
  'blockType',
  'gfp',
  'pid',
  'tgid',
  'comm',
  'time',
  'freeTime',
  'flagsLow',
  'flagsHigh',
  'flagNames',
  'stack',
  'moved',
  'memcg',
  'marks',
] as const;

export type PageOwnerColumnName = (typeof PAGE_OWNER_COLUMNS)[number];

export type PageOwnerMessage = Readonly<Record<PageOwnerColumnName, ColumnMessage | null>> & {
  readonly ordinal: number;
  readonly firstRow: number;
  readonly rows: number;
  readonly times?: ColumnMessage;
  readonly pages?: ColumnMessage;
};

export interface PageOwnerEndMessage {
  readonly ordinal: number;
  readonly rows: number;
  readonly pageblockOrder?: number;
  /** Entries of each list. */
  readonly texts: readonly number[];
}

export interface DictionaryMessage {
  readonly firstWord: number;
  readonly words: readonly string[];
  readonly firstGfpText: number;
  readonly gfpTexts: readonly string[];
  readonly firstFlagText: number;
  readonly flagTexts: readonly string[];
  readonly firstTask: number;
  readonly tasks: readonly Task[];
  readonly firstStack: number;
  readonly stacks: readonly string[];
}

export const EVENT_COLUMNS = ['time', 'pfnLow', 'pfnHigh', 'kind', 'unit', 'flags', 'cpu', 'gfp', 'task'] as const;

export type EventColumnName = (typeof EVENT_COLUMNS)[number];

export type EventsMessage = Readonly<Record<EventColumnName | 'args', ColumnMessage | null>> & {
  readonly firstRow: number;
  readonly rows: number;
  readonly leastTime: number;
  readonly greatestTime: number;
  readonly argCount: number;
  /** Of traces that keep call chains. */
  readonly stack?: ColumnMessage | null;
};

export interface TraceMessage {
  readonly path: string;
  readonly rows: number;
  readonly counts: Numbers;
  readonly lost: number;
  readonly clock: string;
  readonly fromBoot: boolean;
}

export interface EntryMessage {
  readonly type: number;
  readonly offset: number;
  readonly length: number;
  readonly firstRow: number;
  readonly rows: number;
  readonly leastTime: number;
  readonly greatestTime: number;
}

/** Message by name in the schema. */
export interface Messages {
  Header: HeaderMessage;
  Step: StepMessage;
  PageFlagsChunk: PageFlagsMessage;
  PageFlagsEnd: { readonly ordinal: number; readonly pages: number; readonly hasCount: boolean };
  Dictionary: DictionaryMessage;
  PageOwnerTexts: PageOwnerTextsMessage;
  PageOwnerChunk: PageOwnerMessage;
  PageOwnerEnd: PageOwnerEndMessage;
  EventChunk: EventsMessage;
  Trace: TraceMessage;
  DmesgFacts: DmesgFacts;
  Files: { readonly files: readonly AccountMessage[] };
  Warnings: { readonly warnings: readonly Warning[] };
  Directory: { readonly entries: readonly EntryMessage[] };
}

export type MessageName = keyof Messages;

const types = new Map<MessageName, protobuf.Type>();
let root: protobuf.Root | undefined;

function typeOf(name: MessageName): protobuf.Type {
  let type = types.get(name);
  if (type === undefined) {
    root ??= protobuf.Root.fromJSON(DESCRIPTOR as protobuf.INamespace);
    type = root.lookupType(`replug.rpw.${name}`);
    types.set(name, type);
  }
  return type;
}

export function encodeMessage<N extends MessageName>(name: N, message: Messages[N]): Uint8Array {
  return typeOf(name).encode(message).finish();
}

/** Lists and maps are always there, fields that may be absent are left out. Throws on bytes that are no such message. */
export function decodeMessage<N extends MessageName>(name: N, bytes: Uint8Array): Messages[N] {
  const type = typeOf(name);
  return type.toObject(type.decode(bytes), { defaults: true, longs: Number }) as Messages[N];
}
