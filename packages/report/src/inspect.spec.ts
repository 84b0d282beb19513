import { expect, it } from 'vitest';
import { renderInspect, type InspectReport } from './inspect.ts';

const report: InspectReport = {
  name: 'c',
  path: '/captures/c',
  arch: 's390x',
  pageSize: 4096,
  bigEndian: true,
  kernel: '6.1.0',
  nodes: 1,
  zones: [{ node: 0, name: 'DMA', spanned: 131072, present: 131072, managed: 122880 }],
  steps: [
    {
      number: 1,
      name: 'before',
      time: 6.5,
      tracing: 'unchanged',
      zones: 3,
      freePages: 256,
      memoryBlocks: null,
      pageFlags: true,
    },
  ],
  files: [
    {
      path: 'trace.txt',
      format: 'ftrace-text',
      lines: 10,
      bytes: 2048,
      events: 8,
      comments: 1,
      skipped: { 'no-time': 1 },
      samples: [{ reason: 'no-time', line: 4, text: 'x' }],
      unknownKeys: [],
      details: { 'stack lines': 1 },
    },
    {
      path: 'zoneinfo',
      format: 'zoneinfo',
      lines: 5,
      bytes: 100,
      events: 5,
      comments: 0,
      skipped: {},
      samples: [],
      unknownKeys: ['new_one'],
    },
  ],
  events: { mm_page_free: 3, mm_page_alloc: 5 },
  lost: 7,
  timeRange: { begin: 1.5, end: 4 },
  clockAlignment: { offsetNs: 12_000_000, uncertaintyNs: 450_000, source: 'trace-marker', note: '' },
  warnings: [{ name: 'events-lost', text: 'trace.txt: 7 events were lost' }],
};

it('prints tables', () => {
  expect(renderInspect(report)).toBe(`recording  /captures/c
machine    s390x, big-endian, 4 KiB pages
kernel     6.1.0
nodes      1
trace      1.500000 s to 4.000000 s, 2.500 s long
lost       7 events
clocks     trace = CLOCK_MONOTONIC + 12.000 ms ± 0.450 ms (trace-marker)

Zones
node  zone  spanned  present  managed  managed size
----  ----  -------  -------  -------  ------------
   0  DMA    131072   131072   122880       480 MiB

Steps
step  name       time  tracing    zones   free  blocks  page flags
----  ------  -------  ---------  -----  -----  ------  ----------
   1  before  6.500 s  unchanged      3  1 MiB       -  yes

Events
event          count
-------------  -----
mm_page_alloc      5
mm_page_free       3

Files
format       files   size  lines  events  skipped
-----------  -----  -----  -----  ------  -------
ftrace-text      1  2 KiB     10       8        1
zoneinfo         1  100 B      5       5        0

Also counted
trace.txt: stack lines: 1

Skipped lines
trace.txt: no-time: 1; line 4: "x"
zoneinfo: new names, kept: new_one

Warnings
events-lost: trace.txt: 7 events were lost
`);
});

it('leaves out what is not there', () => {
  const empty = {
    ...report,
    kernel: '',
    zones: [],
    steps: [],
    files: [],
    events: {},
    timeRange: null,
    clockAlignment: null,
    warnings: [],
  };
  expect(renderInspect(empty)).toBe(`recording  /captures/c
machine    s390x, big-endian, 4 KiB pages
kernel     unknown
nodes      1
`);
});
