/** What the driver is given: core's services, and other subsystems by their contracts alone. */
import type {
  ContiguousRanges,
  KernelLog,
  Machine,
  MemoryHotplug,
  MemoryNotifiers,
  PageAllocator,
  Reclaimer,
  VirtualClock,
  ZoneSizing,
} from '@replug/core';
import type { DriverParameters, FutureWork } from '../options.ts';

export interface DriverDeps {
  readonly machine: Machine;
  readonly clock: VirtualClock;
  readonly log: KernelLog;
  readonly notifiers: MemoryNotifiers;
  readonly hotplug: MemoryHotplug;
  readonly ranges: ContiguousRanges;
  readonly sizing: ZoneSizing;
  readonly allocator: PageAllocator;
  readonly reclaimer: Reclaimer;
  /** Module parameters; `unplugOnline` may change at run time. */
  readonly parameters: { -readonly [K in keyof DriverParameters]: DriverParameters[K] };
  readonly future: FutureWork;
}
