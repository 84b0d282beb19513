/** Compaction in captured runs: what the scanners are expected to find, beside what the kernel's events tell. */
import { CLASS_MOVABILITY, Core, MOVABILITY, PAGE_STATE } from '@replug/core';
import { findSpan, replayRecorded, type CompactionReport } from '@replug/replay';
import { openRecording } from '@replug/trace-import';
import { CLASS_MASK } from '@replug/workload';
import { describe, expect, it } from 'vitest';
import { nameOf, shipped } from './captures.spec-kit.ts';
import { recordedKernel, replayRecording } from './replay.ts';

const SPAN = { from: { kind: 'step', ref: 'fragmented' }, to: { kind: 'step', ref: 'compacted' } } as const;
const find = (name: string): string => shipped.find((path) => nameOf(path) === name)!;

async function compactionOf(name: string): Promise<CompactionReport> {
  const recording = await openRecording(find(name));
  return replayRecording(recording, SPAN).compaction as CompactionReport;
}

/** `start~end scanned taken`, as the capture's trace text has them. */
const line = ({ start, end, scanned, taken }: { start: number; end: number; scanned: number; taken: number }) =>
  `${start.toString(16)}~${end.toString(16)} ${scanned} ${taken}`;

describe('compaction of the shipped captures', () => {
  it('s390x: the first scans, each number as in the trace', async () => {
    const { pairs } = await compactionOf('s390x-6.1-exact-anonhog');
    const told = [
      'migrate 0~100 256 239',
      'free 1fb00~1fc00 256 0',
      'free 1fa00~1fb00 192 128',
      'free 1f900~1fa00 256 48',
      'free 1f800~1f900 256 0',
      'free 1f700~1f800 128 0',
      'free 1f600~1f700 64 0',
      'free 1f500~1f600 32 0',
      'free 1ee00~1ef00 16 0',
      'free 1ed00~1ee00 8 0',
      'free 1ec00~1ed00 39 32',
      'free 1eb00~1ec00 256 0',
      'free 1ea00~1eb00 128 0',
      'free 1e900~1ea00 64 0',
      'free 1e700~1e800 32 0',
      'free 1e600~1e700 16 0',
      'free 1e500~1e600 8 0',
      'free 1e300~1e400 8 0',
      'free 1e200~1e300 8 0',
      'free 1e100~1e200 8 0',
    ];
    const first = pairs.slice(0, told.length);
    expect(first.map(({ scan, real }) => `${scan} ${line(real)}`)).toEqual(told);
    // Two pageblocks that no event names a type of were passed over; all that follows is as expected.
    const predicted = first.map(({ scan, predicted: expected }) => `${scan} ${line(expected!)}`);
    expect(predicted.filter((text, i) => text !== told[i])).toEqual([
      'free 1ff00~20000 256 0',
      'free 1f300~1f400 16 0',
    ]);
  });

  it('ppc64le: the first scans, each number as in the trace', async () => {
    const { pairs } = await compactionOf('ppc64le-6.1-exact-anonhog');
    const told = [
      'migrate 220~240 32 1',
      'free 3fc0~3fe0 32 0',
      'free 3fa0~3fb2 10 2',
      'migrate 240~260 32 0',
      'migrate 260~280 32 0',
      'migrate 280~2a0 32 0',
      'migrate 2a0~2c0 32 32',
      'free 3fb2~3fc0 14 11',
      'free 3f80~3fa0 1 0',
      'free 3f60~3f80 1 0',
      'free 3f20~3f40 20 16',
      'free 3f00~3f10 16 16',
    ];
    const at = pairs.findIndex(({ real }) => real.start === 0x220);
    expect(at).toBe(17);
    const first = pairs.slice(at, at + told.length);
    expect(first.map(({ scan, predicted }) => `${scan} ${line(predicted!)}`)).toEqual(
      told.with(1, 'free 3fe0~4000 32 0'),
    );
    expect(first.map(({ scan, real }) => `${scan} ${line(real)}`)).toEqual(told);
  });

  it.each(['s390x-6.1-exact-anonhog', 'ppc64le-6.1-exact-anonhog'])(
    '%s: what was moved is where it was moved to',
    async (name) => {
      const recording = await openRecording(find(name));
      const span = findSpan(recording, SPAN.from, SPAN.to);
      using kernel = recordedKernel(recording, span);
      const { compaction, counts } = replayRecorded(kernel, span);
      expect(compaction!.moved).toEqual({ told: counts.heldByCompaction, named: counts.heldByCompaction, unnamed: 0 });
      const map = kernel.get(Core.Pages);
      const { state, pageClass } = map;
      expect(state.some((own) => (own & 0xf0) === PAGE_STATE.HELD)).toBe(false);
      // KPF_LRU in the dump that follows: the page has an owner in the model, and its class says that it can be moved.
      const { low } = span.stops.at(-1)!.step.pageFlags()!;
      let onLru = 0;
      let known = 0;
      low.forEach((flags, pfn) => {
        const row = map.pfnToRow(pfn);
        if ((flags & 32) === 0 || row < 0 || (state[row] & 0xf0) !== PAGE_STATE.ALLOCATED) return;
        onLru++;
        if (CLASS_MOVABILITY[pageClass[row] & CLASS_MASK] === MOVABILITY.MOVABLE) known++;
      });
      expect(known / onLru).toBeGreaterThan(0.999);
    },
  );
});
