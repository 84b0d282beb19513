/**
 * Which memory blocks can be offlined at an instant, and whose pages stop the others.
 *
 *   const report = await blockers('/', {});                       // a live host, as root
 *   const report = await blockers('CAPTURE', { at: { kind: 'step', ref: 'loaded' } });
 *
 * A step with kpageflags is judged by its own files, in one pass that holds next to nothing; any other instant of a trace by
 * replaying up to it; a page_owner alone by its records.
 */
import { ReplugError } from '@replug/core';
import { PAGE_CLASS } from '@replug/core';
import { BLOCK_VERDICTS, type BlockersReport, type BlockVerdict } from '@replug/report';
import { openRecording, type OpenOptions } from '@replug/trace-import';
import {
  CLASS_MASK,
  DOUBT,
  findStep,
  ownerBytes,
  pageClassBytes,
  resolveTime,
  stepLabel,
  type PageOwner,
  type Recording,
  type Step,
  type Time,
} from '@replug/workload';
import { noPagesTold } from '../errors.ts';
import { ownersAt, type Owners } from '../owners.ts';
import { blockOwners, ownersSource, seenFree, settleDoubts } from './block-owners.ts';
import { ACTION, actionTables, BlockScan, type BlockTally } from './block-scan.ts';
import { openForPages, type Opened } from './open.ts';
import { readPageFiles } from './page-files.ts';
import { placesOf, type BlockPlace, type Places } from './places.ts';
import { replayedPages } from './replayed-pages.ts';
import { roomFor, swapFreeOf } from './room.ts';
import { byClass, byDoubt, judge } from './verdicts.ts';

export interface BlockersOptions {
  /** The instant. Default: the last step that has page flags, else page_owner. */
  readonly at?: Time;
  /** False leaves page_owner unread: of a large machine it is larger than all else. */
  readonly owners?: boolean;
  readonly onProgress?: (what: string, done: number, total: number) => void;
  readonly open?: OpenOptions;
}

/** Architectures that migrate hugetlb pages (CONFIG_ARCH_ENABLE_HUGEPAGE_MIGRATION); of others they refuse. */
const MOVES_HUGE: ReadonlySet<string> = new Set(['x86_64', 'aarch64', 'ppc64le', 'ppc64', 'unknown']);

/** Errors: RP4xxx (files), RP6008 (no pages told), RP6009 (may not be read), RP6013 (no page words), RP3xxx (times), RP5xxx. */
export async function blockers(path: string, options: BlockersOptions = {}): Promise<BlockersReport> {
  const opened = await openForPages(path, { ...options.open, pageOwner: options.owners !== false });
  return blockersOf(opened, options, () => openRecording(path, options.open));
}

/** As `blockers`; `reopen` reads the recording with its page flags, for a replay. */
async function blockersOf(
  opened: Opened,
  { at, owners: wantOwners, onProgress }: BlockersOptions,
  reopen: () => Promise<Recording>,
): Promise<BlockersReport> {
  const { recording } = opened;
  const step = await stepOf(opened, at);
  const instant: Time = step === undefined ? at! : { kind: 'step', ref: step.number };
  const described = step ?? stepBefore(recording, instant);
  if (described === undefined) throw noPagesTold(recording.name);
  const places = placesOf(recording, described);
  const owners = ownersOrNothing(recording, instant);
  const tables = actionTables(MOVES_HUGE.has(recording.arch));
  const asked = new Map<number, BlockPlace>();
  const scan = new BlockScan(
    places.blockPages,
    (id) => {
      const place = places.of(id);
      if (place === undefined) return undefined;
      asked.set(id, place);
      return place.zone === 'Movable' ? tables.movable : tables.normal;
    },
    owners !== undefined,
  );
  const source = await readPages(opened, step, instant, scan, reopen, onProgress);
  scan.finish();
  return report({
    opened,
    instant,
    described,
    places,
    scan,
    asked,
    owners,
    wantOwners: wantOwners !== false,
    ...source,
  });
}

interface Source {
  readonly source: string;
  readonly notes: readonly string[];
  /** Free pages by zone where the files of a step do not tell. */
  readonly free?: ReadonlyMap<string, number>;
}

type Told = 'files' | 'columns' | 'owners';

/** The step whose own files tell pages; undefined: the instant has to be replayed. Throws RP6008 when nothing does. */
async function stepOf(opened: Opened, at: Time | undefined): Promise<Step | undefined> {
  const { recording } = opened;
  if (at === undefined) {
    for (const wanted of ['pages', 'owners'] as const) {
      for (const step of [...recording.steps].reverse()) {
        const told = await toldBy(opened, step);
        if (told !== undefined && (wanted === 'owners') === (told === 'owners')) return step;
      }
    }
    throw noPagesTold(recording.name);
  }
  const step =
    at.kind === 'step'
      ? findStep(recording.steps, at.ref)
      : at.kind === 'seconds'
        ? undefined
        : resolveTime(recording, at).step;
  const told = step === undefined ? undefined : await toldBy(opened, step);
  if (told === 'files' || told === 'columns') return step;
  if (recording.trace !== undefined && recording.trace.events.length > 0) return undefined;
  if (told === 'owners') return step;
  throw noPagesTold(step === undefined ? recording.name : `${recording.name}, ${stepLabel(step)}`);
}

async function toldBy(opened: Opened, step: Step): Promise<Told | undefined> {
  if (step.hasPageFlags) return 'columns';
  if ((await opened.filesOf(step)) !== undefined) return 'files';
  return step.pageOwner === undefined ? undefined : 'owners';
}

/** The last step before an instant that has zones and blocks. */
function stepBefore(recording: Recording, instant: Time): Step | undefined {
  const { eventIndex } = resolveTime(recording, instant);
  const told = recording.steps.filter((step) => step.zoneinfo !== undefined);
  const before = told.filter((step) => {
    try {
      return resolveTime(recording, { kind: 'step', ref: step.number }).eventIndex <= eventIndex;
    } catch (error) {
      if (error instanceof ReplugError) return false;
      throw error;
    }
  });
  return before.at(-1) ?? told[0];
}

async function readPages(
  opened: Opened,
  step: Step | undefined,
  instant: Time,
  scan: BlockScan,
  reopen: () => Promise<Recording>,
  onProgress: BlockersOptions['onProgress'],
): Promise<Source> {
  const onPages = (pfn: number, bytes: Uint8Array, pages: number) => scan.add(pfn, bytes, pages);
  if (step === undefined) {
    const { each, free, notes } = replayedPages(await reopen(), instant, (done, total) =>
      onProgress?.('replaying', done, total),
    );
    each(onPages);
    return { source: 'replay', free, notes };
  }
  const files = await opened.filesOf(step);
  if (files !== undefined) {
    const notes = await readPageFiles(files, {
      bigEndian: opened.ordersItself ? undefined : opened.recording.bigEndian,
      onPages,
      onProgress: (done, total) => onProgress?.('reading pages', done, total),
    });
    return { source: files.counts === undefined ? 'kpageflags' : 'kpageflags+kpagecount', notes };
  }
  const flags = step.hasPageFlags ? step.pageFlags() : undefined;
  if (flags !== undefined) {
    onPages(0, pageClassBytes(flags), flags.length);
    return { source: flags.count === undefined ? 'kpageflags' : 'kpageflags+kpagecount', notes: [] };
  }
  const owner = step.pageOwner?.();
  if (owner === undefined || owner.groups !== undefined) throw noPagesTold(opened.recording.name);
  const bytes = recordedBytes(owner);
  onPages(0, bytes, bytes.length);
  return { source: 'page_owner', notes: ['page_owner lists neither free nor reserved pages: they count as not told'] };
}

/** Most pages that a page_owner may span: a pfn beyond is a damaged record's. */
const MOST_OWNED = 2 ** 30;

function recordedBytes(owner: PageOwner): Uint8Array {
  const { length, pfn, order } = owner;
  const rowBytes = ownerBytes(owner);
  let end = 0;
  for (let row = 0; row < length; row++) if (pfn[row] < MOST_OWNED) end = Math.max(end, pfn[row] + 2 ** order[row]);
  const bytes = new Uint8Array(end).fill(PAGE_CLASS.UNKNOWN | DOUBT.NOT_TOLD);
  for (let row = 0; row < length; row++)
    if (pfn[row] >= 0 && pfn[row] < MOST_OWNED) bytes.fill(rowBytes[row], pfn[row], pfn[row] + 2 ** order[row]);
  return bytes;
}

function ownersOrNothing(recording: Recording, instant: Time): Owners | undefined {
  const told =
    (recording.trace?.events.length ?? 0) > 0 || recording.steps.some((step) => step.pageOwner !== undefined);
  if (!told) return undefined;
  try {
    return ownersAt(recording, instant);
  } catch (error) {
    // A step that cannot be placed among the events: its pages can be told all the same.
    if (error instanceof ReplugError) return undefined;
    throw error;
  }
}

interface Gathered extends Source {
  readonly opened: Opened;
  readonly instant: Time;
  readonly described: Step;
  readonly places: Places;
  readonly scan: BlockScan;
  readonly asked: ReadonlyMap<number, BlockPlace>;
  readonly owners: Owners | undefined;
  readonly wantOwners: boolean;
}

function report(gathered: Gathered): BlockersReport {
  const { opened, instant, described, places, scan, asked, owners, source, free, notes, wantOwners } = gathered;
  const { recording } = opened;
  const { blockPages } = places;
  const zones = places.zones.map((zone) => ({ ...zone, free: free?.get(`${zone.node} ${zone.name}`) ?? zone.free }));
  const swapFree = swapFreeOf(described, recording.pageSize);
  const cmaBlocks = cmaBlocksOf(described, blockPages);
  const tallies = new Map(scan.tallies.map((tally) => [tally.id, tally]));
  const events = recording.trace?.events;
  const listed =
    owners === undefined || events === undefined || source === 'page_owner'
      ? new Set<number>()
      : seenFree(scan.tallies, blockPages, events, owners.at.eventIndex);
  const ids = places.listed ?? [...tallies.keys()];
  const nothing = (id: number): BlockTally => emptyTally(id, blockPages);
  const blocks = ids.map((id) => {
    const tally = tallies.get(id) ?? nothing(id);
    const place = asked.get(id) ?? places.of(id)!;
    if (owners !== undefined && source !== 'page_owner') settleDoubts(tally, blockPages, owners, listed);
    const zone = zones.find(({ node, name }) => node === place.node && name === place.zone);
    const room =
      zone === undefined || zones.length === 0
        ? undefined
        : roomFor(zones, { zone: zone.name, node: zone.node }, tally.counts[PAGE_CLASS.FREE], swapFree);
    return judge(places, place, tally, {
      cpuListPages: zone === undefined || source === 'page_owner' ? undefined : cpuListLimit(zone, recording.kernel),
      room,
      cma: cmaBlocks.has(id) ? 'yes' : (zone?.cma ?? 0) > 0 ? 'maybe' : 'no',
    });
  });
  const blocked = new Set(blocks.filter(({ verdict }) => verdict === 'blocked').map(({ block }) => block));
  const found = blockOwners(
    scan.tallies.filter(({ id }) => blocked.has(id)),
    blockPages,
    owners,
  );
  const total = new Uint32Array(256);
  for (const { id, counts } of scan.tallies) if (asked.has(id)) counts.forEach((pages, byte) => (total[byte] += pages));
  const resolved = resolveTimeOf(recording, instant);
  return {
    name: recording.name,
    path: recording.path,
    at: {
      step: source === 'replay' ? null : stepLabel(described),
      time: resolved?.ns === undefined || Number.isNaN(resolved.ns) ? null : resolved.ns / 1e9,
      note: resolved?.note ?? '',
    },
    source,
    pageSize: recording.pageSize,
    blockSize: places.blockSize,
    pageblockPages: places.pageblockPages,
    verdicts: Object.fromEntries(
      BLOCK_VERDICTS.map((v) => [v, blocks.filter(({ verdict }) => verdict === v).length]),
    ) as Record<BlockVerdict, number>,
    classes: byClass(total),
    doubts: byDoubt(total),
    blocks,
    ownersFrom: owners === undefined ? null : ownersSource(owners),
    ...found,
    hints: hintsOf(recording, owners, wantOwners, blocked.size),
    notes: [
      ...places.notes,
      ...notes,
      ...(source === 'replay' ? [`states, zones and marks of the blocks are those of ${stepLabel(described)}`] : []),
      ...recording.warnings.filter(({ name }) => name === 'page-size-guessed').map(({ text }) => text),
    ],
  };
}

function resolveTimeOf(recording: Recording, instant: Time) {
  try {
    return resolveTime(recording, instant);
  } catch (error) {
    if (error instanceof ReplugError) return undefined;
    throw error;
  }
}

/**
 * Most pages on the lists of all CPUs: a list is trimmed by a batch when it exceeds its high mark. From 6.7 on the kernel moves
 * the marks, up to an eighth of the zone for all CPUs together (mm/page_alloc.c zone_highsize(), default fraction).
 */
function cpuListLimit({ pagesets, managed, present }: Places['zones'][number], kernel: string): number {
  const marks = pagesets.reduce((sum, { high, batch, count }) => sum + Math.max(high + batch, count), 0);
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(kernel) ?? ['', '6', '7'];
  const fixed = Number(major) < 6 || (Number(major) === 6 && Number(minor) < 7);
  return fixed ? marks : Math.max(marks, Math.ceil((managed ?? present) / 8));
}

/** Blocks in which page_owner has a page of a CMA pageblock. */
function cmaBlocksOf(step: Step, blockPages: number): ReadonlySet<number> {
  const owner = step.pageOwner?.();
  const type = owner?.types.indexOf('CMA') ?? -1;
  const blocks = new Set<number>();
  if (owner === undefined || type < 0) return blocks;
  for (let row = 0; row < owner.length; row++)
    if (owner.blockType[row] === type && owner.pfn[row] >= 0) blocks.add(Math.floor(owner.pfn[row] / blockPages));
  return blocks;
}

const emptyTally = (id: number, pages: number): BlockTally => {
  const counts = new Uint32Array(256);
  counts[PAGE_CLASS.HOLE] = pages;
  const actions = new Uint32Array(5);
  actions[ACTION.NOTHING] = pages;
  return { id, counts, actions, blockingClasses: new Uint32Array(CLASS_MASK + 1) };
};

function hintsOf(recording: Recording, owners: Owners | undefined, wanted: boolean, blocked: number): string[] {
  if (blocked === 0 || !wanted) return [];
  if (owners?.base !== undefined || owners?.later !== undefined) return [];
  const traced = (recording.trace?.events.length ?? 0) > 0;
  return [
    'whose pages they are tells /sys/kernel/debug/page_owner: a kernel with CONFIG_PAGE_OWNER, booted with page_owner=on',
    ...(traced
      ? []
      : ['of later allocations a trace tells: trace-cmd record -e kmem:mm_page_alloc -e kmem:mm_page_free']),
  ];
}
