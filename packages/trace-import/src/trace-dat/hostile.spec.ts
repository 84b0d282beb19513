/** A fiftieth of hostile.slow.spec.ts: 20,000 inputs. */
import { expect, it } from 'vitest';
import { surviveFiles, surviveFormats, survivePages } from './hostile.spec-kit.ts';

const TIMEOUT = 120_000;
const SOON = 5000;

it('2,000 damaged files are read or refused with a code', { timeout: TIMEOUT }, () => {
  const { read, refused, longest, codes } = surviveFiles(2000, 1);
  expect(read).toBeGreaterThan(500);
  expect(refused).toBeGreaterThan(300);
  expect(longest).toBeLessThan(SOON);
  expect([...codes]).toEqual(expect.arrayContaining(['RP4013', 'RP4014', 'RP4015']));
});

it('16,000 damaged pages are read, and every record and page is accounted for', { timeout: TIMEOUT }, () => {
  expect(survivePages(16_000, 2).read).toBe(250);
});

it('2,000 damaged formats are understood or not', { timeout: TIMEOUT }, () => {
  const { understood, longest } = surviveFormats(2000, 3);
  expect(understood).toBeGreaterThan(100);
  expect(understood).toBeLessThan(1900);
  expect(longest).toBeLessThan(SOON);
});
