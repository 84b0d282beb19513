import { Core, KIND, MIGRATE } from '@replug/core';
import { EventColumnsBuilder, KPF, packUnit, type PageFlags, type Step } from '@replug/workload';
import { describe, expect, it } from 'vitest';
import { DumpFollower, followedDump } from './dump-follower.ts';
import type { Stop } from './span.ts';
import { rig } from './streams.spec-kit.ts';

const PFNS = 16 * 512;
const flags = (): PageFlags => {
  const low = new Uint32Array(PFNS).fill(2 ** KPF.NOPAGE);
  return { length: PFNS, low, high: new Uint32Array(PFNS) };
};

/** Three small files, then eight reads that fill two pages of a file each. */
function written() {
  const builder = new EventColumnsBuilder();
  const gfp = builder.gfpTexts.intern('GFP_HIGHUSER_MOVABLE|__GFP_WRITE');
  const flag = builder.flagTexts.intern('.....');
  let time = 0;
  for (let k = 0; k < 19; k++) {
    time += k >= 3 && (k - 3) % 2 === 0 ? 1e6 : 5e4;
    builder.pushPage(KIND.mm_page_alloc, time, 0, flag, builder.internTask('cp', 7), k, packUnit(0, 1, 0), gfp);
  }
  return builder.finish();
}

function stop(when: Step['when'], pageFlags: Step['pageFlags'] = flags): Stop {
  const step: Step = { number: 1, name: 'one', path: '', when, hasPageFlags: true, pageFlags };
  return { step, index: 0, next: 19, note: '' };
}

const unchanged = { begin: 1, end: 2, tracing: 'unchanged', reads: {} } as const;
const { arch } = rig().kernel.get(Core.Machine).pages;

describe('which dumps are followed', () => {
  it('one that was read while tracing went on', () => {
    expect(followedDump(written(), stop(unchanged), arch)?.reading.pieces).toHaveLength(16);
  });

  it('not one whose reading was timed, nor one read before or after the trace, nor one of an unknown time', () => {
    const reads = { 'kpageflags.bin': { begin: 1, end: 1.01 } };
    for (const when of [
      { ...unchanged, reads },
      { ...unchanged, tracing: 'stopped-before-reading' as const },
      { ...unchanged, tracing: 'started-after-reading' as const },
      undefined,
    ])
      expect(followedDump(written(), stop(when), arch)).toBeUndefined();
  });

  it('not one that cannot be read', () => {
    expect(
      followedDump(
        written(),
        stop(unchanged, () => undefined),
        arch,
      ),
    ).toBeUndefined();
  });
});

describe('a dump that is followed', () => {
  it('is compared with each part as it was when that was read', () => {
    // 4096 pages from pfn 0x8000 on; the dump tells of the first 1024 of them, in two pieces.
    const { kernel, lists } = rig();
    const machine = kernel.get(Core.Machine);
    const length = 0x8000 + 1024;
    const dump: PageFlags = {
      length,
      low: new Uint32Array(length).fill(2 ** KPF.BUDDY, 0x8000),
      high: new Uint32Array(length),
    };
    const pieces = [
      { index: 3, end: 0x8000 + 512 },
      { index: 5, end: length },
    ];
    const follower = new DumpFollower({ flags: dump, reading: { pieces } }, machine, lists);
    expect([follower.next, follower.end]).toEqual([3, 5]);

    lists.placeFree(0, 9, MIGRATE.MOVABLE);
    follower.reach(3);
    expect(follower.next).toBe(5);
    // Taken after it was looked at: the first part still counts as free. The second is free just in time.
    lists.forget(0, 9);
    lists.placeFree(512, 8, MIGRATE.MOVABLE);
    follower.reach(5);
    expect(follower.next).toBe(Infinity);
    lists.placeFree(768, 8, MIGRATE.MOVABLE);

    const { compared, agreeing, modelOnly, realOnly, differences } = follower.agreement(new Uint8Array(4096));
    expect({ compared, agreeing, modelOnly, realOnly }).toEqual({
      ...{ compared: 1024, agreeing: 768, modelOnly: 0, realOnly: 256 },
    });
    expect(differences).toEqual([{ start: 0x8000 + 768, end: 0x8000 + 1024, model: 'used' }]);
  });
});
