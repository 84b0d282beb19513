/** The suite for importers, run for every format that this package reads. Expected numbers are from `wc -l` and by hand. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { x86 } from './captures.spec-kit.ts';
import { IMPORTERS } from './importers.ts';
import { readContent } from './node/read-bytes.ts';
import { smallTraceDat } from './trace-dat/writer.spec-kit.ts';
import { importerCases, type ImporterSample } from './testing/index.ts';
import { traceSamples } from './trace-samples.spec-kit.ts';

const encoder = new TextEncoder();
const file = (path: string) => new Uint8Array(readFileSync(join(x86, path)));
const step = (name: string) => file(`steps/01-before/${name}`);
const words = async (name: string) =>
  (await readContent(join(x86, 'steps/01-before', `${name}.bin.xz`))).slice(0, 8192);
const lines = (count: number) => ({ lines: count, events: count });

const samples: readonly ImporterSample[] = [
  ...traceSamples.map(({ importer, text, expected }) => ({ importer, bytes: encoder.encode(text), expected })),
  {
    importer: 'trace-dat',
    bytes: smallTraceDat(),
    mayRefuse: true,
    expected: { events: 2, counts: { mm_page_alloc: 1, mm_page_free: 1 }, details: { pages: 1, records: 2 } },
  },
  { importer: 'zoneinfo', bytes: step('zoneinfo'), expected: lines(309) },
  { importer: 'buddyinfo', bytes: step('buddyinfo'), expected: lines(3) },
  { importer: 'pagetypeinfo', bytes: step('pagetypeinfo'), expected: { lines: 30, events: 24, comments: 6 } },
  { importer: 'extfrag-index', bytes: step('extfrag_index'), expected: lines(3) },
  { importer: 'unusable-index', bytes: step('unusable_index'), expected: lines(3) },
  { importer: 'iomem', bytes: step('iomem'), expected: lines(23) },
  { importer: 'sysfs-listing', bytes: step('sys-memory.txt'), expected: lines(52) },
  { importer: 'when', bytes: step('when'), expected: lines(21) },
  { importer: 'meta', bytes: file('meta.txt'), expected: { lines: 32, events: 18, comments: 14 } },
  { importer: 'dmesg', bytes: file('dmesg.txt'), expected: lines(426) },
  { importer: 'meminfo', bytes: step('meminfo'), expected: lines(55) },
  { importer: 'trace-clock', bytes: file('trace/trace_clock'), expected: lines(1) },
  { importer: 'sysctl', bytes: step('sysctl-vm.txt'), expected: lines(14) },
  { importer: 'vmstat', bytes: step('vmstat'), expected: lines(185) },
  { importer: 'kpageflags', bytes: await words('kpageflags'), expected: { events: 1024 } },
  { importer: 'kpagecount', bytes: await words('kpagecount'), expected: { events: 1024 } },
  {
    importer: 'page-owner',
    bytes: encoder.encode(
      'Page allocated via order 0, mask 0x0(), pid 1, tgid 1 (init), ts 5 ns\n' +
        'PFN 0x11 type Movable Block 0 type Movable Flags 0x20138(lru|zone=0)\n f+0x1/0x2\nodd\n\n',
    ),
    expected: { lines: 5, events: 3, comments: 1, skipped: { 'unknown-record-line': 1 }, details: { records: 1 } },
  },
  {
    importer: 'version',
    bytes: encoder.encode('Linux version 5.14.0-1.el9.x86_64 (builder) (gcc) #1 SMP\n'),
    expected: lines(1),
  },
  {
    importer: 'uname',
    bytes: encoder.encode('Linux host 5.4.0-1-generic #1 SMP x86_64 GNU/Linux\n'),
    expected: lines(1),
  },
  { importer: 'cpuinfo', bytes: encoder.encode('processor\t: 0\nvendor_id\t: GenuineIntel\n'), expected: lines(2) },
  { importer: 'cmdline', bytes: encoder.encode('BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro quiet\n'), expected: lines(1) },
];

for (const sample of samples) for (const { name, run } of importerCases(IMPORTERS, sample)) it(name, run);

it('every importer has a sample', () => {
  const sampled = new Set(samples.map((s) => s.importer));
  expect(IMPORTERS.ids.filter((id) => !sampled.has(id))).toEqual([]);
});
