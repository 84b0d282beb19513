/** For those who write importers: the suite that each of them must pass, and seeded damage. */
export { accounted, importerCases, readChunks, type ImporterCase, type ImporterSample } from './conformance.ts';
export { lineCount, seededRandom, withFlips } from './damage.ts';
export { difference } from './difference.ts';
