/** A million damaged inputs: files, pages, formats. Memory is asked for at the end, so nothing may have been kept. */
import { expect, it } from 'vitest';
import { surviveFiles, surviveFormats, survivePages } from './hostile.spec-kit.ts';

const TIMEOUT = 1_200_000;
const SOON = 5000;
const MEGABYTES = 1000;

const resident = () => process.memoryUsage().rss / 1e6;

it('100,000 damaged files', { timeout: TIMEOUT }, () => {
  const { read, refused, longest } = surviveFiles(100_000, 11);
  expect(Math.min(read, refused)).toBeGreaterThan(20_000);
  expect(longest).toBeLessThan(SOON);
  expect(resident()).toBeLessThan(MEGABYTES);
});

it('800,000 damaged pages', { timeout: TIMEOUT }, () => {
  expect(survivePages(800_000, 12).read).toBe(12_500);
  expect(resident()).toBeLessThan(MEGABYTES);
});

it('100,000 damaged formats', { timeout: TIMEOUT }, () => {
  expect(surviveFormats(100_000, 13).longest).toBeLessThan(SOON);
});
