/**
 * Every offline attempt of the captures beside the verdict on the step before it, and owners beside page_owner's own text.
 * Figures are literal; docs/blockers.md names the cause of each miss.
 */
import { readContent } from '@replug/trace-import';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nameOf } from '../captures.spec-kit.ts';
import { blockers } from './blockers.ts';
import { attempted, attemptsOf, captureOf, dumpedPages, verdictsOf } from './blockers.captures.spec-kit.ts';

interface Expected {
  readonly step: string;
  readonly kernel: string;
  readonly model: string;
}

const all = (from: number, to: number, what: string): string =>
  Array.from({ length: from - to + 1 }, (_, i) => `${from - i} ${what}`).join(', ');

const EXPECTED: Readonly<Record<string, readonly Expected[]>> = {
  'ppc64le-6.1-dimm': [{ step: '05-workload', kernel: all(15, 8, 'ok'), model: all(15, 8, 'offlinable') }],
  'ppc64le-6.1-offline': [
    {
      step: '02-loaded',
      kernel: '7 EBUSY, 6 ok, 5 ok, 4 EBUSY, 3 EBUSY, 2 EBUSY, 1 ok, 0 EBUSY',
      model: '7 blocked, 6 offlinable, 5 offlinable, 4 blocked, 3 blocked, 2 blocked, 1 offlinable, 0 blocked',
    },
    { step: '05-workload-after-online', kernel: '6 ok, 5 ok', model: '6 offlinable, 5 offlinable' },
  ],
  's390x-6.1-offline': [
    { step: '02-loaded', kernel: `7 EBUSY, ${all(6, 2, 'ok')}`, model: `7 blocked, ${all(6, 2, 'offlinable')}` },
    { step: '05-workload-after-online', kernel: all(6, 4, 'ok'), model: all(6, 4, 'offlinable') },
  ],
  'x86_64-6.12-dimm': [
    {
      step: '05-workload',
      kernel: `${all(47, 37, 'ok')}, 36 timeout, ${all(35, 33, 'ok')}, 32 EBUSY`,
      // 36: eleven blocks went in the 25 s between, and took the room with them.
      model: `${all(47, 33, 'offlinable')}, 32 blocked`,
    },
    // 36: the load was ended two seconds later.
    { step: '06-offlined-under-load', kernel: '36 ok, 32 EBUSY', model: '36 retries, 32 blocked' },
  ],
  'x86_64-6.12-exact-dimm-auto-movable': [
    { step: '05-workload', kernel: all(47, 32, 'ok'), model: all(47, 32, 'offlinable') },
  ],
};

describe.skipIf(attempted().length === 0)('offline attempts of real kernels', () => {
  it('are all here', () => expect(attempted().map(nameOf)).toEqual(Object.keys(EXPECTED)));

  const score = { attempts: 0, right: 0, alwaysYes: 0, falseYes: 0, timeouts: 0 };
  for (const path of attempted()) {
    it(`of ${nameOf(path)}`, { timeout: 300_000 }, async () => {
      const attempts = attemptsOf(path);
      expect([...new Set(attempts.map(({ step }) => step))]).toEqual(EXPECTED[nameOf(path)].map(({ step }) => step));
      for (const { step, kernel, model } of EXPECTED[nameOf(path)]) {
        const here = attempts.filter((attempt) => attempt.step === step);
        expect(here.map(({ block, outcome }) => `${block} ${outcome}`).join(', ')).toBe(kernel);
        const report = await blockers(path, { at: { kind: 'step', ref: step } });
        const verdicts = verdictsOf(
          report,
          here.map(({ block }) => block),
        );
        expect(verdicts).toBe(model);
        verdicts.split(', ').forEach((text, i) => {
          const [said, { outcome }] = [text.split(' ')[1], here[i]];
          if (outcome === 'timeout') return void score.timeouts++;
          score.attempts++;
          if (outcome === 'ok') score.alwaysYes++;
          if ((said === 'offlinable') === (outcome === 'ok')) score.right++;
          if (said === 'offlinable' && outcome !== 'ok') score.falseYes++;
        });
      }
    });
  }

  it('are told right in 59 of 60, with no block called offlinable that was refused', () =>
    expect(score).toEqual({ attempts: 60, right: 59, alwaysYes: 52, falseYes: 0, timeouts: 1 }));
});

const dimm = captureOf('x86_64-6.12-dimm');
describe.skipIf(dimm === undefined)('replayed up to the moment of an attempt', () => {
  it('the block that went on for ever is told, and so is the page that refuses', { timeout: 300_000 }, async () => {
    const report = await blockers(dimm!, { at: { kind: 'seconds', seconds: 104.7 } });
    expect(report.source).toBe('replay');
    expect(verdictsOf(report, [36, 32])).toBe('36 retries, 32 blocked');
    const { toMove, room } = report.blocks.find(({ block }) => block === 36)!;
    expect(toMove).toBeGreaterThan(room!.free + room!.reclaimable);
    // The kernel dumped it at 118.313 s.
    expect(dumpedPages(dimm!)[0]).toBe(0x100032);
    expect(report.blocks.find(({ block }) => block === 32)!.blocking.named).toBe(0x100032);
  });

  it('the same block goes once the load has ended', { timeout: 300_000 }, async () => {
    const report = await blockers(dimm!, { at: { kind: 'seconds', seconds: 131.8 } });
    expect(verdictsOf(report, [36, 32])).toBe('36 offlinable, 32 blocked');
  });
});

const lab = captureOf('s390x-6.12lab-exact-pageowner');
describe.skipIf(lab === undefined)('owners of blocking pages', () => {
  it('are those of the records, counted in the text by stack', { timeout: 300_000 }, async () => {
    const report = await blockers(lab!, { at: { kind: 'step', ref: 'before' } });
    expect(report.ownersFrom).toContain('page_owner of 01-before');
    expect(report.hints).toEqual([]);
    const text = new TextDecoder().decode(await readContent(join(lab!, 'steps', '01-before', 'page_owner.xz')));
    const records = text.split('\n\n').flatMap((record) => {
      const order = /order (\d+)/.exec(record);
      if (order === null) return [];
      return [{ pages: 2 ** Number(order[1]), stack: [...record.matchAll(/^ (\S+)$/gm)].map(([, frame]) => frame) }];
    });
    const told = report.owners
      .filter(({ stack }) => stack.length > 0)
      .slice(0, 5)
      .map(({ stack, pages, comm }) => {
        const inText = records.filter((record) => record.stack.join() === stack.join());
        return [pages, inText.reduce((sum, record) => sum + record.pages, 0), comm];
      });
    expect(told).toEqual([
      [6167, 6167, 'init'],
      [384, 384, 'init'],
      [2336, 2336, 'swapper'],
      [124, 124, 'kthreadd'],
      [64, 64, 'swapper'],
    ]);
  });

  it('need a page_owner: without it the classes are told, and what to enable', async () => {
    const report = await blockers(join(lab!, 'steps', '01-before'), { owners: false });
    expect(report.owners.map(({ class: name }) => name)).toEqual(
      expect.arrayContaining(['reserved', 'slab', 'kernel']),
    );
    expect(report.ownersFrom).toBeNull();
  });

  it('alone tell blocked blocks, and leave the others uncertain', async () => {
    const report = await blockers(join(lab!, 'steps', '01-before', 'page_owner.xz'));
    expect(report.source).toBe('page_owner');
    expect(report.blocks.map(({ verdict }) => verdict)).not.toContain('offlinable');
    expect(report.owners[0].stack.join()).toContain('ring_buffer');
  });
});
