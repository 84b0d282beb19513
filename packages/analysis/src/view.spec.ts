import { parseMachineShorthand } from '@replug/core';
import { describe, expect, it } from 'vitest';
import { shipped } from './captures.spec-kit.ts';
import { expectViews, FILES, parseZoneinfo } from './view.spec-kit.ts';
import { viewSpec } from './view.ts';

describe('views of a machine just built from a step', () => {
  it.each(shipped)('%s: every step parses back to the values of the real files', expectViews);
});

describe('views of a machine that boots', () => {
  it('has all of its memory free but what is reserved', () => {
    const { '/proc/zoneinfo': text } = viewSpec(parseMachineShorthand('s390x,512M'), FILES);
    const [dma] = parseZoneinfo(text).zones;
    // 512 MiB less 8 MiB of memmap and 32 MiB assumed for the kernel.
    expect([dma.name, dma.spanned, dma.present, dma.managed, dma.free]).toEqual([
      'DMA',
      131072,
      131072,
      120832,
      120832,
    ]);
  });

  it('lists folders', () => {
    expect(viewSpec(parseMachineShorthand('s390x,512M'), ['/proc'])['/proc'].split('\n')).toContain('buddyinfo');
  });
});
