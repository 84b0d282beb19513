/** The same on every capture with page flags, at its last such step: the table is printed. */
import { openRecording } from '@replug/trace-import';
import { beforeAll, describe, expect, it } from 'vitest';
import { census, lineOf, stateOf } from './contig.spec-kit.ts';
import { nameOf, shared } from './captures.spec-kit.ts';

describe.skipIf(shared.length === 0)('contiguous ranges on all recorded states', () => {
  beforeAll(() =>
    console.log('| capture | pageblocks | allocated | migrated | dropped | refused |\n|---|---|---|---|---|---|'),
  );
  it.each(shared.map((path) => [nameOf(path), path]))('%s', { timeout: 300_000 }, async (name, path) => {
    const recording = await openRecording(path);
    const step = recording.steps.findLast((s) => s.hasPageFlags);
    if (step === undefined) return;
    using kernel = stateOf(recording, step);
    const found = census(kernel, 2000);
    expect(found.pageblocks).toBeGreaterThan(0);
    console.log(lineOf(`${name} ${step.name}`, found));
  });
});
