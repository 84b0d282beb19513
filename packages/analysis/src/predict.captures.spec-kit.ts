/**
 * What a throw-away model once reached on the captures, one step ahead: floors for this one. As printed there: exact
 * counts, or shares to as many digits.
 *
 *   B   frames handed out from per-CPU lists, "refill or not" included
 *   B*  the same with bulk allocations and interrupts taken as known
 *   C   blocks taken from the free lists
 *   C'  those of them that do not continue the block before
 */
import type { ReplayReport } from '@replug/report';
import { openRecording } from '@replug/trace-import';
import { expect } from 'vitest';
import { nameOf, shared } from './captures.spec-kit.ts';
import { replayRecording, type RecordedOptions } from './replay.ts';

export interface Floors {
  readonly B: string;
  readonly Bstar?: string;
  readonly C: string;
  readonly Cprime?: string;
}

/** From boot, the trace on one CPU or few. */
export const BOOT: Readonly<Record<string, Floors>> = {
  'x86_64-6.12-boot-1cpu': { B: '6054/6110', Bstar: '100 %', C: '4570/4571', Cprime: '94/95' },
  'x86_64-6.1-boot-1cpu': { B: '7032/7090', Bstar: '100 %', C: '8152/8152', Cprime: '232/232' },
  's390x-6.1-boot': { B: '5767/5825', Bstar: '100 %', C: '4959/4959', Cprime: '167/167' },
  'ppc64le-6.1-boot-1cpu': { B: '98.78 %', Bstar: '100 %', C: '500/500', Cprime: '41/41' },
  // C' was 58/58 with four of C missed within runs. With two CPUs more blocks stand alone here: one of 193 is missed.
  'ppc64le-6.1-boot': { B: '98.43 %', Bstar: '100 %', C: '880/884', Cprime: '192/193' },
  'x86_64-6.12-boot': { B: '99.32 %', Bstar: '100 %', C: '19235/19235' },
};

export const REST: Readonly<Record<string, Floors>> = {
  's390x-6.1-anonhog': { B: '99.98 %', Bstar: '99.993 %', C: '126662/126670', Cprime: '2790/2798' },
  'x86_64-6.12-anonhog': { B: '98.30 %', Bstar: '98.41 %', C: '151620/151625', Cprime: '2638/2643' },
  'ppc64le-6.1-fileio': { B: '99.71 %', Bstar: '99.97 %', C: '841/848', Cprime: '24/31' },
  // C was 7196/7196: one block less is reached here, where the model has a smaller free one.
  'x86_64-6.12-fileio': { B: '95.55 %', Bstar: '95.59 %', C: '7195/7196' },
  // Hotplug was not modelled.
  'ppc64le-6.1-dimm': { B: '91 %', C: '87 %' },
  'ppc64le-6.1-offline': { B: '95 %', C: '73 %' },
  'x86_64-6.12-virtio-mem-online': { B: '98 %', C: '89 %' },
};

/** One CPU from boot: nothing that happens at the same time is hidden. */
export const ONE_CPU = ['x86_64-6.12-boot-1cpu', 'x86_64-6.1-boot-1cpu', 's390x-6.1-boot', 'ppc64le-6.1-boot-1cpu'];

export const pathOf = (name: string): string => shared.find((path) => nameOf(path) === name)!;

export async function replayWhole(name: string, options: RecordedOptions): Promise<ReplayReport> {
  const recording = await openRecording(pathOf(name));
  return replayRecording(recording, { ...options, from: { kind: 'start' }, to: { kind: 'end' } });
}

/**
 * Fails when a share is below its floor. Of a floor printed as percent the total is not known: less than one event below
 * what would be printed alike counts as reached.
 */
export function expectFloor(exact: number, total: number, floor: string, what: string): void {
  const said = `${what}: ${exact} of ${total}, floor ${floor}`;
  expect(total, said).toBeGreaterThan(0);
  const counts = /^(\d+)\/(\d+)$/.exec(floor);
  if (counts !== null) {
    expect(exact / total, said).toBeGreaterThanOrEqual(Number(counts[1]) / Number(counts[2]));
    return;
  }
  const [, digits = ''] = /^\d+(?:\.(\d+))? %$/.exec(floor)!;
  const least = floor === '100 %' ? 1 : (Number.parseFloat(floor) - 0.5 / 10 ** digits.length) / 100;
  expect(exact, said).toBeGreaterThan(least * total - (least === 1 ? 0.5 : 1));
}

export function expectFloors({ predictions }: ReplayReport, floors: Floors): void {
  const { handOut, freeList } = predictions!;
  expectFloor(handOut.exact, handOut.total, floors.B, 'B');
  if (floors.Bstar !== undefined) expectFloor(handOut.exactAnnotated, handOut.total, floors.Bstar, 'B*');
  expectFloor(freeList.exact, freeList.total, floors.C, 'C');
  if (floors.Cprime !== undefined)
    expectFloor(freeList.nonSequentialExact, freeList.nonSequentialTotal, floors.Cprime, "C'");
}
