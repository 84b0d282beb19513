/** Every trace at hand, written again: equal to the original line by line but for the hashed page=. */
import { openRecording } from '@replug/trace-import';
import { describe, expect, it } from 'vitest';
import { hasTrace, nameOf, shared, shipped } from './captures.spec-kit.ts';
import { exportFtrace } from './export.ts';
import { traceText } from './export.spec-kit.ts';

const traced = [...shipped, ...shared].filter(hasTrace);

describe('the text of every capture', () => {
  it.each(traced.map((path) => [nameOf(path), path]))('%s', { timeout: 300_000 }, async (_, path) => {
    const original = traceText(path).split('\n');
    const recording = await openRecording(path, { pageFlags: false });
    const hidden = (line: string) => line.replace(/page=[0-9a-f]{16} /, 'page= ');
    let at = 0;
    let rest = '';
    let differing = 0;
    const compare = (line: string): void => {
      const real = original[at++] ?? '';
      if (hidden(line) === hidden(real)) return;
      // The cpus of the header are those of zoneinfo: more than the trace's in a machine that lists spare ones.
      if (at === 3 && line.replace(/#P:\d+/, '') === real.replace(/#P:\d+/, '')) return;
      if (differing++ === 0) expect(hidden(line)).toBe(hidden(real));
    };
    for (const chunk of exportFtrace(recording).text()) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop()!;
      for (const line of lines) compare(line);
    }
    expect(differing).toBe(0);
    expect(rest).toBe('');
    expect(at).toBe(original.length - 1);
  });
});
