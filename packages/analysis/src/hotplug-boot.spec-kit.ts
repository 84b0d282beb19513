/**
 * Zone borders from the boot options and the firmware's memory ranges, against the zoneinfo of captures. Nothing had been
 * plugged before their first dump.
 */
import { bootZones, movableOptionsOf, movableStarts, type FirmwareRange } from '@replug/core';
import { describeRecorded } from '@replug/replay';
import { openRecording } from '@replug/trace-import';
import { expect, it } from 'vitest';
import { nameOf } from './captures.spec-kit.ts';

/** A test a capture. */
export function bootZonesOfCaptures(captures: readonly string[]): void {
  it.each(captures.map((path) => [nameOf(path), path]))('%s', async (_, path) => {
    const recording = await openRecording(path);
    const step = recording.steps[0];
    const { arch } = describeRecorded(recording, step);
    const pages = (bytes: number): number => Math.floor(bytes / recording.pageSize);
    const memory: FirmwareRange[] = (recording.dmesg?.nodeRanges ?? []).map((r) => ({
      nid: r.nid,
      start: pages(r.start),
      end: pages(r.end),
    }));
    expect(memory.length).toBeGreaterThan(0);
    const starts = movableStarts(arch, memory, movableOptionsOf(recording.commandLine, recording.pageSize));
    expect([...starts]).toEqual(recording.dmesg!.movableStarts.map((m) => [m.nid, pages(m.start)]));
    const model = bootZones(arch, memory, starts).map((z) => `${z.nid} ${z.kind} ${z.startPfn}+${z.spannedPages}`);
    const kernel = step
      .zoneinfo!.zones.filter((z) => z.spanned > 0 && z.name !== 'Device')
      .map((z) => `${z.node} ${z.name} ${z.startPfn}+${z.spanned}`);
    expect(model).toEqual(kernel);
  });
}
