/** A guest with virtio-mem devices: allocator, hotplug and driver on one machine, with room for all that the devices may add. */
import { createKernel, type Kernel, type MachineDescription, type OnlineType } from '@replug/core';
import { buddy } from '@replug/buddy';
import { hotplug } from '@replug/hotplug';
import { virtioMem, type FutureWork, type DeviceOptions } from '@replug/virtio-mem';

export interface VirtioMemGuest {
  readonly machine: MachineDescription;
  readonly devices: readonly (DeviceOptions & { readonly size: number })[];
  /** memhp_default_state=: what added memory becomes. Default: online. */
  readonly online?: OnlineType;
  readonly future?: FutureWork;
  /** Wall-clock second of virtual time 0, for QMP timestamps. Default 0. */
  readonly epoch?: number;
  /** Bytes that later devices may add. Default 0. */
  readonly spare?: number;
}

/** Builds it; the drivers have not run yet (`kernel.clock.advance(0)`). Errors: as createKernel() and virtioMem() throw. */
export function virtioMemKernel({ machine, devices, online, future, epoch, spare = 0 }: VirtioMemGuest): Kernel {
  const bytes = devices.reduce((sum, device) => sum + device.size, spare);
  const sparePages = Math.max(machine.sparePages, Math.ceil(bytes / 2 ** machine.arch.pageShift));
  return createKernel({
    machine: { ...machine, sparePages },
    subsystems: [
      buddy(),
      hotplug({ defaultOnlineType: online ?? 'online' }),
      virtioMem({ devices, future, host: { epoch } }),
    ],
  });
}
