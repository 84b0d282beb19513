/** The largest shipped capture and every shared one as .rpw files and back. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { s390, sharedCaptures } from '../captures.spec-kit.ts';
import { decodedByPython, expectRoundTrip, hasPython } from './rpw.spec-kit.ts';

let folder = '';
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'replug-rpw-'))));
afterAll(() => rmSync(folder, { recursive: true }));

it('s390x, big-endian', async () => {
  const file = join(folder, 's390x.rpw');
  expect(await expectRoundTrip(s390, file)).toMatchObject({ events: 420593 });
  if (!hasPython) return;
  const { events, freePages } = decodedByPython(file);
  expect(Object.values(events).reduce((a, b) => a + b, 0)).toBe(420593);
  // Words of steps/01-before/kpageflags.bin with bit 10.
  expect(freePages[0]).toBe(108236);
});

describe.skipIf(sharedCaptures.length === 0)('every shared capture', () => {
  it.each(sharedCaptures.map((path) => [basename(path), path]))('%s', async (name, path) => {
    const file = join(folder, `${name}.rpw`);
    const { events, bytes } = await expectRoundTrip(path, file);
    if (events > 100_000) expect(bytes / events).toBeLessThan(8);
    rmSync(file);
  });
});
