/** Samples of a replay against the dumps of the machine that was recorded. */
import { Core, ZoneFreeLists } from '@replug/core';
import { findSpan, replayRecorded, sampleTimes, SeriesSampler } from '@replug/replay';
import { openRecording } from '@replug/trace-import';
import { expect, it } from 'vitest';
import { nameOf, shipped } from './captures.spec-kit.ts';
import { recordedKernel } from './replay.ts';

const path = shipped.find((one) => nameOf(one).startsWith('ppc64le'))!;

it.each(['fragmented', 'compacted', 'after'])('a sample at %s counts what its buddyinfo counts', async (name) => {
  const recording = await openRecording(path);
  const span = findSpan(recording, { kind: 'step', ref: 'before' }, { kind: 'step', ref: name });
  using kernel = recordedKernel(recording, span);
  replayRecorded(kernel, span);
  const sampler = new SeriesSampler(kernel.get(Core.Machine), kernel.get(ZoneFreeLists), {
    every: 1e9,
    events: span.events,
    from: span.from,
  });
  sampler.sample(span.events.time[span.to - 1], span.to);
  const step = recording.steps.find((one) => one.name === name)!;
  const series = sampler.finish();
  expect(series.zones.length).toBe(1);
  const [zone] = series.zones;
  expect(zone.free.map((blocks) => blocks[0])).toEqual(step.buddyinfo!.find((z) => z.name === 'Normal')!.counts);
  // debugfs has both indices; at the other steps the machine went on between the reads of the two files.
  if (name !== 'after') return;
  expect(zone.unusable.map((values) => values[0])).toEqual(step.unusableIndex![0].values);
  expect(zone.fragmentation.map((values) => values[0])).toEqual(step.extfragIndex![0].values);
});

it('stops lie within the recording, one a second and one at its end', async () => {
  const recording = await openRecording(path, { pageFlags: false });
  const { events } = recording.trace!;
  const stops = sampleTimes(events, 0, events.length, 1e9);
  const length = (events.time[events.length - 1] - events.time[0]) / 1e9;
  expect(stops.length).toBe(Math.floor(length) + 2);
  expect(stops.at(-1)).toEqual({ time: events.time[events.length - 1], index: 44605 });
});
