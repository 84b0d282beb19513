/** The example of the 2019 cover letter, command by command, on the real allocator and the real hotplug. */
import { buddy } from '@replug/buddy';
import { Core, createKernel, NOTIFY, parseMachineShorthand, type Kernel } from '@replug/core';
import { hotplug } from '@replug/hotplug';
import { MB_NAMES, Monitor, virtioMem, VirtioMemToken } from '@replug/virtio-mem';
import { describe, expect, it } from 'vitest';

const letter = (): Kernel =>
  createKernel({
    machine: parseMachineShorthand('x86-64,4G,nodes=2,cpus=4,spare=16G'),
    subsystems: [
      buddy(),
      hotplug({ defaultOnlineType: 'online' }),
      virtioMem({
        devices: [
          { id: 'vm0', node: 0, size: '8G', requestedSize: '128M' },
          { id: 'vm1', node: 1, size: '8G', requestedSize: '80M' },
        ],
      }),
    ],
  });

const listing = (id: string, addr: string, node: number, size: number): string =>
  `Memory device [virtio-mem]: "${id}"
  memaddr: ${addr}
  node: ${node}
  requested-size: ${size}
  size: ${size}
  max-size: 8589934592
  block-size: 2097152
  memdev: /objects/mem${node}
`;

const histogram = (kernel: Kernel, id: string): Record<string, number> => {
  const { sbm } = kernel.get(VirtioMemToken).driver(id)!.state;
  return Object.fromEntries(MB_NAMES.map((name, i) => [name, sbm!.histogram()[i]]).filter(([, count]) => count !== 0));
};

describe('the example of the cover letter', () => {
  it('prints the listings of the letter', () => {
    using kernel = letter();
    const monitor = new Monitor(kernel.get(VirtioMemToken));
    expect(monitor.execute('info memory-devices')).toBe(
      listing('vm0', '0x140000000', 0, 134217728) + listing('vm1', '0x340000000', 1, 83886080),
    );
    expect(histogram(kernel, 'vm1')).toEqual({ KERNEL_PARTIAL: 1 });
    expect(kernel.validate()).toEqual([]);
    expect(monitor.execute('qom-set vm1 requested-size 1G')).toBe('');
    expect(monitor.execute('qom-set vm0 requested-size 64M')).toBe('');
    expect(monitor.execute('(qemu) info memory-devices')).toBe(
      listing('vm0', '0x140000000', 0, 67108864) + listing('vm1', '0x340000000', 1, 1073741824),
    );
    expect(histogram(kernel, 'vm0')).toEqual({ KERNEL_PARTIAL: 1 });
    expect(histogram(kernel, 'vm1')).toEqual({ KERNEL: 8 });
    expect(kernel.validate()).toEqual([]);
    expect(kernel.context.faults()).toEqual([]);
  });
});

describe('users and drivers on one block', () => {
  const BLOCK = '/sys/devices/system/memory/memory104';
  const zones = (kernel: Kernel): number[][] =>
    ['Normal', 'Movable'].map((name) => {
      const zone = kernel.get(Core.Zones).find(1, name)!;
      return [zone.presentPages, zone.managedPages];
    });

  it('a partly plugged block goes offline, is refused, comes back movable, and is filled', () => {
    using kernel = letter();
    const monitor = new Monitor(kernel.get(VirtioMemToken));
    monitor.execute('info memory-devices');
    const [[present, managed]] = zones(kernel);
    // 80 of 128 MiB are plugged: 12288 pages are kept back.
    kernel.write(`${BLOCK}/state`, 'offline');
    expect(zones(kernel)[0]).toEqual([present - 32768, managed - 32768 + 12288]);
    expect(histogram(kernel, 'vm1')).toEqual({ OFFLINE_PARTIAL: 1 });
    expect(kernel.validate()).toEqual([]);
    kernel.write(`${BLOCK}/state`, 'online_movable');
    expect(zones(kernel)[1]).toEqual([32768, 20480]);
    expect(histogram(kernel, 'vm1')).toEqual({ MOVABLE_PARTIAL: 1 });
    const chain = kernel.get(Core.MemoryNotifiers);
    const before = kernel.contractHash();
    using _ = chain.register((action) => (action === 'MEM_GOING_OFFLINE' ? NOTIFY.BAD : NOTIFY.OK), -1, 'test');
    expect(() => kernel.write(`${BLOCK}/state`, 'offline')).toThrow('EPERM');
    expect(kernel.contractHash()).toBe(before);
    expect(kernel.validate()).toEqual([]);
    monitor.execute('qom-set vm1 requested-size 128M');
    expect(histogram(kernel, 'vm1')).toEqual({ MOVABLE: 1 });
    expect(zones(kernel)[1]).toEqual([32768, 32768]);
    expect(kernel.validate()).toEqual([]);
  });

  it('blocks that carry their own memmap grow and shrink', () => {
    using kernel = createKernel({
      machine: parseMachineShorthand('x86-64,2G,spare=4G'),
      subsystems: [
        buddy(),
        hotplug({ defaultOnlineType: 'online_movable', memmapOnMemory: 'enable' }),
        virtioMem({
          devices: [{ id: 'vm0', size: '2G', requestedSize: '256M' }],
          future: { memmapOnMemory: true },
        }),
      ],
    });
    const monitor = new Monitor(kernel.get(VirtioMemToken));
    monitor.execute('qom-set vm0 requested-size 192M');
    const zone = kernel.get(Core.Zones).find(0, 'Movable')!;
    // 256 MiB present, 64 MiB unplugged, 2 MiB of memmap in each block.
    expect([zone.presentPages, zone.managedPages]).toEqual([65536, 65536 - 16384 - 1024]);
    expect(kernel.validate()).toEqual([]);
    monitor.execute('qom-set vm0 requested-size 0');
    expect(monitor.execute('qom-get vm0 size')).toBe('0\n');
    expect(zone.presentPages).toBe(0);
    expect(kernel.validate()).toEqual([]);
  });
});
