/** A DAX device as ordinary memory: zone-device's driver with the real hotplug core and allocator. */
import { buddy } from '@replug/buddy';
import { Core, createKernel, parseMachineShorthand } from '@replug/core';
import { hotplug } from '@replug/hotplug';
import { daxKmem, PmemBus, zoneDevice, type NamespaceOptions } from '@replug/zone-device';
import { expect, it } from 'vitest';

const RAM: NamespaceOptions = { name: 'namespace0.0', nid: 0, start: 2 ** 33, size: 2 ** 29, mode: 'system-ram' };

it('adds a namespace in system-ram mode as memory, and takes it away again', () => {
  using kernel = createKernel({
    machine: parseMachineShorthand('x86-64,1G,spare=2G'),
    subsystems: [buddy(), hotplug(), zoneDevice({ namespaces: [RAM] }), daxKmem()],
  });
  const bus = kernel.get(PmemBus);
  const zones = kernel.get(Core.Zones);
  const present = (): number => zones.all.reduce((sum, z) => sum + z.presentPages, 0);
  const before = present();
  bus.enable('namespace0.0');
  expect(kernel.list('/sys/devices/system/memory')).toContain('memory64');
  expect(kernel.read('/proc/iomem')).toContain('  200000000-21fffffff : System RAM (kmem)\n');
  for (const id of [64, 65, 66, 67]) {
    const state = `/sys/devices/system/memory/memory${id}/state`;
    if (kernel.read(state) === 'offline\n') kernel.write(state, 'online_movable');
  }
  expect(present() - before).toBe(2 ** 29 / 4096);
  // It is memory now: the zone of device memory has nothing of it.
  expect(zones.find(0, 'Device')!.spannedPages).toBe(0);
  expect(kernel.validate()).toEqual([]);
  bus.disable('namespace0.0');
  expect(present()).toBe(before);
  expect(kernel.list('/sys/devices/system/memory')).not.toContain('memory64');
  expect(kernel.validate()).toEqual([]);
});
