import { describe, it } from 'vitest';
import { shared } from './captures.spec-kit.ts';
import { expectViews } from './view.spec-kit.ts';

describe.skipIf(shared.length === 0)('views of machines just built from a step, all captures', () => {
  it.each(shared)('%s: every step parses back to the values of the real files', expectViews);
});
