import { openRecording } from '@replug/trace-import';
import { finalAgreement } from '@replug/report';
import { describe, expect, it } from 'vitest';
import { hasTrace, nameOf, shared } from './captures.spec-kit.ts';
import { fidelityReplay } from './replay.ts';

describe.skipIf(shared.length === 0)('recorded replay of all captures with a text trace', () => {
  it.each(shared.filter(hasTrace))('%s', { timeout: 600_000 }, async (path) => {
    const reports = fidelityReplay([await openRecording(path)]);
    for (const report of reports) {
      const end = finalAgreement(report)!;
      const { agreeing, compared, unchanged } = end.kpageflags;
      const span = `${nameOf(path)} ${report.from} → ${end.step}`;
      expect(agreeing, span).toBeGreaterThanOrEqual(unchanged);
      // Exact at both ends: no page may differ. Elsewhere kpageflags was read later than the free lists were counted.
      if (/exact/.test(path)) expect(agreeing, span).toBe(compared);
      else if (!end.buddyinfoEqual && /boot|anonhog|fileio/.test(path))
        expect(agreeing / compared, span).toBeGreaterThan(0.99);
    }
  });
});
