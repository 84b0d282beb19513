/** Big-block mode: whole blocks, all or nothing. Device blocks of 256 MiB are two memory blocks of 128 MiB. */
import { ERRNO } from '@replug/core';
import { describe, expect, it } from 'vitest';
import { fakeKernel, GiB, MiB, PAGE, type FakeKernel } from '../fake-memory.spec-kit.ts';
import type { DriverParameters } from '../options.ts';
import { BB, BB_NAMES } from './big-blocks.ts';
import type { DriverState } from './state.ts';

const PER_BLOCK = 32768;
const FIRST = 32;
const vmOf = ({ mem }: FakeKernel): DriverState => mem.driver('vm0')!.state;
const make = (
  requestedSize: string,
  online: 'online' | 'offline' | 'online_movable' = 'online',
  driver: Partial<DriverParameters> = {},
  blockSize = '256M',
): FakeKernel => fakeKernel({ driver, devices: [{ id: 'vm0', size: '2G', blockSize, requestedSize }] }, {}, { online });
const states = (at: FakeKernel): Record<string, number> => {
  const counts = vmOf(at).bbm!.histogram();
  return Object.fromEntries(BB_NAMES.map((name, i) => [name, counts[i]]).filter(([, count]) => count !== 0));
};
function request(at: FakeKernel, bytes: number): number {
  at.mem.host.device('vm0')!.setRequestedSize(bytes);
  at.kernel.clock.advance(0);
  expect(at.kernel.validate()).toEqual([]);
  return vmOf(at).runs.at(-1)!.rc;
}

describe('mode', () => {
  it('is chosen where a sub-block would be no smaller than a memory block, or by force', () => {
    const byDevice = make('0');
    expect([vmOf(byDevice).bbm!.size, vmOf(byDevice).offlineThreshold]).toEqual([256 * MiB, GiB]);
    const forced = make('0', 'online', { forceBbm: true }, '2M');
    expect(vmOf(forced).bbm!.size).toBe(128 * MiB);
    const large = make('0', 'online', { forceBbm: true, bbmBlockSize: GiB }, '2M');
    expect([vmOf(large).bbm!.size, vmOf(large).offlineThreshold]).toEqual([GiB, 2 * GiB]);
    for (const at of [byDevice, forced, large]) at.kernel.dispose();
  });
  it('warns of sizes that cannot be', () => {
    const odd = make('0', 'online', { bbmBlockSize: 3 * MiB });
    const small = make('0', 'online', { bbmBlockSize: 128 * MiB });
    const warnings = [odd, small].map((at) =>
      at.kernel.log
        .lines()
        .find(({ level }) => level === 'warn')
        ?.text.slice(20),
    );
    expect(warnings).toEqual(['bbm_block_size is not a power of 2', 'bbm_block_size is too small']);
    expect(vmOf(small).bbm!.size).toBe(256 * MiB);
    odd.kernel.dispose();
    small.kernel.dispose();
  });
});

describe('shrinking', () => {
  it('takes whole blocks from the top; one with kernel data survives a request for nothing', () => {
    const at = make('1G');
    expect(states(at)).toEqual({ ADDED: 4 });
    at.fake.use(FIRST * PER_BLOCK + 1000, 1, PAGE.KERNEL);
    expect(request(at, 0)).toBe(-ERRNO.EBUSY);
    expect(states(at)).toEqual({ UNUSED: 3, ADDED: 1 });
    expect(vmOf(at).pluggedSize).toBe(256 * MiB);
    expect(request(at, 600 * MiB - 88 * MiB)).toBe(0);
    expect(states(at)).toEqual({ UNUSED: 2, ADDED: 2 });
    at.kernel.dispose();
  });
  it('gives back what it had taken of a block when a later section is busy', () => {
    const at = make('256M');
    at.fake.use((FIRST + 1) * PER_BLOCK + 5, 1, PAGE.KERNEL);
    expect(request(at, 0)).toBe(-ERRNO.EBUSY);
    expect(at.fake.tries.slice(0, 2).map(({ pfn }) => pfn)).toEqual([FIRST * PER_BLOCK, (FIRST + 1) * PER_BLOCK]);
    expect(at.fake.page(FIRST * PER_BLOCK)).toBe(PAGE.FREE);
    at.kernel.dispose();
  });
  it('offlining fails: blocks that came back online are kept back and then given back', () => {
    const at = make('256M');
    // The second of the two offlines fails, so the first block is onlined again while the driver keeps it.
    const offline = at.fake.offline.bind(at.fake);
    at.fake.offline = (id) => (id === FIRST + 1 ? { errno: -ERRNO.EBUSY } : offline(id));
    expect(request(at, 0)).toBe(-ERRNO.EBUSY);
    expect(at.fake.page(FIRST * PER_BLOCK)).toBe(PAGE.FREE);
    expect(vmOf(at).pages.offline(FIRST * PER_BLOCK, 2 * PER_BLOCK)).toBe(0);
    expect(states(at)).toEqual({ ADDED: 1 });
    at.kernel.dispose();
  });
  it('offline blocks go first, then those that are movable', () => {
    const at = make('1G', 'offline');
    for (const id of [FIRST, FIRST + 1, FIRST + 4, FIRST + 5]) at.fake.online(id, 'online');
    for (const id of [FIRST + 2, FIRST + 3]) at.fake.online(id, 'online_movable');
    const bb = (4 * GiB) / (256 * MiB);
    request(at, 768 * MiB);
    expect(vmOf(at).bbm!.state(bb + 3)).toBe(BB.UNUSED);
    request(at, 512 * MiB);
    expect(vmOf(at).bbm!.state(bb + 1)).toBe(BB.UNUSED);
    expect(vmOf(at).bbm!.state(bb + 2)).toBe(BB.ADDED);
    at.kernel.dispose();
  });
});
