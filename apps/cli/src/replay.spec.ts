/** Flags of `replay`, from the outside: what they do to the report, and what is refused. */
import { replayRecording } from '@replug/analysis';
import type { ReplugError } from '@replug/core';
import { openRecording } from '@replug/trace-import';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settingsOf } from './commands/replay.ts';
import { isUsage } from './errors.ts';
import { describedMachine, machineOf, subsystemsOf } from './machine.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const ppc = join(root, 'fixtures', 'captures', 'ppc64le-6.1-exact-anonhog');

function replay(...args: string[]) {
  const argv = [join(root, 'apps/cli/bin/replug.mjs'), 'replay', ppc, ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, {
    encoding: 'utf8',
    cwd: folder,
    maxBuffer: 2 ** 26,
  });
  return { status, stdout, stderr };
}

const flags = { frames: 'recorded', baseline: 'best', lookAhead: true, annotate: true };
const recording = () => openRecording(ppc);

let folder = '';
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'replug-replay-'))));
afterAll(() => rmSync(folder, { recursive: true }));

/** A module that plugs in a subsystem which counts what is asked for, and tells at the end. */
const COUNTER = `
export default () => ({
  id: 'counter',
  needs: {},
  provides: {},
  create: () => {
    process.stderr.write('counter plugged in\\n');
    return {};
  },
});
`;

describe('--frames', () => {
  it('predict: what was predicted has the documented names', () => {
    const { status, stdout } = replay('--frames', 'predict', '--sample', '1s', '--json');
    expect(status).toBe(0);
    const report = JSON.parse(stdout);
    // The trace has 9776 requests and 7184 blocks that leave the free lists.
    expect(report).toMatchObject({
      frames: 'predict',
      events: 44605,
      predictions: {
        handOut: { total: 9776, exact: 9776, exactAnnotated: 9776 },
        freeList: { total: 7184, exact: 7184 },
        byCause: {},
      },
      predictionsOnline: { handOut: { total: 9776 }, freeList: { total: 7184 } },
    });
    const { nonSequentialTotal, nonSequentialExact } = report.predictions.freeList;
    expect(nonSequentialExact).toBe(nonSequentialTotal);
    expect(report.series).toMatchObject({ every: 1e9, dropped: 0, pageblockOrder: 5 });
    expect(report.series.event.at(-1)).toBe(44605);
  });

  it('policy: the model decides, beside a subsystem of a module', () => {
    writeFileSync(join(folder, 'counter.mjs'), COUNTER);
    const { status, stdout, stderr } = replay(
      '--frames',
      'policy',
      '--with',
      'counter.mjs',
      '--report',
      'out.json',
      '--json',
    );
    expect([status, stderr]).toEqual([0, 'counter plugged in\n']);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ frames: 'policy', total: 9776, annotated: true, machine: null });
    expect(report.exact).toBeGreaterThan(report.firstDivergence.requests);
    expect(report.firstDivergence).toMatchObject({
      event: expect.any(Number),
      time: expect.any(Number),
      model: expect.any(Number),
      recorded: expect.any(Number),
    });
    // 9776 requests and 10626 frees.
    expect([report.applied, report.counts.failedInModel]).toEqual([20402, 0]);
    expect(JSON.parse(readFileSync(join(folder, 'out.json'), 'utf8'))).toEqual(report);
  });

  it('policy: another machine serves, without what a prediction finds', () => {
    const { status, stdout } = replay('--frames', 'policy', '--machine', 's390x,1G', '--no-annotate', '--json');
    expect(status).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ machine: 's390x,1G', annotated: false, total: 9776, checkpoints: [] });
    expect(report.counts.failedInModel).toBe(0);
    expect(report.zones[0]).toMatchObject({ node: 0, zone: 'DMA' });
    expect(report.zones[0].free.length).toBe(11);
  });

  it('recorded: from few events and without dumps, as somebody online would', () => {
    const { status, stdout } = replay(
      ...['--events', 'mm_page_alloc, mm_page_free', '--baseline', 'counts', '--no-look-ahead', '--tolerance', '0'],
    );
    expect(status).toBe(0);
    // 9776 requests, 10626 frees, and 4 lines of trace_marker that place the steps.
    expect(stdout).toContain('start state from buddyinfo and pagetypeinfo');
    expect(stdout).toContain('20406 events, 20402 applied');
    expect(stdout).toContain("note: the trace has only allocations and frees: refills and drains are the model's");
  });
});

describe('what is refused', () => {
  it.each([
    [['--frames', 'guess'], 2, 'RP7002'],
    [['--machine', 's390x,1G'], 2, 'RP6005'],
  ])('%j: exit %d, %s', (args, code, text) => {
    const { status, stderr, stdout } = replay(...args);
    expect(stderr).toContain(text);
    expect([status, stdout]).toEqual([code, '']);
  });

  /** Starts no process for each: the code, and that it counts as usage, which exits with 2. */
  it.each([
    ['RP7012', () => settingsOf({ ...flags, baseline: 'guess' })],
    ['RP7013', () => subsystemsOf(['nowhere.mjs'])],
    ['RP7014', () => machineOf('toaster')],
    ['RP6006', async () => replayRecording(await recording(), { events: ['mm_page_alloc', 'mm_page_guess'] })],
    ['RP5008', async () => replayRecording(await recording(), { frames: 'policy', machine: machineOf('s390x,4M') })],
  ] as [string, () => unknown][])('%s', async (code, run) => {
    const error = await (async () => run())().then(
      () => undefined,
      (thrown: ReplugError) => thrown,
    );
    expect(error).toMatchObject({ code });
    expect(isUsage(error!)).toBe(true);
  });
});

describe('what flags mean', () => {
  it('settings of a replay', () => {
    expect(settingsOf({ ...flags, events: 'mm_page_free , mm_page_alloc', kernel: '6.12' })).toMatchObject({
      frames: 'recorded',
      kernel: '6.12',
      baseline: 'best',
      events: ['mm_page_free', 'mm_page_alloc'],
      lookAhead: true,
    });
    expect(() => settingsOf({ ...flags, kernel: '5.4' })).toThrow('RP7001');
  });

  it('machines: shorthands and files', () => {
    writeFileSync(join(folder, 'machine.yaml'), 'arch: s390x\nsize: 512M\n');
    expect(machineOf(join(folder, 'machine.yaml'))).toEqual(machineOf('s390x,512M'));
    expect(describedMachine(ppc)).toBeUndefined();
    expect(describedMachine(join(folder, 'missing.yaml'))).toBeUndefined();
  });

  it('modules: a subsystem, several, or a function that makes one', async () => {
    const one = "{ id: 'ID', needs: {}, provides: {}, create: () => ({}) }";
    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const modules = [
      file('one.mjs', `export default ${one.replace('ID', 'one')}`),
      file('some.mjs', `export default [${one.replace('ID', 'two')}, ${one.replace('ID', 'three')}]`),
      file('made.mjs', `export default () => (${one.replace('ID', 'four')})`),
    ];
    expect((await subsystemsOf(modules)).map(({ id }) => id)).toEqual(['one', 'two', 'three', 'four']);
    for (const text of ['export default 5', 'export const x = 5', 'export default () => [{ id: 1 }]', 'syntax error'])
      await expect(subsystemsOf([file(`${text.length}.mjs`, text)])).rejects.toThrow('RP7013');
  });
});
