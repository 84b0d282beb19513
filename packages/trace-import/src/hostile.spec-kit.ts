/**
 * Damage to a text in one layout: cut anywhere, bytes flipped anywhere. No crash, no hang, every line accounted for; what
 * was not touched is still read.
 */
import { join } from 'node:path';
import { expect } from 'vitest';
import { ppc, s390, x86 } from './captures.spec-kit.ts';
import { IMPORTERS } from './importers.ts';
import { countsOf, printedEvents, PRINTERS } from './layouts.spec-kit.ts';
import { readContent } from './node/read-bytes.ts';
import { accounted, readChunks, seededRandom, withFlips } from './testing/index.ts';

const WINDOW = 256 * 1024;
const FLIPS_AT_ONCE = 20;
const CAPTURES = { x86, ppc, s390 };

export type CaptureName = keyof typeof CAPTURES;
export const captureNames = Object.keys(CAPTURES) as CaptureName[];
export const layoutNames = Object.keys(PRINTERS);

const heads = new Map<CaptureName, Promise<string>>();

/** The first lines of a capture's trace. */
function headOf(name: CaptureName): Promise<string> {
  let head = heads.get(name);
  if (head === undefined) heads.set(name, (head = readHeadOf(join(CAPTURES[name], 'trace/trace.txt.xz'))));
  return head;
}

async function readHeadOf(path: string): Promise<string> {
  const text = new TextDecoder().decode((await readContent(path)).subarray(0, WINDOW));
  return text.slice(0, text.lastIndexOf('\n') + 1);
}

/** The events of a window of a capture and their text in a layout, at most `WINDOW` bytes. */
export async function windowOf(capture: CaptureName, layout: string) {
  const all = printedEvents(await headOf(capture));
  for (let count = all.length; ; count = Math.floor(count * 0.9)) {
    const events = all.slice(0, count);
    const bytes = new TextEncoder().encode(`${PRINTERS[layout](events, seededRandom(count))}\n`);
    if (bytes.length <= WINDOW) return { events, counts: countsOf(events), bytes };
  }
}

/** Runs the damage on a window; gives how many lines were read in all. */
export async function survive(capture: CaptureName, layout: string, cuts: number, flips: number): Promise<number> {
  const { bytes } = await windowOf(capture, layout);
  const importer = IMPORTERS.byId(layout.split(' ')[0])!;
  const random = seededRandom(bytes.length);
  let lines = 0;
  const read = (damaged: Uint8Array, chunk: number) => {
    const { account } = readChunks(importer, damaged, chunk);
    accounted(account, damaged);
    expect(account.events).toBeLessThanOrEqual(account.lines ?? 0);
    lines += account.lines ?? 0;
    return account.events ?? 0;
  };
  const whole = read(bytes, bytes.length);
  for (let i = 0; i < cuts; i++) {
    const cut = bytes.subarray(0, Math.floor(random() * bytes.length));
    expect(read(cut, 1 + Math.floor(random() * 65536))).toBeLessThanOrEqual(whole);
  }
  for (let i = 0; i < flips; i += FLIPS_AT_ONCE) {
    const events = read(withFlips(bytes, FLIPS_AT_ONCE, random), 1 + Math.floor(random() * 65536));
    // A flip touches one line, or two when it makes or unmakes a newline. It cannot take others along.
    expect(events).toBeGreaterThanOrEqual(whole - 2 * FLIPS_AT_ONCE);
  }
  return lines;
}
