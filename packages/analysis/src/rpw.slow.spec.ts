/** A .rpw file answers every question as the capture does that it was made of: the larger ones. */
import { basename } from 'node:path';
import { expect, it } from 'vitest';
import { shipped } from './captures.spec-kit.ts';
import { expectSameAnswers } from './rpw.spec-kit.ts';

it.each([
  ['ppc64le-6.1-exact-anonhog', 44605],
  ['s390x-6.1-exact-anonhog', 420593],
])('%s as a .rpw file', async (name, events) => {
  const path = shipped.find((capture) => basename(capture) === name);
  expect(path).toBeDefined();
  await expectSameAnswers(path!, events);
});
