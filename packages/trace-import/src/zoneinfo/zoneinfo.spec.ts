import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  dumpsFolder,
  filesBelow,
  hasDumps,
  hasShared,
  ppc,
  readFileWith,
  readWith,
  s390,
  sharedCaptures,
  unaccounted,
  x86,
} from '../captures.spec-kit.ts';
import { readZoneinfo } from './zoneinfo.ts';

const step = (capture: string) => join(capture, 'steps/01-before/zoneinfo');

describe('6.12, x86-64 with two nodes', () => {
  const { value, account } = readFileWith(readZoneinfo, step(x86));

  it('has every zone type of each node, low to high', () => {
    expect(value.zones.map((z) => `${z.node} ${z.name}`)).toEqual([
      '0 DMA',
      '0 DMA32',
      '0 Normal',
      '0 Movable',
      '0 Device',
      '1 DMA',
      '1 DMA32',
      '1 Normal',
      '1 Movable',
      '1 Device',
    ]);
  });

  it('reads marks, spans and protection', () => {
    expect(value.zones[1]).toMatchObject({
      free: 72769,
      boost: 0,
      min: 4035,
      low: 5043,
      high: 6051,
      promo: 7059,
      spanned: 94208,
      present: 94208,
      managed: 83006,
      cma: 0,
      startPfn: 4096,
      protection: [0, 0, 0, 0, 0],
    });
    expect(value.zones[0].protection).toEqual([0, 317, 317, 317, 317]);
  });

  it('reads the lists of each cpu', () => {
    expect(value.zones[1].pagesets).toEqual([
      { cpu: 0, count: 320, high: 6157, batch: 15, statThreshold: 12 },
      { cpu: 1, count: 404, high: 5043, batch: 15, statThreshold: 12 },
    ]);
  });

  it('keeps counters of zone and node apart', () => {
    expect(value.zones[1].stats).toMatchObject({ nr_free_pages: 72769, nr_zone_active_anon: 2056, numa_local: 8551 });
    expect(value.zones[0].nodeStats).toMatchObject({ nr_inactive_anon: 0 });
    expect(value.zones[1].nodeStats).toBeUndefined();
  });

  it('ends a zone without pages after its protection', () => {
    expect(value.zones[2]).toMatchObject({ name: 'Normal', spanned: 0, present: 0, pagesets: [] });
    expect(value.zones[2].startPfn).toBeUndefined();
  });

  it('knows every line', () => {
    expect(account).toMatchObject({ skipped: {}, unknownKeys: [] });
    expect(unaccounted(account)).toBe(0);
  });
});

it.each([
  ['ppc64le', ppc, ['Normal', 'Movable']],
  ['s390x', s390, ['DMA', 'Normal', 'Movable']],
])('6.1, %s', (_, capture, names) => {
  const { value, account } = readFileWith(readZoneinfo, step(capture));
  expect(value.zones.map((z) => z.name)).toEqual(names);
  expect(value.zones[0].promo).toBeUndefined();
  expect(account.skipped).toEqual({});
});

describe('older kernels', () => {
  it('2.6: no managed, several pcp a cpu, priorities', () => {
    const text = `Node 0, zone      DMA
  pages free     700
        min      40
        low      50
        high     60
        active   11
        inactive 22
        scanned  0 (a: 0 i: 0)
        spanned  1024
        present  1024
        protection: (0, 0, 0, 0)
  pagesets
    cpu: 0 pcp: 0
              count: 2
              high:  6
              batch: 1
    cpu: 0 pcp: 1
              count: 0
              high:  2
              batch: 1
  all_unreclaimable: 0
  prev_priority:     12
  temp_priority:     12
  start_pfn:         65536
`;
    const { value, account } = readWith(readZoneinfo, text);
    expect(value.zones[0]).toMatchObject({ free: 700, min: 40, startPfn: 65536 });
    expect(value.zones[0].managed).toBeUndefined();
    expect(value.zones[0].stats).toMatchObject({ active: 11, inactive: 22, scanned: 0, prev_priority: 12 });
    expect(value.zones[0].pagesets).toHaveLength(2);
    expect(account).toMatchObject({ events: 24, skipped: {}, unknownKeys: [] });
  });

  it('3.x: counters before the protection, scanned', () => {
    const text = `Node 0, zone   Normal
  pages free     800
        min      40
        low      50
        high     60
        scanned  0
        spanned  2048
        present  2000
        managed  1900
    nr_free_pages 800
    nr_swapcache 0
        protection: (0, 0)
  pagesets
  all_unreclaimable: 0
  start_pfn:         4096
  inactive_ratio:    1
`;
    const { value, account } = readWith(readZoneinfo, text);
    expect(value.zones[0]).toMatchObject({ managed: 1900, protection: [0, 0], startPfn: 4096 });
    expect(account).toMatchObject({ skipped: {}, unknownKeys: [] });
  });
});

describe('newer kernels and damaged files', () => {
  it('keeps names that it does not know and lists them', () => {
    const text =
      'Node 0, zone Normal\n  pages free     1\n        reserved_highatomic 5\n    cpu: 0\n              high_min: 7\n';
    const { value, account } = readWith(readZoneinfo, text);
    expect(value.zones[0].stats).toEqual({ reserved_highatomic: 5, high_min: 7 });
    expect(value.unknownKeys).toEqual({ reserved_highatomic: 1, high_min: 1 });
    expect(account.unknownKeys).toEqual(['reserved_highatomic', 'high_min']);
  });

  it('counts what it cannot use by reason', () => {
    const { account } = readWith(readZoneinfo, 'stray 1\nNode 0, zone DMA\n...\n   42\n\u0000\u0001\n\n');
    expect(account.skipped).toEqual({
      'before-first-zone': 1,
      'left-out-by-hand': 1,
      'value-without-a-name': 1,
      'not-a-zoneinfo-line': 1,
    });
    expect(account).toMatchObject({ lines: 6, events: 1, comments: 1 });
  });

  it('reads an empty file', () => {
    expect(readWith(readZoneinfo, '').value.zones).toEqual([]);
  });
});

it.skipIf(!hasShared)('reads every zoneinfo of the shared captures without a remainder', () => {
  const files = sharedCaptures.flatMap((capture) => filesBelow(join(capture, 'steps'), /^zoneinfo$/));
  expect(files.length).toBeGreaterThan(300);
  for (const path of files) {
    const { value, account } = readFileWith(readZoneinfo, path);
    expect(account.skipped, path).toEqual({});
    expect(account.unknownKeys, path).toEqual([]);
    expect(value.zones.length, path).toBeGreaterThan(0);
  }
});

it.skipIf(!hasDumps)('reads every zoneinfo of the third-party dumps', () => {
  const files = filesBelow(dumpsFolder, /zoneinfo$/);
  expect(files.length).toBeGreaterThan(20);
  for (const path of files) {
    const { value, account } = readFileWith(readZoneinfo, path);
    expect(unaccounted(account), path).toBe(0);
    expect(account.skipped['not-a-zoneinfo-line'], path).toBeUndefined();
    expect(
      value.zones.some((z) => z.spanned > 0 && z.min > 0),
      path,
    ).toBe(true);
  }
});
