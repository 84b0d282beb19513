/** Every row of whole captures against a second, plain reader: split lines, regular expressions, no shared code. */
import { join } from 'node:path';
import { TRACEPOINTS } from '@replug/core';
import { eventArg, eventPfn, eventWord, isPageEvent } from '@replug/workload';
import { expect, it } from 'vitest';
import { Account } from '../account.ts';
import { ppc, x86 } from '../captures.spec-kit.ts';
import { readContent } from '../node/read-bytes.ts';
import { FtraceTextReader } from './ftrace-text.ts';

const LINE = /^ *(.*)-(\d+) +\[(\d+)\] (\S+) +(\d+)\.(\d{6}): (\w+): (.*)$/;

it.each([
  ['x86-64', x86],
  ['ppc64le', ppc],
])('%s', async (_, capture) => {
  const bytes = await readContent(join(capture, 'trace/trace.txt.xz'));
  const reader = new FtraceTextReader(new Account('trace', 'ftrace-text'));
  reader.push(bytes);
  const { events } = reader.finish();
  let row = 0;
  for (const line of new TextDecoder().decode(bytes).split('\n')) {
    const match = LINE.exec(line);
    if (match === null || line.startsWith('#')) continue;
    const [, comm, pid, cpu, flags, sec, usec, name, fields] = match;
    const kind = TRACEPOINTS.findIndex((t) => t.name === name);
    const wrong: string[] = [];
    const check = (what: string, real: unknown, read: unknown) => {
      if (real !== read) wrong.push(`${what}: ${String(real)} read as ${String(read)}`);
    };
    check('kind', kind, events.kind[row]);
    check('time', Number(sec) * 1e9 + Number(usec) * 1e3, events.time[row]);
    check('cpu', Number(cpu), events.cpu[row]);
    check('flags', flags, events.flagTexts[events.flags[row]]);
    check('comm', comm, events.tasks[events.task[row]].comm);
    check('pid', Number(pid), events.tasks[events.task[row]].pid);
    const value = (field: string) => new RegExp(`(?:^| |, )${field}=(\\S+?)(?:,? |$)`).exec(`${fields} `)?.[1];
    if (isPageEvent(kind)) {
      check('pfn', Number(value('pfn')), eventPfn(events, row));
      check('order', Number(value('order')), events.unit[row] & 15);
      check('migratetype', Number(value('migratetype') ?? 0), (events.unit[row] >> 4) & 7);
      check('percpu_refill', Number(value('percpu_refill') ?? 0), events.unit[row] >> 7);
      check('gfp_flags', value('gfp_flags') ?? '', events.gfpTexts[events.gfp[row]]);
    } else if (name === 'tracing_mark_write') {
      check('text', fields, eventWord(events, row, 0));
    } else {
      const range = /range=\((0x[0-9a-f]+) ~ (0x[0-9a-f]+)\)/.exec(fields);
      TRACEPOINTS[kind].fields
        .filter((field) => field.format !== 'page')
        .forEach((field, i) => {
          const text =
            field.name === 'range_start' ? range?.[1] : field.name === 'range_end' ? range?.[2] : value(field.name);
          const isText = field.format === 'word' || field.format === 'gfp';
          if (isText) check(field.name, text, eventWord(events, row, i));
          else check(field.name, Number(text ?? 0), eventArg(events, row, i));
        });
    }
    if (wrong.length > 0) expect(wrong, line).toEqual([]);
    row++;
  }
  expect(events.length).toBe(row);
});
