/**
 * Which memory blocks can be offlined, and whose pages stop the others, as data and as text. The JSON names are stable.
 *
 * Times are seconds on the trace clock, ages seconds before the instant, `null` where unknown. Pages are base pages.
 */
import { table } from './text.ts';

/**
 * What a write of `offline` to the block's `state` would come to:
 *
 *   offlinable  it succeeds
 *   blocked     EBUSY: a page that cannot be moved
 *   invalid     EINVAL: several zones, or holes in it
 *   retries     no error and no end: the kernel tries until a signal comes, e.g. because there is no room elsewhere
 *   uncertain   the files do not tell
 *   offline     it is not online
 */
export const BLOCK_VERDICTS = ['offlinable', 'blocked', 'invalid', 'retries', 'uncertain', 'offline'] as const;
export type BlockVerdict = (typeof BLOCK_VERDICTS)[number];

export interface BlockReport {
  /** N of memoryN. */
  readonly block: number;
  readonly startPfn: number;
  readonly pages: number;
  /** As sysfs says it; `unknown` where no file tells. */
  readonly state: string;
  /** The block's one zone; `null` for none, several, or not told. */
  readonly zone: string | null;
  readonly node: number | null;
  readonly verdict: BlockVerdict;
  /** Why, in a sentence. */
  readonly why: string;
  /** Pages by class. */
  readonly classes: Readonly<Record<string, number>>;
  /** Of them, pages whose class is not sure, by why. */
  readonly doubts: Readonly<Record<string, number>>;
  /** Pages that have to be moved out. */
  readonly toMove: number;
  /** Pages that refuse; `first`: the lowest of them; `named`: the one that the kernel meets first. */
  readonly blocking: {
    readonly count: number;
    readonly first: readonly number[];
    readonly named: number | null;
    readonly classes: Readonly<Record<string, number>>;
  };
  /** Pages that may refuse: nothing tells. */
  readonly uncertain: number;
  /** Free pages that migration may take elsewhere, marks observed, and what reclaim could add; `null` without zoneinfo. */
  readonly room: { readonly free: number; readonly reclaimable: number } | null;
}

export interface BlockOwnerReport {
  /** Innermost first; empty where none is known. */
  readonly stack: readonly string[];
  /** Task, gfp flags and pid of most of its pages; empty and `null` where nobody is known. */
  readonly comm: string;
  readonly pid: number | null;
  readonly gfp: string;
  /** Class of most of its pages. */
  readonly class: string;
  /** Blocking pages, the blocks they lie in, and blocks that nobody else blocks. */
  readonly pages: number;
  readonly blocks: number;
  readonly alone: number;
  readonly blockIds: readonly number[];
  readonly age: { readonly youngest: number | null; readonly oldest: number | null };
}

export interface BlockersReport {
  readonly name: string;
  readonly path: string;
  readonly at: { readonly step: string | null; readonly time: number | null; readonly note: string };
  /** Where the pages come from: `kpageflags`, `kpageflags+kpagecount`, `page_owner` or `replay`. */
  readonly source: string;
  readonly pageSize: number;
  /** Bytes. */
  readonly blockSize: number;
  readonly pageblockPages: number;
  readonly verdicts: Readonly<Record<BlockVerdict, number>>;
  /** Pages of all blocks by class. */
  readonly classes: Readonly<Record<string, number>>;
  readonly doubts: Readonly<Record<string, number>>;
  readonly blocks: readonly BlockReport[];
  /** Where owners come from; `null` when nothing tells them. */
  readonly ownersFrom: string | null;
  /** Those that block most, first. */
  readonly owners: readonly BlockOwnerReport[];
  /** Blocked blocks that have pages of the first three owners only. */
  readonly keptByFirstThree: number;
  /** What to enable to know more. */
  readonly hints: readonly string[];
  /** What was assumed. */
  readonly notes: readonly string[];
}

const SIGNS: Readonly<Record<BlockVerdict, string>> = {
  offlinable: '.',
  blocked: '#',
  invalid: 'x',
  retries: '~',
  uncertain: '?',
  offline: '-',
};
const WORDS: Readonly<Record<BlockVerdict, string>> = {
  offlinable: 'can be offlined',
  blocked: 'blocked by a page',
  invalid: 'refused as a whole',
  retries: 'would keep retrying',
  uncertain: 'not told',
  offline: 'not online',
};
/** Blocks in a row of the map. */
const ROW = 64;
/** Stack lines of an owner that are printed. */
const STACK_LINES = 6;
/** Functions that every allocation passes through say nothing about its owner. */
const COMMON =
  /^(get_page_from_freelist|post_alloc_hook|prep_new_page|__?alloc_pages\w*|alloc_pages_mpol\w*|__?folio_alloc\w*)\+/;

export function renderBlockers(report: BlockersReport, top = 20): string {
  const { at, blocks, verdicts, blockSize, source, owners, ownersFrom } = report;
  const time = at.time === null ? '' : `, ${at.time.toFixed(6)} s`;
  const lines = [
    `${report.name}${at.step === null ? '' : ` at ${at.step}`}${time}: ${blocks.length} memory blocks of ${sizeText(blockSize)}, ` +
      `${verdicts.offlinable} can be offlined`,
    `pages from ${source}${at.note === '' ? '' : ` (${at.note})`}; owners from ${ownersFrom ?? 'nowhere'}`,
    '',
    BLOCK_VERDICTS.filter((v) => verdicts[v] > 0)
      .map((v) => `${SIGNS[v]} ${WORDS[v]} (${verdicts[v]})`)
      .join('   '),
    ...mapLines(blocks),
    '',
  ];
  const shown = blocks.filter(({ verdict }) => verdict !== 'offlinable' && verdict !== 'offline');
  const rows = shown
    .slice(0, top)
    .map((b) => [
      String(b.block),
      b.zone ?? '-',
      b.verdict,
      String(b.toMove),
      String(b.blocking.count),
      b.blocking.named === null ? '-' : `0x${b.blocking.named.toString(16)}`,
      b.why,
    ]);
  let text = lines.join('\n');
  if (rows.length > 0) {
    text += `\n${table(['block', 'zone', 'verdict', 'to move', 'blocking', 'named', 'why'], rows)}`;
    if (shown.length > rows.length) text += `${shown.length - rows.length} more such blocks\n`;
  }
  text += ownersText(owners, ownersFrom, verdicts.blocked, report.keptByFirstThree, top);
  for (const note of report.notes) text += `note: ${note}\n`;
  for (const hint of report.hints) text += `hint: ${hint}\n`;
  return text;
}

function ownersText(
  owners: readonly BlockOwnerReport[],
  from: string | null,
  blocked: number,
  kept: number,
  top: number,
): string {
  if (owners.length === 0) return '';
  const rows = owners
    .slice(0, top)
    .map((o) => [
      String(o.blocks),
      String(o.alone),
      String(o.pages),
      o.class,
      o.age.oldest === null ? '-' : `${o.age.oldest.toFixed(3)} s`,
      o.comm === '' ? '-' : o.pid === null ? o.comm : `${o.comm}-${o.pid}`,
      o.gfp || '-',
      innermost(o.stack),
    ]);
  const head = ['blocks', 'alone', 'pages', 'class', 'oldest', 'task', 'gfp', 'stack'];
  const first = Math.min(3, owners.length);
  const what = from === null ? 'class' : 'owner';
  const said =
    first === 1 ? `this ${what} alone keeps` : `the first ${first} ${from === null ? 'classes' : 'owners'} alone keep`;
  const more = owners.length > rows.length ? `${owners.length - rows.length} more owners\n` : '';
  return `\nWhose pages block: ${said} ${kept} of ${blocked} blocked blocks\n${table(head, rows)}${more}`;
}

/** One character a block, rows of 64 by id; blank where there is none. */
function mapLines(blocks: readonly BlockReport[]): string[] {
  const rows = new Map<number, string[]>();
  for (const { block, verdict } of blocks) {
    const row = Math.floor(block / ROW);
    const signs = rows.get(row) ?? new Array<string>(ROW).fill(' ');
    rows.set(row, signs);
    signs[block - row * ROW] = SIGNS[verdict];
  }
  const width = String(Math.max(0, ...rows.keys()) * ROW).length;
  return [...rows].sort(([a], [b]) => a - b).map(([row, signs]) => mapLine(row, signs, width));
}

function mapLine(row: number, signs: readonly string[], width: number): string {
  return `${String(row * ROW).padStart(width)}  ${signs.join('')}`.trimEnd();
}

/** The functions that tell: those above the allocator, innermost first. */
function innermost(stack: readonly string[]): string {
  if (stack.length === 0) return '(no stack)';
  const telling = stack.filter((frame) => !COMMON.test(frame));
  const shown = (telling.length > 0 ? telling : stack).map((frame) => frame.replace(/\+0x[\da-f]+\/0x[\da-f]+$/, ''));
  return shown.slice(0, STACK_LINES).join(' < ') + (shown.length > STACK_LINES ? ' …' : '');
}

function sizeText(bytes: number): string {
  return bytes >= 2 ** 30 ? `${bytes / 2 ** 30} GiB` : `${bytes / 2 ** 20} MiB`;
}
