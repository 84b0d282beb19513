/**
 * Whose the pages are, by groups of owners: pages, blocks and ages. The JSON names are stable.
 *
 * Times are seconds on the trace clock, ages seconds before the instant, `null` where unknown.
 */
import { table } from './text.ts';

/** What makes a group: the stack of the allocation, the task's name, the gfp flags, or the pageblock. */
export const OWNER_KEYS = ['stack', 'comm', 'gfp', 'block'] as const;
export type OwnerKey = (typeof OWNER_KEYS)[number];

export interface OwnerGroupReport {
  /** Stack lines joined by newlines, a name, flags, or a range of pfns; empty where it is not known. */
  readonly key: string;
  readonly pages: number;
  /** Allocations. */
  readonly blocks: number;
  /** Pageblocks that hold some of the pages; `null` where their size is not known. */
  readonly pageblocks: number | null;
  readonly age: { readonly youngest: number | null; readonly median: number | null; readonly oldest: number | null };
  /** The task's name and the flags of most of the pages, and how many others there are, itself included. */
  readonly comm: string;
  readonly comms: number;
  readonly gfp: string;
  readonly gfps: number;
}

export interface OwnersReport {
  readonly name: string;
  readonly path: string;
  readonly pageSize: number;
  readonly at: { readonly time: number | null; readonly event: number; readonly note: string };
  /** The step whose page_owner it starts from. */
  readonly base: string | null;
  /** A later step whose page_owner tells of allocations before the instant. */
  readonly later: string | null;
  /** Blocks and events by what was done with them. */
  readonly counts: {
    readonly base: number;
    readonly applied: number;
    readonly known: number;
    readonly unknownFrees: number;
    readonly added: number;
    readonly stacks: number;
  };
  readonly by: OwnerKey;
  readonly blocks: number;
  readonly pages: number;
  /** Pages of a known stack. */
  readonly withStack: number;
  /** Groups there are; `groups` may hold the first of them only. */
  readonly groupCount: number;
  readonly groups: readonly OwnerGroupReport[];
}

/** Lines of a stack that are printed. */
const STACK_LINES = 8;
/** Functions that every allocation passes through say nothing about its owner. */
const COMMON =
  /^(get_page_from_freelist|post_alloc_hook|prep_new_page|_{0,2}alloc_pages\w*|_{0,2}folio_alloc\w*)(\+|$)/;

export function renderOwners(report: OwnersReport): string {
  const { at, base, later, counts, blocks, pages, withStack, by, groups, groupCount } = report;
  const time = at.time === null ? '' : ` at ${at.time.toFixed(6)} s`;
  const from = base === null ? 'no page_owner before it' : `page_owner of ${base}`;
  const more = later === null ? '' : `, with page_owner of ${later}`;
  const lines = [
    `${report.name}${time}: ${pages} pages in ${blocks} blocks have a known owner`,
    `from ${from} (${counts.base} blocks) and ${counts.applied} events${more} (${counts.added} blocks more); ` +
      `${withStack} pages have a stack`,
  ];
  if (at.note !== '') lines.push(`the instant: ${at.note}`);
  if (counts.unknownFrees > 0) lines.push(`${counts.unknownFrees} frees of pages whose owner was not known`);
  lines.push('');
  const head = ['pages', 'blocks', 'pageblocks', 'youngest', 'median', 'oldest', 'task', by === 'gfp' ? 'gfp' : by];
  const rows = groups.map((group) => [
    String(group.pages),
    String(group.blocks),
    group.pageblocks === null ? '-' : String(group.pageblocks),
    age(group.age.youngest),
    age(group.age.median),
    age(group.age.oldest),
    `${group.comm || '-'}${group.comms > 1 ? ` +${group.comms - 1}` : ''}`,
    by === 'stack' ? innermost(group.key) : group.key || '-',
  ]);
  const text = `${lines.join('\n')}\n${table(head, rows)}`;
  const left = groupCount - groups.length;
  return left > 0 ? `${text}${left} more groups\n` : text;
}

const age = (seconds: number | null): string => (seconds === null ? '-' : `${seconds.toFixed(3)} s`);

/** The functions that tell: those above the allocator, innermost first. */
function innermost(stack: string): string {
  if (stack === '') return '(no stack)';
  const frames = stack.split('\n');
  const telling = frames.filter((frame) => !COMMON.test(frame));
  const shown = (telling.length > 0 ? telling : frames).map((frame) =>
    frame.replace(/\+0x[\da-f]+(\/0x[\da-f]+)?$/, ''),
  );
  return shown.slice(0, STACK_LINES).join(' < ') + (shown.length > STACK_LINES ? ' …' : '');
}
