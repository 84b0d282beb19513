/** A .rpw file answers every question as the capture does that it was made of. */
import { basename } from 'node:path';
import { expect, it } from 'vitest';
import { shipped } from './captures.spec-kit.ts';
import { expectSameAnswers } from './rpw.spec-kit.ts';

it.each([['x86_64-6.12-exact-fileio', 76282]])('%s as a .rpw file', async (name, events) => {
  const path = shipped.find((capture) => basename(capture) === name);
  expect(path).toBeDefined();
  await expectSameAnswers(path!, events);
});
