import { expect, it } from 'vitest';
import { renderPageHistory, summarizePage, type PageEventReport, type PageHistoryReport } from './page-history.ts';

const event = (fields: Partial<PageEventReport>): PageEventReport => ({
  event: 0,
  time: 1,
  since: null,
  cpu: 1,
  comm: 'bash',
  pid: 412,
  name: 'mm_page_alloc',
  what: 'allocated',
  head: 0x1f28,
  pages: 4,
  order: 2,
  gfp: 'GFP_KERNEL',
  migratetype: 'Unmovable',
  state: 'in-use',
  gap: false,
  ...fields,
});

const report: PageHistoryReport = {
  name: 'c',
  path: '/c',
  pfn: 0x1f2a,
  pageSize: 4096,
  place: {
    node: 0,
    zone: 'DMA32',
    memoryBlock: 3,
    pageblock: { start: 0x1e00, pages: 512, migratetype: null, event: null },
  },
  at: { time: 20, event: 9, note: 'on the trace clock' },
  holder: {
    state: 'in-use',
    since: 12.34,
    age: 7.66,
    event: 4,
    head: 0x1f28,
    order: 2,
    gfp: 'GFP_KERNEL',
    cpu: 1,
    comm: 'bash',
    pid: 412,
    why: 'taken by bash-412 on CPU 1 (GFP_KERNEL, order 2, head 0x1f28)',
  },
  before: { state: 'free', why: 'page flags of 01-before: buddy' },
  events: [event({ time: 12.34 }), event({ time: 13, since: 0.66, what: 'freed', state: 'freed', gap: true })],
  emptyScans: 2,
  steps: [
    { step: '01-before', time: 1.5, flags: ['buddy'], mapped: 0, memoryBlockState: 'online' },
    { step: '02-later', time: null, flags: null, mapped: null, memoryBlockState: null },
  ],
};

it('begins with one sentence', () => {
  expect(summarizePage(report)).toBe(
    'pfn 0x1f2a at 20.000000 s: in use since 12.340000 s (7.660000 s): ' +
      'taken by bash-412 on CPU 1 (GFP_KERNEL, order 2, head 0x1f28)',
  );
});

it('prints place, timeline and steps', () => {
  expect(renderPageHistory(report).split('\n').slice(1)).toEqual([
    'physical address 0x1f2a000, node 0, zone DMA32, memory block 3, pageblock 0x1e00-0x1fff (type unknown)',
    'before the first event: on the free lists: page flags of 01-before: buddy',
    'the instant: on the trace clock',
    '',
    '     time  after      cpu    task      what happened',
    '---------  ---------  -----  --------  ---------------------------------------------------------',
    '12.340000  -          [001]  bash-412  allocated in block 0x1f28, order 2: GFP_KERNEL, Unmovable',
    '13.000000  +0.660000  [001]  bash-412  ! freed in block 0x1f28, order 2',
    '! something before it left no event',
    'compaction scanned it 2 more times and took nothing',
    '',
    '     step      time  mapped  block   page flags',
    '---------  --------  ------  ------  ----------',
    '01-before  1.500000       0  online  buddy',
    ' 02-later         -       -  -       -',
    '',
  ]);
});

it('prints the beginning and the end of a long history', () => {
  const events = Array.from({ length: 500 }, (_, i) => event({ event: i, time: i }));
  const lines = renderPageHistory({ ...report, events }).split('\n');
  expect(lines.filter((line) => /allocated in block/.test(line)).length).toBe(120);
  expect(lines.some((line) => line.includes('380 more events (see --json)'))).toBe(true);
});
