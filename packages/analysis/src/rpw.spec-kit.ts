/** A .rpw file of a capture, asked what the capture itself is asked. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { openRecording } from '@replug/trace-import';
import { writeRpw } from '@replug/workload/node';
import { expect } from 'vitest';
import { inspect } from './inspect.ts';
import { replayRecording } from './replay.ts';
import { viewRecording } from './view.ts';

/** Expects the same replay of `events` events, the same inspection and the same views from both. */
export async function expectSameAnswers(path: string, events: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'replug-rpw-'));
  try {
    const file = join(folder, `${basename(path)}.rpw`);
    await writeRpw(await openRecording(path), file);
    const [fromCapture, fromFile] = [await openRecording(path), await openRecording(file)];

    const report = replayRecording(fromFile);
    expect(report.events).toBe(events);
    expect(report.path).toBe(file);
    expect({ ...report, path }).toEqual(replayRecording(fromCapture));

    expect({ ...inspect(fromFile), path }).toEqual(inspect(fromCapture));
    const at = { at: { kind: 'step', ref: 'before' } } as const;
    const views = ['/proc/buddyinfo', '/proc/zoneinfo'];
    expect(viewRecording(fromFile, views, at)).toEqual(viewRecording(fromCapture, views, at));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
