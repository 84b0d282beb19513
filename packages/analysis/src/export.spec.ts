import { buddy } from '@replug/buddy';
import {
  Core,
  createKernel,
  createTracepoints,
  GFP,
  GFP_MASKS,
  PageAllocator,
  parseGfp,
  parseMachineShorthand,
  seededRandom,
  TRACEPOINTS,
} from '@replug/core';
import { FtraceWriter, renderPageHistory, valuesOf } from '@replug/report';
import { Account, FtraceTextReader, openRecording } from '@replug/trace-import';
import { EventColumnsBuilder, eventPfn, isPageEvent, type EventColumns, type Recording } from '@replug/workload';
import { beforeAll, describe, expect, it } from 'vitest';
import { nameOf, shipped } from './captures.spec-kit.ts';
import { captureReplay, TracepointCapture } from './export-capture.ts';
import { compareStreams } from './export-streams.ts';
import { exportFtrace } from './export.ts';
import { traceText } from './export.spec-kit.ts';
import { pageHistory } from './page.ts';

const capture = (name: string) => shipped.find((path) => nameOf(path).startsWith(name))!;

let ppc: Recording;
let x86: Recording;
beforeAll(async () => {
  ppc = await openRecording(capture('ppc64le'), { pageFlags: false });
  x86 = await openRecording(capture('x86_64'), { pageFlags: false });
});

function read(text: string): EventColumns {
  const reader = new FtraceTextReader(new Account('test', 'ftrace-text'));
  reader.push(new TextEncoder().encode(text));
  return reader.finish().events;
}

describe('the text of a recording', () => {
  it('is the original byte by byte where page= is known', () => {
    // This machine ran with no_hash_pointers: page= is vmemmap + 64 · pfn.
    const pageText = (pfn: number) => `c00c${(pfn * 64).toString(16).padStart(12, '0')}`;
    const writer = new FtraceWriter({ profile: '6.1', pageText });
    const text = writer.header({ entries: 44605, cpus: 1 }) + [...writer.chunks(ppc.trace!.events)].join('');
    expect(text === traceText(capture('ppc64le'))).toBe(true);
  });

  it('is the original but for page=, header included', () => {
    const hidden = (text: string) => text.replace(/page=[0-9a-f]{16}/g, 'page=');
    const { text, events, notExported } = exportFtrace(x86);
    expect(events).toBe(76282);
    expect(notExported).toEqual({});
    expect(hidden([...text()].join('')) === hidden(traceText(capture('x86_64')))).toBe(true);
  });
});

describe('a span', () => {
  it('holds the events from one time to before another', () => {
    const all = traceText(capture('x86_64')).split('\n').slice(12, -1);
    const seconds = (line: string) => Number(/ (\d+\.\d{6}): /.exec(line)![1]);
    const expected = all.filter((line) => seconds(line) >= 7 && seconds(line) < 7.5);
    const { text, events, timeRange } = exportFtrace(x86, {
      from: { kind: 'seconds', seconds: 7 },
      to: { kind: 'seconds', seconds: 7.5 },
    });
    expect(events).toBe(expected.length);
    const lines = [...text()].join('').split('\n').slice(0, -1);
    expect(lines[2]).toBe(`# entries-in-buffer/entries-written: ${events}/${events}   #P:2`);
    const hidden = (line: string) => line.replace(/page=\S+/, '');
    expect(lines.slice(12).map(hidden)).toEqual(expected.map(hidden));
    expect(timeRange.begin).toBe(seconds(expected[0]));
  });

  it('without events is an error, as is a recording without a trace', () => {
    const late = { kind: 'seconds', seconds: 1e6 } as const;
    expect(() => exportFtrace(x86, { from: late })).toThrow('RP6002');
    expect(() => exportFtrace({ ...x86, trace: undefined })).toThrow('RP6001');
  });

  it('of a kernel that nobody knows is printed as 6.12', () => {
    const { text } = exportFtrace({ ...x86, kernel: 'my own' }, { to: { kind: 'seconds', seconds: 6.731 } });
    expect(read([...text()].join('')).length).toBe(5);
  });
});

describe('tracepoints captured', () => {
  let events: EventColumns;
  beforeAll(() => void (events = ppc.trace!.events));

  /** Fires each event of the columns on a kernel's tracepoints. */
  function refire(skip: (row: number) => boolean = () => false): EventColumns {
    const tracepoints = createTracepoints();
    return captureReplay(tracepoints, events, (now) => {
      for (let row = 0; row < events.length; row++) {
        if (skip(row)) continue;
        now(row);
        const kind = events.kind[row];
        const { name, fields } = TRACEPOINTS[kind];
        const unit = events.unit[row];
        const gfp = () => parseGfp(events.gfpTexts[events.gfp[row]]).flags;
        const extra = { mm_page_alloc: gfp, mm_page_alloc_zone_locked: () => unit >> 7 }[name as 'mm_page_alloc'];
        const values = isPageEvent(kind)
          ? [eventPfn(events, row), unit & 15, (unit >> 4) & 7, ...(extra === undefined ? [] : [extra()])]
          : valuesOf(events, row, kind);
        const own = fields.filter(({ format }) => format !== 'page').length;
        (tracepoints[name].emit as (...args: unknown[]) => void)(...values.slice(0, own));
      }
    });
  }

  it('are the recorded stream again when every event fires', () => {
    const comparison = compareStreams(events, refire());
    expect(comparison).toMatchObject({ recorded: 44605, replayed: 44605, identical: 44605 });
    const count = (name: string) => comparison.events.find((e) => e.name === name);
    const grep = (name: string) => traceText(capture('ppc64le')).split(`: ${name}: `).length - 1;
    for (const name of ['mm_page_alloc', 'mm_page_free', 'mm_migrate_pages', 'tracing_mark_write'])
      expect(count(name)).toEqual({ name, recorded: grep(name), replayed: grep(name), identical: grep(name) });
  });

  it('lack exactly what did not fire, and nothing is on after the end', () => {
    const everyTenthFree = (row: number) => TRACEPOINTS[events.kind[row]].name === 'mm_page_free' && row % 10 === 0;
    let skipped = 0;
    for (let row = 0; row < events.length; row++) if (everyTenthFree(row)) skipped++;
    const comparison = compareStreams(events, refire(everyTenthFree));
    expect(skipped).toBeGreaterThan(100);
    expect(comparison.identical).toBe(44605 - skipped);
    const tracepoints = createTracepoints();
    captureReplay(tracepoints, events, () => {});
    expect(Object.values(tracepoints).filter(({ enabled }) => enabled)).toEqual([]);
  });

  it('go through text and back', () => {
    const again = read([...new FtraceWriter({ profile: '6.1' }).chunks(refire())].join(''));
    expect(compareStreams(events, again).identical).toBe(44605);
  });
});

it('what an allocator does is captured as a kernel would trace it', () => {
  using kernel = createKernel({ machine: parseMachineShorthand('x86-64,1G,cpus=2'), subsystems: [buddy()] });
  const task = { comm: 'bash', pid: 412 };
  const capture = new TracepointCapture(kernel.tracepoints, () => ({ time: 2.5e9, cpu: 1, flags: '...1.', task }));
  const pages = kernel.get(PageAllocator);
  const row = pages.alloc(GFP_MASKS.GFP_HIGHUSER_MOVABLE | GFP.ZERO, 4, 1);
  pages.free(row, 4, 1);
  const pfn = `pfn=0x${kernel.get(Core.Pages).rowToPfn(row).toString(16)}`;
  const text = [...new FtraceWriter().chunks(capture.finish())].join('');
  // Nobody listens any more.
  pages.alloc(GFP_MASKS.GFP_KERNEL, 0, 0);
  expect(capture.length).toBe(3);
  const head = '            bash-412     [001] ...1.     2.500000: ';
  expect(text.replaceAll(/page=\S+ /g, '')).toBe(
    `${head}mm_page_alloc_zone_locked: ${pfn} order=4 migratetype=1 percpu_refill=0\n` +
      `${head}mm_page_alloc: ${pfn} order=4 migratetype=1 gfp_flags=GFP_HIGHUSER_MOVABLE|__GFP_ZERO\n` +
      `${head}mm_page_free: ${pfn} order=4\n`,
  );
});

describe('streams', () => {
  const line = (time: string, rest: string) =>
    `            init-1       [000] .....     ${time}: mm_page_free: page=ffffea0000000040 ${rest}\n`;
  const one = line('1.000000', 'pfn=0x1 order=0');
  const two = line('1.000000', 'pfn=0x2 order=0');
  const three = line('1.000000', 'pfn=0x3 order=0');
  it.each([
    ['the same', one + two + three, one + two + three, 3],
    ['another order', one + two + three, two + one + three, 2],
    ['one too many', one + two + three, one + three + two + three, 3],
    ['another time', one, line('1.000001', 'pfn=0x1 order=0'), 0],
    ['another order of pages', one, line('1.000000', 'pfn=0x1 order=1'), 0],
    ['nothing', one, '', 0],
  ])('%s', (_, left, right, identical) => {
    expect(compareStreams(read(left), read(right)).identical).toBe(identical);
  });

  it('of one time do not cost their square', () => {
    const many = (shift: number) =>
      Array.from({ length: 3000 }, (_, i) => line('1.000000', `pfn=0x${(i + shift).toString(16)} order=0`)).join('');
    const begin = performance.now();
    expect(compareStreams(read(many(1)), read(many(2))).identical).toBe(0);
    expect(performance.now() - begin).toBeLessThan(2000);
  });
});

it('columns of nonsense are a line an event, and a history', () => {
  const random = seededRandom(7);
  const odd = [-1, 0, 1, 0x100, 2 ** 40, 1e300, -Infinity, Infinity, Number.NaN];
  const any = () => odd[random.below(odd.length)];
  const builder = new EventColumnsBuilder();
  const task = builder.internTask('x\u0007[000] y', 1);
  for (let i = 0; i < 3000; i++) {
    const kind = random.below(TRACEPOINTS.length);
    const pfn = random.below(0x200);
    if (isPageEvent(kind)) builder.pushPage(kind, i * 1000, 1, 0, task, pfn, random.below(256), random.below(9));
    else builder.pushArgs(kind, i * 1000, 1, 0, task, Array.from({ length: 8 }, any));
  }
  const trace = { path: 't', events: builder.finish(), counts: { mystery: 3 }, lost: 0, clock: '', fromBoot: false };
  const recording = { ...x86, steps: [], trace };
  const { text, notExported } = exportFtrace(recording);
  expect(notExported).toEqual({ mystery: 3 });
  expect([...text()].join('').split('\n').length).toBe(12 + 3000 + 1);
  for (const pfn of [0, 0x100, 0x1ff, 2 ** 40 - 1]) {
    const report = pageHistory(recording, pfn);
    expect(renderPageHistory(report)).toContain(`pfn 0x${pfn.toString(16)} at `);
  }
});
