/** Captures as .rpw files and back, here and by a decoder that shares no code with the reader. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Recording } from '@replug/workload';
import { writeRpw } from '@replug/workload/node';
import { expect } from 'vitest';
import { openRecording } from './open-recording.ts';

export const hasPython = spawnSync('python3', ['--version']).status === 0;

const decoder = fileURLToPath(new URL('../../../workload/schema/read_rpw.py', import.meta.url));

/** What the decoder in Python finds in a file. */
export function decodedByPython(file: string): {
  readonly arch: string;
  readonly events: Readonly<Record<string, number>>;
  readonly firstPfn: number;
  readonly freePages: Readonly<Record<string, number>>;
} {
  return JSON.parse(execFileSync('python3', [decoder, file], { encoding: 'utf8' }));
}

/** Writes the capture to `file` and expects every field to come back. */
export async function expectRoundTrip(capture: string, file: string): Promise<{ events: number; bytes: number }> {
  const recording = await openRecording(capture);
  const { events, bytes } = await writeRpw(recording, file);
  expect(bytes).toBe(statSync(file).size);
  const back = await openRecording(file);
  expect(comparable(back)).toEqual(comparable(recording));
  expect([back.path, back.name]).toEqual([file, recording.name]);
  return { events, bytes };
}

/** Long columns by their hash: the test runner compares those at once. */
function hashed(columns: object | undefined) {
  if (columns === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(columns).map(([name, column]) => {
      if (!ArrayBuffer.isView(column)) return [name, column];
      const bytes = Buffer.from(column.buffer, column.byteOffset, column.byteLength);
      return [name, `${column.constructor.name} ${createHash('sha256').update(bytes).digest('hex')}`];
    }),
  );
}

/** What two recordings of one thing have in common: everything but the path. */
function comparable({ steps, trace, path: _, ...rest }: Recording) {
  return {
    ...rest,
    steps: steps.map((step) => ({
      ...step,
      pageFlags: hashed(step.pageFlags()),
      pageOwner: hashed(step.pageOwner?.()),
    })),
    trace: trace && { ...trace, events: hashed(trace.events) },
  };
}
