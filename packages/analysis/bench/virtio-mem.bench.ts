/**
 * A virtio-mem device that grows and shrinks on the real allocator and the real hotplug, 1 to 128 GiB: blocks added and
 * onlined, every page of an idle guest taken back by contiguous allocation, blocks offlined and removed. The driver's own
 * share is virtio-mem/bench/plug.bench.ts. REPLUG_GIB=1024 for other sizes: 1 TiB takes a minute and 8 GB.
 */
import { parseMachineShorthand } from '@replug/core';
import { VirtioMemToken } from '@replug/virtio-mem';
import { virtioMemKernel } from '../src/virtio-mem-kernel.ts';

const GiB = 2 ** 30;
const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const sizes = process.env.REPLUG_GIB === undefined ? [1, 16, 128] : [Number(process.env.REPLUG_GIB)];
const figures: { gib: number; plug: number; unplug: number; wall: number }[] = [];
for (const gib of sizes) {
  const kernel = virtioMemKernel({
    machine: parseMachineShorthand('x86-64,8G,cpus=2,block=128M'),
    devices: [{ id: 'vm0', size: gib * GiB, requestedSize: 0 }],
  });
  const device = kernel.get(VirtioMemToken).host.device('vm0')!;
  const run = (bytes: number): number => {
    const since = cpuMs();
    device.setRequestedSize(bytes);
    kernel.clock.advance(0);
    return cpuMs() - since;
  };
  kernel.clock.advance(0);
  const begun = performance.now();
  const plug = run(gib * GiB);
  // Memory of a kernel zone holds memmaps of later blocks: some of it may stay.
  const unplug = run(0);
  const wall = performance.now() - begun;
  figures.push({ gib, plug, unplug, wall });
  console.log(
    `${gib} GiB: plugged in ${plug.toFixed(0)} ms, unplugged in ${unplug.toFixed(0)} ms of CPU time, ${wall.toFixed(0)} ms by the clock; ${device.size / 2 ** 20} MiB stay`,
  );
  kernel.dispose();
}
const last = figures.at(-1)!;
console.log(
  JSON.stringify({
    bench: 'virtio-mem on the real kernel',
    gib: last.gib,
    'plug ms': last.plug,
    'unplug ms': last.unplug,
    'wall ms': last.wall,
    'ms a GiB': (last.plug + last.unplug) / last.gib,
  }),
);
