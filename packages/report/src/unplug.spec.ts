/** Reports of unplugging as text. */
import { expect, it } from 'vitest';
import { renderUnplugPolicies } from './unplug-policies.ts';
import { renderUnplug, sizeText, type UnplugReport } from './unplug.ts';

const MiB = 2 ** 20;
const report: UnplugReport = {
  name: 'guest',
  path: null,
  at: { step: null, time: 2.5, note: '' },
  pageSize: 4096,
  blockSize: 128 * MiB,
  options: ['sense'],
  devices: [
    {
      id: 'vm0',
      kind: 'virtio-mem',
      node: 1,
      addr: 0x140000000,
      size: 1024 * MiB,
      unit: 2 * MiB,
      before: 400 * MiB,
      requested: 2 * MiB,
      reached: 4 * MiB,
      map: `+#${'.'.repeat(190)}  ......`,
    },
  ],
  stayed: [
    {
      device: 'vm0',
      range: { start: 0x140200000, end: 0x140400000 },
      reason: 'slab',
      pfn: 0x140201,
      owner: { comm: 'init', pid: 1, gfp: 'GFP_KERNEL', stack: ['new_slab', 'kmalloc'] },
    },
    { device: 'vm0', range: { start: 0x140400000, end: 0x140600000 }, reason: 'no-memory', pfn: null, owner: null },
  ],
  migrated: 7,
  dropped: 1,
  tries: 200,
  virtualTime: 1_500_000,
  costs: {},
  ownersFrom: '12 events',
  notes: ['something was assumed'],
};

it('draws equal rows once, as hexdump does, and bounds what stayed', () => {
  expect(renderUnplug(report, 1)).toBe(
    [
      'guest at 2.500000 s, with sense',
      '7 pages moved, 1 dropped, 200 ranges tried, 1.5 ms of virtual time',
      'device  kind        node      address   unit   before  asked  reached',
      '------  ----------  ----  -----------  -----  -------  -----  -------',
      'vm0     virtio-mem     1  0x140000000  2 MiB  400 MiB  2 MiB    4 MiB',
      '',
      'vm0, 2 MiB a character',
      `  0  +#${'.'.repeat(62)}`,
      ` 64  ${'.'.repeat(64)}`,
      '*',
      '192    ......',
      '',
      '. unplugged   # stayed   + not needed',
      '',
      'What stayed (owners from 12 events)',
      'device                    range  reason      page  task    gfp         stack',
      '------  -----------------------  ------  --------  ------  ----------  ------------------',
      'vm0     0x140200000-0x1403fffff  slab    0x140201  init-1  GFP_KERNEL  new_slab < kmalloc',
      '1 more ranges',
      'note: something was assumed',
      '',
    ].join('\n'),
  );
});

it('sizes in the largest unit that divides them', () => {
  expect([0, 4096, 126 * MiB, 1024 * MiB, 1280 * MiB].map(sizeText)).toEqual([
    '0 MiB',
    '4 KiB',
    '126 MiB',
    '1 GiB',
    '1280 MiB',
  ]);
});

it('a table by policy, a column for each way of onlining', () => {
  const cell = { dropped: 0, tries: 1, virtualTime: 1 };
  const text = renderUnplugPolicies({
    name: 'guest',
    path: '',
    to: 'after',
    boot: 256 * MiB,
    added: 1024 * MiB,
    placements: [
      { zoning: 'Normal', requests: 5, unserved: 0, zones: { Normal: 1024 * MiB } },
      { zoning: 'Movable', requests: 4, unserved: 1, zones: { Movable: 1024 * MiB } },
    ],
    cells: [
      { ...cell, zoning: 'Normal', piece: 'SBM 2M', option: null, unplugged: 1000 * MiB, migrated: 3 },
      { ...cell, zoning: 'Normal', piece: 'SBM 2M', option: 'sense', unplugged: 1000 * MiB, migrated: 2 },
      { ...cell, zoning: 'Movable', piece: 'SBM 2M', option: null, unplugged: 1024 * MiB, migrated: 9 },
    ],
  });
  expect(text.split('\n').slice(-5)).toEqual([
    'piece   option    Normal   Movable',
    '------  ------  --------  --------',
    'SBM 2M  -       1000 / 3  1024 / 9',
    'SBM 2M  sense   1000 / 2         -',
    '',
  ]);
});
