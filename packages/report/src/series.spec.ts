import { describe, expect, it } from 'vitest';
import { renderSeries, sparkline, type SeriesReport } from './series.ts';

describe('a line of blocks', () => {
  it.each([
    [[0, 1, 2, 3, 4, 5, 6, 7], '▁▂▃▄▅▆▇█'],
    [[5, 5, 5], '▁▁▁'],
    [[], ''],
    [[10, 0], '█▁'],
  ])('%j', (values, text) => expect(sparkline(values)).toBe(text));

  it('is never wider than asked', () => {
    expect(sparkline(Array.from({ length: 1000 }, (_, i) => i)).length).toBe(60);
    expect(sparkline([0, 0, 8, 8], 2)).toBe('▁█');
  });
});

const series: SeriesReport = {
  every: 1e9,
  time: [1e9, 2e9, 2.5e9],
  event: [0, 10, 12],
  dropped: 0,
  pageblockOrder: 1,
  zones: [
    {
      node: 0,
      zone: 'DMA',
      free: [
        [4, 2, 0],
        [3, 2, 1],
      ],
      freePages: [10, 6, 2],
      cpuPages: [0, 1, 5],
      fallbacks: [0, 2, 0],
      unusable: [
        [0, 0, 0],
        [400, 333, 0],
      ],
      fragmentation: [
        [-1000, -1000, -1000],
        [-1000, -1000, -1000],
      ],
    },
  ],
};

it('prints zones as lines and a table', () => {
  expect(renderSeries(series)).toBe(`3 samples, every 1000 ms, from 1.000 s to 2.500 s

Node 0, zone DMA
  free pages         █▅▁  2 to 10
  on CPU lists       ▁▂█  0 to 5
  fallbacks          ▁█▁  0 to 2
  unusable, order 1  █▇▁  0 to 400
 time  free  CPU lists  fallbacks  unusable  frag index  free blocks by order
-----  ----  ---------  ---------  --------  ----------  --------------------
1.000    10          0          0     0.400      -1.000                   4 3
2.000     6          1          2     0.333      -1.000                   2 2
2.500     2          5          0     0.000      -1.000                   0 1
`);
});

it('says so when there are none, or too many', () => {
  expect(renderSeries({ ...series, time: [] })).toBe('no samples\n');
  expect(renderSeries({ ...series, dropped: 3 })).toContain('3 more were dropped');
});
