/** The layout of recorded machines, changed in the middle of their traces. */
import { buddy } from '@replug/buddy';
import { Core, createKernel, KIND, PAGE_STATE, type AnySubsystem, type Kernel } from '@replug/core';
import { dnuma } from '@replug/dnuma';
import { describeRecorded, findSpan, replayRecorded } from '@replug/replay';
import { openRecording } from '@replug/trace-import';
import { eventPfn, type Recording } from '@replug/workload';
import { beforeAll, describe, expect, it } from 'vitest';
import { nameOf, shipped } from './captures.spec-kit.ts';
import { relaid, type DnumaAction } from './dnuma.ts';

const ALL: DnumaAction = { kind: 'all', node: 1 };

describe.each(shipped.map((path) => ({ name: nameOf(path), path })))('$name', ({ name, path }) => {
  let recording: Recording;
  beforeAll(async () => void (recording = await openRecording(path)));

  /** Without a layout: how it ends, and what is in use. */
  let plain: Plain;
  beforeAll(() => void (plain = withoutDnuma(recording)));

  it('ends in the same state whether dnuma is plugged in or not, as long as no layout is committed', () => {
    const span = findSpan(recording);
    using kernel = recordedKernel(recording, dnuma());
    expect(replayRecorded(kernel, span).stateHash).toBe(plain.stateHash);
  });

  const relayout = (migrate: boolean) => {
    using done = relaid(recording, ALL, { follow: true, migrate, assumeNuma: name.startsWith('s390x') });
    const { report, kernel } = done;
    expect(kernel.validate()).toEqual([]);
    expect(report.faults).toEqual([]);
    expect([report.rebuilds, report.leaked]).toEqual([1, 0]);
    const sum = (which: 'before' | 'nodes', what: 'present' | 'managed'): number =>
      report[which].reduce((total, node) => total + node[what], 0);
    for (const what of ['present', 'managed'] as const) expect(sum('nodes', what)).toBe(sum('before', what));
    expect(report.waiting.pages).toBe(report.samples.at(-1)!.waiting);
    return report;
  };
  it('brings its pages to another node, as they are freed or at once', () => {
    const onFree = relayout(false).samples;
    const migrated = relayout(true).samples;
    // Nobody gets a misplaced page but from one: what waits only becomes less.
    for (const samples of [onFree, migrated])
      for (let i = 1; i < samples.length; i++) expect(samples[i].waiting).toBeLessThanOrEqual(samples[i - 1].waiting);
    expect([onFree[0].waiting, onFree.at(-1)!.waiting]).toEqual([plain.inUse, plain.stillInUse]);
    expect(migrated[0].waiting).toBeLessThan(onFree[0].waiting);
    expect(migrated.at(-1)!.waiting).toBeLessThanOrEqual(onFree.at(-1)!.waiting);
  });
});

interface Plain {
  readonly stateHash: string;
  /** Pages of node 0 that are in use in the middle of a trace, and those of them that no event frees after it. */
  readonly inUse: number;
  readonly stillInUse: number;
}

function recordedKernel(recording: Recording, ...others: AnySubsystem[]): Kernel {
  const span = findSpan(recording);
  const stops = span.stops.map((stop) => stop.step);
  const machine = describeRecorded(recording, span.machineStep, stops);
  return createKernel({ machine, subsystems: [buddy({ start: 'nothing' }), ...others] });
}

function withoutDnuma(recording: Recording): Plain {
  const span = findSpan(recording);
  using kernel = recordedKernel(recording);
  const { pages, zones } = kernel.get(Core.Machine);
  const middle = Math.floor((span.from + span.to) / 2);
  const held = new Set<number>();
  let first = 0;
  const { stateHash } = replayRecorded(kernel, span, {
    onEvent: (event) => {
      if (event === middle) {
        for (const section of pages.sections()) {
          const base = pages.pfnToRow(section * 2 ** pages.sectionShift);
          for (let row = base; row < base + 2 ** pages.sectionShift; row++) {
            const state = pages.state[row];
            if ((state & 0xf0) !== PAGE_STATE.ALLOCATED || zones.all[pages.zoneOf(row)].nid !== 0) continue;
            for (let i = 0; i < 2 ** (state & 15); i++) held.add(pages.rowToPfn(row) + i);
          }
        }
        first = held.size;
      }
      if (event < middle || span.events.kind[event] !== KIND.mm_page_free) return;
      const pfn = eventPfn(span.events, event);
      for (let i = 0; i < 2 ** (span.events.unit[event] & 15); i++) held.delete(pfn + i);
    },
  });
  return { stateHash, inUse: first, stillInUse: held.size };
}
