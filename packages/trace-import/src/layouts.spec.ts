/** The same events in every layout give the same columns. */
import { eventPfn, isPageEvent } from '@replug/workload';
import { describe, expect, it } from 'vitest';
import { captureNames, layoutNames, windowOf } from './hostile.spec-kit.ts';
import { IMPORTERS } from './importers.ts';
import { SNIFF_LENGTH } from './importer.ts';
import { readChunks } from './testing/index.ts';

describe.each(captureNames)('the events of %s', (capture) => {
  it.each(layoutNames)('as %s', async (layout) => {
    const { events: printed, counts, bytes } = await windowOf(capture, layout);
    const id = layout.split(' ')[0];
    expect(IMPORTERS.detect(bytes.subarray(0, SNIFF_LENGTH))?.id).toBe(id);
    const { facts, account } = readChunks(IMPORTERS.byId(id)!, bytes, 65536);
    expect(account.skipped).toEqual({});
    expect(facts.trace!.counts).toEqual(counts);

    const { events } = facts.trace!;
    const latency = id === 'ftrace-latency';
    const withFlags = ['ftrace-text', 'ftrace-latency', 'trace-cmd-report'].includes(layout);
    const micros = (time: string) => Number(time.replace('.', ''));
    const since = latency ? micros(printed[0].time) : 0;
    const expected = printed.map(({ comm, pid, cpu, flags, time, fields }) => {
      const page = /^page=\S+ pfn=0x([0-9a-f]+) order=(\d+)/.exec(fields);
      return [
        `${latency ? comm.slice(0, 8) : comm}-${pid}`,
        cpu,
        withFlags ? flags : '',
        (micros(time) - since) * 1000,
        ...(page === null ? [] : [Number.parseInt(page[1], 16), Number(page[2])]),
      ];
    });
    const read = Array.from({ length: events.length }, (_, i) => {
      const { comm, pid } = events.tasks[events.task[i]];
      const flags = withFlags ? events.flagTexts[events.flags[i]] : '';
      const page = isPageEvent(events.kind[i]) ? [eventPfn(events, i), events.unit[i] & 15] : [];
      return [`${comm}-${pid}`, events.cpu[i], flags, events.time[i], ...page];
    });
    expect(read).toEqual(expected);
  });
});
