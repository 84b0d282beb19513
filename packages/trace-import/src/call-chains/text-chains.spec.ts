import { eventStack, type EventColumns } from '@replug/workload';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Account } from '../account.ts';
import { FtraceTextReader } from '../ftrace-text/ftrace-text.ts';
import { MAX_FRAMES } from './call-chains.ts';

function read(text: string): { events: EventColumns; details: Readonly<Record<string, number>> } {
  const account = new Account('trace', 'ftrace-text');
  const reader = new FtraceTextReader(account);
  reader.push(new TextEncoder().encode(text));
  return { events: reader.finish().events, details: account.details };
}

const stacksOf = (events: EventColumns) => Array.from({ length: events.length }, (_, row) => eventStack(events, row));

const line = (who: string, cpu: number, time: number, rest: string) =>
  `${who.padStart(16)} [00${cpu}] ...1   ${time}.000000: ${rest}\n`;
const free = (who: string, cpu: number, time: number) =>
  line(`${who}-${who.length}`, cpu, time, 'mm_page_free: page=0 pfn=0x10 order=0');
const head = (who: string, cpu: number, time: number, what = '<stack trace>') =>
  line(`${who}-${who.length}`, cpu, time, what);

describe('call chains in text', () => {
  it('of ftrace, with a head', () => {
    const { events, details } = read(
      `${free('sh', 4, 1)}${head('sh', 4, 1)} => do_page_fault\n => el0_da+0x14/0x20\n${free('sh', 4, 2)}`,
    );
    expect(stacksOf(events)).toEqual(['do_page_fault\nel0_da+0x14/0x20', '']);
    expect(details).toEqual({ 'stack lines': 3 });
  });

  it('go to the last event of their cpu and task that has none', () => {
    const { events } = read(
      [
        free('sh', 0, 1),
        free('cat', 1, 1),
        head('sh', 0, 1),
        ' => of_sh\n',
        // An interrupt between an event and its chain.
        free('sh', 0, 2),
        free('sh', 0, 3),
        head('sh', 0, 3),
        ' => interrupt\n',
        head('sh', 0, 2),
        ' => interrupted\n',
        head('cat', 1, 1),
        ' => of_cat\n',
      ].join(''),
    );
    expect(stacksOf(events)).toEqual(['of_sh', 'of_cat', 'interrupted', 'interrupt']);
  });

  it('of events that have no row are counted, not given to the one before', () => {
    const unknown = line('sh-2', 0, 2, 'kmalloc: ptr=0');
    const damaged = line('sh-2', 0, 3, 'mm_page_free: page=0 pfn=0x10 order=x');
    const chain = `${head('sh', 0, 3)} => elsewhere\n`;
    const { events, details } = read(
      `${free('sh', 0, 1)}${unknown}${chain}${free('sh', 1, 1)}${damaged}${chain}${chain}`,
    );
    expect(stacksOf(events)).toEqual(['', '']);
    expect(events.stack).toBeUndefined();
    expect(details).toMatchObject({ 'stacks of other events': 3 });
  });

  it('of trace-cmd, of user space, and of the latency format', () => {
    const { events } = read(
      [
        'version = 6\n',
        '             cc1-22107 [004] .....   713.204425000: mm_page_free:         page=0x1 pfn=0x29471 order=0\n',
        '             cc1-22107 [004]         713.204426000: kernel_stack:         <stack trace >\n',
        '=> seq_open (ffffffff8137a02c)\n',
        '=> do_dentry_open (ffffffff8134c1b9)\n',
        '             cc1-22107 [004] .....   713.204427000: mm_page_free:         page=0x1 pfn=0x29472 order=0\n',
        '             cc1-22107 [004] .....   713.204427000: <user stack trace>\n',
        ' =>  <00007f0c1a2b3c4d>\n',
        '  <idle>-0         0d.h2.    3us+: mm_page_free: page=0000037200124200 pfn=0x4908 order=0\n',
        '  <idle>-0         0d.h2.    4us : <stack trace>\n',
        ' => tick\n',
      ].join(''),
    );
    expect(stacksOf(events)).toEqual(['seq_open\ndo_dentry_open', '', 'tick']);
  });

  it('of perf script, right behind the event', () => {
    const { events } = read(
      `perf  5170 [000]    33.125450:             kmem:mm_page_alloc: page=0x8c307 pfn=574527 order=0 migratetype=0 gfp_flags=GFP_KERNEL
\tffffffff812b04c6 __alloc_pages_nodemask+0x22e (/lib/modules/6.1.0/build/vmlinux)
\tffffffff812b0000 [unknown] ([kernel.kallsyms])
\t7f3c5d21a0b7 __read+0x14 (/usr/lib64/libc-2.28.so)

perf  5170 [000]    33.125452:             kmem:kfree: call_site=1 ptr=0
\tffffffff812b04c6 kfree+0x22e ([kernel.kallsyms])

`,
    );
    expect(stacksOf(events)).toEqual(['__alloc_pages_nodemask+0x22e\n0xffffffff812b0000\n__read+0x14']);
  });

  it('equal ones are held once, long ones are cut and say so', () => {
    const chain = ` => deep\n`.repeat(MAX_FRAMES + 3);
    const { events, details } = read([1, 2, 3].map((t) => `${free('sh', 0, t)}${head('sh', 0, t)}${chain}`).join(''));
    expect(events.stacks).toEqual(['', 'deep\n'.repeat(MAX_FRAMES).trimEnd()]);
    expect([...events.stack!]).toEqual([1, 1, 1]);
    expect(details).toMatchObject({ 'stack lines over the limit': 9 });
  });

  it('agree with a naive reader, however events and chains of several cpus mix', () => {
    // Each step is an event of a cpu, or the chain of that cpu's latest event.
    const steps = fc.array(fc.record({ cpu: fc.nat(3), chain: fc.boolean(), known: fc.boolean() }), { maxLength: 60 });
    fc.assert(
      fc.property(steps, (all) => {
        const expected: string[] = [];
        // By cpu: the row that a chain may still go to, -1 for an event without a row.
        const open: number[][] = [[], [], [], []];
        const text = all.map(({ cpu, chain, known }, i) => {
          if (chain) {
            const row = open[cpu].pop() ?? -1;
            if (row >= 0) expected[row] = `at_${i}`;
            else open[cpu] = [];
            return `${head('sh', cpu, i)} => at_${i}\n`;
          }
          if (!known) {
            open[cpu] = [];
            return line('sh-2', cpu, i, 'kmalloc: ptr=0');
          }
          open[cpu].push(expected.push('') - 1);
          return free('sh', cpu, i);
        });
        expect(stacksOf(read(text.join('')).events)).toEqual(expected);
      }),
      { numRuns: 300, seed: 7 },
    );
  });
});
