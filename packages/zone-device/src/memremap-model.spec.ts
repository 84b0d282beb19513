/** Mapping, unmapping and using devices by chance, against a naive model of sub-sections; sound after every step. */
import { Core, seededRandom, type Random } from '@replug/core';
import { expect, it } from 'vitest';
import { deviceKernel, machineWithRoom, GiB, type Bench } from './device.spec-kit.ts';
import { MemremapError } from './errors.ts';
import type { LivePagemap } from './memremap.ts';

/** Sub-sections of 512 pages from the start of RAM on: the first 8 are RAM, three sections are in reach. */
const RAM = 0x100000;
const SUB = 512;
const REACH = 192;

interface Mapped {
  readonly live: LivePagemap;
  readonly from: number;
  readonly to: number;
  readonly users: Map<number, number>;
}

function expectedErrno(taken: readonly Mapped[], from: number, to: number): string | undefined {
  const owner = (sub: number) => taken.find((m) => sub >= m.from && sub < m.to);
  if (owner(from) !== undefined || owner(to - 1) !== undefined) return 'ENOMEM';
  if (from < 8) return 'ENXIO';
  for (let sub = from; sub < to; sub++) if (owner(sub) !== undefined) return 'EEXIST';
  return undefined;
}

function step(bench: Bench, taken: Mapped[], random: Random): void {
  const { maps } = bench;
  const kind = random.below(6);
  const one = taken[random.below(Math.max(1, taken.length))];
  if (kind < 3 || one === undefined) {
    const from = random.below(REACH - 1);
    const to = from + 1 + random.below(Math.min(80, REACH - from));
    const range = { start: RAM + from * SUB, end: RAM + to * SUB };
    const expected = expectedErrno(taken, from, to);
    try {
      const live = maps.memremap({ type: 3 + random.below(2), ranges: [range], vmemmapShift: random.below(2) * 9 }, 0);
      expect(expected).toBeUndefined();
      taken.push({ live, from, to, users: new Map() });
    } catch (error) {
      if (!(error instanceof MemremapError)) throw error;
      expect(error.errno).toBe(expected);
    }
  } else if (kind === 3) {
    const held = [...one.users.values()].some((users) => users > 0);
    if (held) expect(() => maps.memunmap(one.live)).toThrow(/RP2431/);
    else {
      maps.memunmap(one.live);
      taken.splice(taken.indexOf(one), 1);
    }
  } else {
    const pfn = RAM + one.from * SUB + random.below((one.to - one.from) * SUB);
    const users = one.users.get(pfn) ?? 0;
    if (kind === 4 || users === 0) {
      maps.sync(pfn, 1);
      maps.getPage(pfn);
      one.users.set(pfn, users + 1);
    } else {
      maps.putPage(pfn);
      one.users.set(pfn, users - 1);
    }
  }
}

it.each(['sync', 'async'] as const)('60 runs of 25 steps, initialised %s', (mode) => {
  const random = seededRandom(mode === 'sync' ? 11 : 12);
  for (let run = 0; run < 60; run++) {
    using bench = deviceKernel(machineWithRoom(GiB), { init: { mode, threads: 3, ranges: 5 } });
    const { kernel, maps } = bench;
    const before = kernel.stateHash();
    const taken: Mapped[] = [];
    for (let i = 0; i < 25; i++) {
      step(bench, taken, random);
      const problems = kernel.validate();
      if (problems.length > 0) expect(problems, `run ${run}, step ${i}`).toEqual([]);
      for (let sub = 0; sub < REACH; sub++) {
        const owner = taken.find((m) => sub >= m.from && sub < m.to);
        if (maps.pagemapOf(RAM + sub * SUB) !== owner?.live)
          expect(`run ${run}, sub-section ${sub}`).toBe('owned otherwise');
      }
    }
    for (const { live, users } of taken) {
      for (const [pfn, count] of users) for (let i = 0; i < count; i++) maps.putPage(pfn);
      maps.memunmap(live);
    }
    // The span is what 6.12 leaves behind; everything else is as it was.
    Object.assign(kernel.get(Core.Zones).find(0, 'Device')!, { startPfn: 0, spannedPages: 0 });
    expect(kernel.stateHash()).toBe(before);
    expect(kernel.gauges()['bump.used']).toBe(0);
  }
});
