import { describe, expect, it } from 'vitest';
import { renderOwners, type OwnerGroupReport, type OwnersReport } from './owners.ts';

const group = (fields: Partial<OwnerGroupReport>): OwnerGroupReport => ({
  key: 'sh',
  pages: 8,
  blocks: 3,
  pageblocks: 2,
  age: { youngest: 0.5, median: 1.25, oldest: 7 },
  comm: 'sh',
  comms: 1,
  gfp: 'GFP_KERNEL',
  gfps: 1,
  ...fields,
});

const report = (fields: Partial<OwnersReport>): OwnersReport => ({
  name: 'c',
  path: '/c',
  pageSize: 4096,
  at: { time: 12.5, event: 9, note: '' },
  base: '01-before',
  later: null,
  counts: { base: 40, applied: 7, known: 2, unknownFrees: 0, added: 0, stacks: 0 },
  by: 'comm',
  blocks: 3,
  pages: 8,
  withStack: 6,
  groupCount: 1,
  groups: [group({})],
  ...fields,
});

const lines = (fields: Partial<OwnersReport>) => renderOwners(report(fields)).trimEnd().split('\n');

describe('owners as text', () => {
  it('say from where, and a row a group', () => {
    expect(lines({})).toEqual([
      'c at 12.500000 s: 8 pages in 3 blocks have a known owner',
      'from page_owner of 01-before (40 blocks) and 7 events (0 blocks more); 6 pages have a stack',
      '',
      'pages  blocks  pageblocks  youngest   median   oldest  task  comm',
      '-----  ------  ----------  --------  -------  -------  ----  ----',
      '    8       3           2   0.500 s  1.250 s  7.000 s  sh    sh',
    ]);
  });

  it('say what is not known', () => {
    const unknown = group({
      key: '',
      pageblocks: null,
      age: { youngest: null, median: null, oldest: null },
      comm: '',
      comms: 3,
    });
    const [head, from, note, frees, , , , row, left] = lines({
      at: { time: null, event: 0, note: 'the step alone' },
      base: null,
      later: '02-after',
      counts: { base: 0, applied: 7, known: 0, unknownFrees: 4, added: 5, stacks: 1 },
      groupCount: 12,
      groups: [unknown],
    });
    expect(head).toBe('c: 8 pages in 3 blocks have a known owner');
    expect(from).toContain('from no page_owner before it (0 blocks) and 7 events, with page_owner of 02-after (5');
    expect([note, frees]).toEqual(['the instant: the step alone', '4 frees of pages whose owner was not known']);
    expect(row.trim().split(/ {2,}/)).toEqual(['8', '3', '-', '-', '-', '-', '- +2', '-']);
    expect(left).toBe('11 more groups');
  });

  it('show the functions of a stack that tell, without places in them', () => {
    const shown = (key: string) => lines({ by: 'stack', groups: [group({ key })] }).at(-1)!;
    const allocator = 'get_page_from_freelist+0x1d/0x2e\n__alloc_pages_noprof+0x2/0x3\n';
    expect(shown(`${allocator}pte_alloc_one+0x16/0xf0\nfault+0x1/0x2`)).toMatch(/ sh +pte_alloc_one < fault$/);
    // As a trace keeps them: without places, or perf's.
    expect(shown('__alloc_pages\nfolio_alloc\nfault+0x22e\nentry')).toMatch(/ sh +fault < entry$/);
    expect(shown(allocator.trimEnd())).toMatch(/get_page_from_freelist < __alloc_pages_noprof$/);
    expect(shown('')).toMatch(/\(no stack\)$/);
    expect(shown('abcdefghij'.split('').join('\n'))).toMatch(/ a < b < c < d < e < f < g < h …$/);
  });
});
