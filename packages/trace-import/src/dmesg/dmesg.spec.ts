import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ppc, readFileWith, readWith, s390, x86 } from '../captures.spec-kit.ts';
import { readDmesg } from './dmesg.ts';

it('x86-64', () => {
  const { value, account } = readFileWith(readDmesg, join(x86, 'dmesg.txt'));
  expect(value.kernel).toBe('6.12.113+deb12-amd64');
  expect(value.commandLine).toBe('console=ttyS0 panic=-1 quiet loglevel=4 lab=exact-fileio');
  expect(value.facts.zoneRanges).toEqual([
    { name: 'DMA', start: 0x1000, end: 0x1000000 },
    { name: 'DMA32', start: 0x1000000, end: 0x2ffdd000 },
    { name: 'Normal', start: 0, end: 0 },
    { name: 'Device', start: 0, end: 0 },
  ]);
  expect(value.facts.initrd).toEqual({ start: 0x2f74f000, end: 0x2ffd0000 });
  expect(value.facts.fallbackOrders).toEqual([
    { nid: 0, order: [0, 1] },
    { nid: 1, order: [1, 0] },
  ]);
  expect(value.facts.builtZonelists).toEqual([{ mobility: true, totalPages: 196475 }]);
  expect(value.facts.freed).toEqual([
    { what: 'SMP alternatives', kilobytes: 40 },
    { what: 'initrd', kilobytes: 8708 },
    { what: 'unused decrypted', kilobytes: 2028 },
    { what: 'unused kernel image (initmem)', kilobytes: 4256 },
    { what: 'unused kernel image (rodata/data gap)', kilobytes: 584 },
  ]);
  expect(value.facts.nodeRanges.at(-1)).toEqual({ nid: 1, start: 0x18000000, end: 0x2ffdd000 });
  expect(account.skipped).toEqual({});
});

it('ppc64le: the initrd by its linear-map address', () => {
  const { facts } = readFileWith(readDmesg, join(ppc, 'dmesg.txt')).value;
  expect(facts.initrd).toEqual({ start: 0x2c90000, end: 0x34eee00 });
  expect(facts.zoneRanges).toEqual([{ name: 'Normal', start: 0, end: 0x40000000 }]);
});

it('s390x', () => {
  const { facts } = readFileWith(readDmesg, join(s390, 'dmesg.txt')).value;
  expect(facts.zoneRanges[0]).toEqual({ name: 'DMA', start: 0, end: 0x80000000 });
  expect(facts.builtZonelists[0].totalPages).toBe(129024);
});

it('movable starts, and stamps with level and caller', () => {
  const { facts } = readWith(
    readDmesg,
    '<6>[    0.0][    T0] Movable zone start for each node\n<6>[    0.0][    T0]   Node 1: 0x0000000040000000\n',
  ).value;
  expect(facts.movableStarts).toEqual([{ nid: 1, start: 0x40000000 }]);
});
