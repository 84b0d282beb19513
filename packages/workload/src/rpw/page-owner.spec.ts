import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readRpw, writeRpw } from '../node/index.ts';
import { ownedBlocks } from '../page-owner.ts';
import { readSectionHead, SECTION, SECTION_HEAD } from './format.ts';
import { everything, smallOwner } from './recording.spec-kit.ts';

let folder = '';
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'replug-owner-'))));
afterAll(() => rmSync(folder, { recursive: true }));

/** Where the sections of a type begin, and their length. */
function sectionsOf(bytes: Uint8Array, type: number): number[] {
  const found: number[] = [];
  for (let at = 16; at < bytes.length;) {
    const head = readSectionHead(bytes, at);
    if (head === undefined) break;
    if (head.type === type) found.push(at);
    at += SECTION_HEAD + head.stored;
  }
  return found;
}

it('comes back in chunks of any size', async () => {
  for (const chunkRows of [1, 2, 65536]) {
    const path = join(folder, 'chunks.rpw');
    await writeRpw(everything(), path, { chunkRows });
    expect((await readRpw(path)).steps[0].pageOwner?.()).toEqual(smallOwner());
    expect(sectionsOf(readFileSync(path), SECTION.pageOwner)).toHaveLength(Math.ceil(3 / chunkRows));
  }
});

it('comes back with its groups', async () => {
  const owner = { ...smallOwner(), groups: { times: Float64Array.of(1, 2, 3), pages: Float64Array.of(8, 2, 2 ** 40) } };
  const { steps, ...rest } = everything();
  const path = join(folder, 'groups.rpw');
  await writeRpw({ ...rest, steps: [{ ...steps[0], pageOwner: () => owner }] }, path);
  expect((await readRpw(path)).steps[0].pageOwner?.()).toEqual(owner);
});

it('is left unread on demand', async () => {
  const path = join(folder, 'unread.rpw');
  await writeRpw(everything(), path);
  expect((await readRpw(path, { pageOwner: false })).steps[0].pageOwner).toBeUndefined();
  expect((await readRpw(path, { pageFlags: false })).steps[0].pageOwner).toBeUndefined();
  expect((await readRpw(path, { pageFlags: false, pageOwner: true })).steps[0].pageOwner?.()?.length).toBe(3);
});

it.each(['pageOwnerTexts', 'pageOwner', 'pageOwnerEnd'] as const)(
  'a damaged section %s leaves none, with a warning',
  async (type) => {
    const path = join(folder, 'damaged.rpw');
    await writeRpw(everything(), path, { chunkRows: 1 });
    const whole = readFileSync(path);
    for (const at of sectionsOf(whole, SECTION[type])) {
      const bytes = Uint8Array.from(whole);
      bytes[at + SECTION_HEAD] ^= 0xff;
      writeFileSync(path, bytes);
      const { steps, warnings } = await readRpw(path);
      expect(steps[0].pageOwner).toBeUndefined();
      expect(warnings.map(({ name }) => name)).toEqual(['no-trace', 'rpw-checksum', 'rpw-page-owner-lost']);
    }
  },
);

it('owned blocks are apart from each other, whatever the order of the records', () => {
  const owner = smallOwner();
  const pfn = Float64Array.of(0x110, 0x100, 0x104);
  expect(ownedBlocks({ ...owner, pfn, order: Uint8Array.of(0, 3, 0) })).toEqual([
    { pfn: 0x100, order: 3, row: 1 },
    { pfn: 0x110, order: 0, row: 0 },
  ]);
  expect(ownedBlocks({ ...owner, pfn, order: Uint8Array.of(0, 3, 0) }, (row) => row !== 1)).toEqual([
    { pfn: 0x104, order: 0, row: 2 },
    { pfn: 0x110, order: 0, row: 0 },
  ]);
});
