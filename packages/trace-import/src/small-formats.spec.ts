/** The formats that need few lines each: iomem, sysctl, vmstat, meminfo, index files, when, meta, kpageflags. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readFileWith, readWith, s390, x86 } from './captures.spec-kit.ts';
import { readIndex } from './frag-index/frag-index.ts';
import { isHiddenIomem, readIomem } from './iomem/iomem.ts';
import { looksLikePageWords, possibleByteOrders, readPageWords, saturatedCounts } from './kpageflags/kpageflags.ts';
import { archOf, archOfRelease, readCpuinfo, readMeta, readUname, readVersion } from './meta/meta.ts';
import { readContent } from './node/read-bytes.ts';
import { readSysctl } from './sysctl/sysctl.ts';
import { readMeminfo, readVmstat } from './vmstat-meminfo/vmstat-meminfo.ts';
import { readWhen } from './when/when.ts';

const step = (name: string, capture = x86) => join(capture, 'steps/01-before', name);

describe('iomem', () => {
  it('keeps the tree by depth', () => {
    const { value, account } = readFileWith(readIomem, step('iomem'));
    expect(value.slice(7, 9)).toEqual([
      { start: 0x100000, end: 0x2ffdcfff, name: 'System RAM', depth: 0 },
      { start: 0x11200000, end: 0x121fffff, name: 'Kernel code', depth: 1 },
    ]);
    expect(value.at(-1)).toEqual({ start: 0xfd00000000, end: 0xffffffffff, name: 'Reserved', depth: 0 });
    expect(account).toMatchObject({ events: 23, skipped: {} });
  });

  it('notices hidden addresses', () => {
    const { value } = readWith(readIomem, '00000000-00000000 : System RAM\n  00000000-00000000 : Kernel code\n');
    expect(isHiddenIomem(value)).toBe(true);
  });
});

it('sysctl: values stay text', () => {
  const { value } = readFileWith(readSysctl, step('sysctl-vm.txt'));
  expect(value['vm.min_free_kbytes']).toBe('35656');
  expect(value['vm.lowmem_reserve_ratio']).toBe('256\t256\t32\t0\t0');
  expect(Object.keys(value)).toHaveLength(14);
});

it('vmstat and meminfo', () => {
  expect(readFileWith(readVmstat, step('vmstat')).value.nr_free_pages).toBe(160447);
  const { value, account } = readFileWith(readMeminfo, step('meminfo'));
  expect(value).toMatchObject({ MemTotal: 733820, MemFree: 641788, HugePages_Total: 0 });
  expect(account.skipped).toEqual({});
});

it('index files: thousandths, the sign on either side of the point', () => {
  const { value } = readFileWith(readIndex, step('unusable_index', s390));
  expect(value).toEqual([{ node: 0, name: 'DMA', values: [0, 0, 0, 0, 0, 0, 1, 3, 8, 10, 43] }]);
  expect(readWith(readIndex, 'Node 1, zone Normal -1.000 0.-500 0.993 1.000 \n').value[0].values).toEqual([
    -1000, -500, 993, 1000,
  ]);
});

describe('when', () => {
  it('reads the times of an exact step', () => {
    expect(readFileWith(readWhen, step('when')).value).toMatchObject({
      begin: 6.607238728,
      end: 6.711062845,
      tracing: 'started-after-reading',
      tracingOn: { begin: 6.71260492, end: 6.71269306 },
      tracingOff: undefined,
      reads: {
        'kpageflags.bin': { begin: 6.607238728, end: 6.655126262 },
        buddyinfo: { begin: 6.674383893, end: 6.674470001 },
      },
      // order=kpageflags.bin … kpageflags.2.bin [tracing_on=1] vmstat meminfo uptime
      order: [
        ...['kpageflags.bin', 'kpagecount.bin', 'buddyinfo', 'zoneinfo', 'pagetypeinfo', 'buddyinfo.2'],
        ...['kpageflags.2.bin', 'vmstat', 'meminfo', 'uptime'],
      ],
    });
  });

  it.each([
    ['unchanged', 'unchanged'],
    ["running-throughout (trace_marker lines 'snapx mid begin' and 'snapx mid end' around the reading)", 'unchanged'],
    ['stopped-before-reading', 'stopped-before-reading'],
    ['stopped-before-reading-kpageflags', 'stopped-before-reading'],
  ])('%s', (text, tracing) => {
    const { value } = readWith(readWhen, `monotonic_begin=1.5\nmonotonic_end=2\ntracing=${text}\n`);
    expect(value).toMatchObject({ begin: 1.5, end: 2, tracing, reads: {} });
  });

  it('is nothing without both times', () => {
    expect(readWith(readWhen, 'monotonic_begin=1.5\n').value).toBeUndefined();
  });
});

describe('meta', () => {
  it('reads meta.txt', () => {
    expect(readFileWith(readMeta, join(s390, 'meta.txt')).value).toEqual({
      arch: 's390x',
      kernel: '6.1.0-50-s390x',
      pageSize: 4096,
      commandLine: 'panic=-1 quiet loglevel=4 lab=exact-anonhog no_hash_pointers',
    });
  });

  it('reads uname, version, cpuinfo', () => {
    const uname =
      'Linux host 5.4.0-1-generic #1-Ubuntu SMP Thu Jan 1 00:00:00 UTC 2022 x86_64 x86_64 x86_64 GNU/Linux\n';
    expect(readWith(readUname, uname).value).toEqual({ kernel: '5.4.0-1-generic', arch: 'x86_64' });
    const version = 'Linux version 5.14.0-1.el9.x86_64 (builder) (gcc) #1 SMP\n';
    expect(readWith(readVersion, version).value).toEqual({ kernel: '5.14.0-1.el9.x86_64', arch: 'x86_64' });
    expect(readWith(readCpuinfo, 'vendor_id       : IBM/S390\n').value.arch).toBe('s390x');
    expect(readWith(readCpuinfo, 'processor : 0\ncpu\t\t: POWER9 (raw), altivec supported\n').value.arch).toBe(
      'ppc64le',
    );
  });

  it('knows names of architectures', () => {
    expect(archOf('amd64')).toBe('x86_64');
    expect(archOfRelease('6.1.0-50-powerpc64le')).toBe('ppc64le');
    expect(archOfRelease('6.12.113+deb12-amd64')).toBe('x86_64');
    expect(archOfRelease('5.4.0-1-generic')).toBeUndefined();
  });
});

describe('kpageflags', () => {
  const words = (...values: bigint[]) => {
    const view = new DataView(new ArrayBuffer(values.length * 8));
    values.forEach((value, i) => view.setBigUint64(i * 8, value, true));
    return new Uint8Array(view.buffer);
  };

  it('reads big-endian words of s390x', async () => {
    const { length, low, high } = readPageWords(await readContent(step('kpageflags.bin.xz', s390)), true);
    expect(length).toBe(131072);
    expect([low[0], high[0]]).toEqual([0, 1]);
    expect(low[100000]).toBe(1024);
    expect(low.filter((word) => (word & 1024) !== 0)).toHaveLength(108236);
  });

  it('tells the byte order where only one is possible', async () => {
    expect(possibleByteOrders(await readContent(step('kpageflags.bin.xz', s390)))).toEqual({
      little: false,
      big: true,
    });
    expect(possibleByteOrders(await readContent(step('kpageflags.bin.xz')))).toEqual({ little: true, big: false });
  });

  it('saturates counts and drops a part of a word', () => {
    const bytes = words(3n, 1n << 33n, 7n);
    expect([...saturatedCounts(readPageWords(bytes, false))]).toEqual([3, 0xffffffff, 7]);
    expect(readPageWords(bytes.subarray(0, 21), false).length).toBe(2);
  });

  it('tells flags from counts', () => {
    expect(looksLikePageWords(words(...Array(8).fill(1024n)))).toBe('flags');
    expect(looksLikePageWords(words(...Array(8).fill(2n)))).toBe('counts');
    expect(looksLikePageWords(new TextEncoder().encode('Node 0, zone      DMA\n'.repeat(9)))).toBeUndefined();
    expect(looksLikePageWords(readFileSync(step('zoneinfo')))).toBeUndefined();
  });
});
