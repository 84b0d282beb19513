import { Core } from '@replug/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DnumaToken } from './dnuma.ts';
import { fakeKernel, present } from './fake-allocator.spec-kit.ts';
import { parseFirmwareEvent } from './firmware.ts';

const parse = (text: string) => {
  using kernel = fakeKernel();
  return parseFirmwareEvent(text, kernel.get(Core.Machine));
};

describe('a firmware event', () => {
  it('is read line by line', () => {
    const text = `# PRRN
lmb-size 16M
lmb 0x100000000+2 node 2   # two of them
lmb 4328521728 node 1
cpu 1 node 2; distance 0 2 40`;
    expect(parse(text)).toEqual({
      ranges: [
        { start: 0x100000, end: 0x102000, nid: 2 },
        { start: 0x102000, end: 0x103000, nid: 1 },
      ],
      cpus: [{ cpu: 1, nid: 2 }],
      distances: [{ from: 0, to: 2, value: 40 }],
    });
  });

  it.each([
    ['', /record 1: nothing/],
    ['# nothing', /record 1: nothing/],
    ['lmb 0 node 1', /record 1: lmb-size must come first/],
    ['lmb-size 3M', /record 1: .*power of two/],
    ['lmb-size 2G', /1M to 1G/],
    ['lmb-size 16M\nlmb 0x100001 node 1', /record 2: the address is not that of an LMB/],
    ['lmb-size 16M\nlmb 0x0+999999999 node 1', /record 2: outside the address space/],
    ['lmb-size 16M\nlmb 0x0+0 node 1', /record 2: outside/],
    ['lmb-size 16M\nlmb -1 node 1', /not ADDRESS/],
    ['cpu x node 1', /x is no number/],
    ['cpu 1 node', /not a record/],
    ['memory 5', /not a record/],
  ])('%j is refused', (text, error) => {
    expect(() => parse(text)).toThrow(error);
    expect(() => parse(text)).toThrow(/RP2310/);
  });

  it('is bounded', () => {
    expect(() => parse('cpu 0 node 0;'.repeat(2 ** 20 + 1))).toThrow(/RP2310.*more than 1048576/);
  });

  it('of any text is an event or a coded error', () => {
    const words = fc.constantFrom(
      'lmb-size',
      'lmb',
      'cpu',
      'node',
      'distance',
      '16M',
      '0x1000000+2',
      '1',
      ';',
      '\n',
      '#',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(words, fc.string())), (parts) => {
        try {
          parse(parts.join(' '));
        } catch (error) {
          expect(String(error)).toContain('RP2310');
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('what it does', () => {
  it('moves memory, CPUs and distances; the last record of a page counts', () => {
    using kernel = fakeKernel();
    kernel.execute(
      'firmware-event lmb-size 4M; lmb 0x100000000+4 node 1; lmb 0x100400000 node 2; cpu 1 node 2; distance 0 2 40',
    );
    expect(present(kernel)).toEqual([0, 7168, 1024]);
    const { zones } = kernel.get(Core.Machine);
    expect(zones.nodes.map(({ cpus }) => cpus)).toEqual([[0], [], [1]]);
    expect(zones.distances).toEqual([
      [10, 20, 40],
      [20, 10, 20],
      [40, 20, 10],
    ]);
    expect(kernel.read('/sys/devices/system/node/node2/distance')).toBe('40 20 10\n');
  });

  it.each([
    ['cpu 2 node 0', /RP2311/],
    ['cpu 0 node 3', /RP2303/],
    ['distance 0 1 9', /RP2312/],
    ['distance 0 1 256', /RP2312/],
    ['distance 0 0 11', /RP2312/],
    ['lmb-size 4M; lmb 0x100000000 node 3', /RP2303.*possible=N/],
    ['lmb-size 4M; lmb 0x100000000 node 1024', /RP2304.*10 bits/],
  ])('%s is refused, and nothing changes', (text, error) => {
    using kernel = fakeKernel();
    const before = kernel.stateHash();
    expect(() => kernel.execute(`firmware-event ${text}`)).toThrow(error);
    expect(kernel.stateHash()).toBe(before);
  });

  it('with a hundred thousand records is one commit', () => {
    using kernel = fakeKernel();
    const records = Array.from(
      { length: 100_000 },
      (_, i) => `lmb 0x${(2 ** 32 + (i % 16) * 2 ** 20).toString(16)} node ${i % 3}`,
    );
    kernel.get(DnumaToken).apply(parseFirmwareEvent(`lmb-size 1M; ${records.join(';')}`, kernel.get(Core.Machine)));
    // The last 16 records: 99984 to 99999, of which i % 16 is 0 to 15 and i % 3 is 0, 1, 2, …
    expect(present(kernel)).toEqual([6 * 256, 4096 + 5 * 256, 5 * 256]);
  });
});

describe('operator commands', () => {
  it.each([
    '',
    'all',
    'all x',
    'all 1 2',
    'stripe 0 1',
    'stripe 0 1 -5',
    'block 1',
    'undo 1',
    'everything 0',
    'all 1e3',
  ])('dnuma %s is refused with its usage', (args) => {
    using kernel = fakeKernel();
    expect(() => kernel.execute(`dnuma ${args}`)).toThrow(/RP2314.*all NODE/);
  });

  it.each([
    ['stripe 1 0 256', /RP2314/],
    ['stripe 0 2000 256', /RP2314/],
    ['stripe 0 1 0', /RP2301/],
    ['all 3', /RP2303/],
    ['all 999999999', /RP2301|RP2304/],
  ])('dnuma %s is refused', (args, error) => {
    using kernel = fakeKernel();
    expect(() => kernel.execute(`dnuma ${args}`)).toThrow(error);
  });

  it('answer with what moved and what waits', () => {
    using kernel = fakeKernel();
    expect(kernel.execute('dnuma block 0 2')).toBe('moved 8192 waiting 0 splits 0 rebuilds 1\n');
    expect(kernel.execute('dnuma undo')).toBe('moved 16384 waiting 0 splits 0 rebuilds 2\n');
  });
});
