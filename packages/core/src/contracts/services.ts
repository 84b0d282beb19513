/** What core itself provides to every subsystem, as tokens for `needs`. */
import type { ContextTracker } from '../events/context-tracker.ts';
import type { KernelLog } from '../events/kernel-log.ts';
import type { MemoryNotifiers } from '../events/memory-notifier.ts';
import type { Tracepoints } from '../events/tracepoints.ts';
import type { VirtualClock } from '../events/virtual-clock.ts';
import { token } from '../host/token.ts';
import type { Machine } from '../machine/machine.ts';
import type { PageMap } from '../machine/page-map.ts';
import type { Zones } from '../machine/zones.ts';

export const Core = {
  Machine: token<Machine>()('core.Machine'),
  Pages: token<PageMap>()('core.Pages'),
  Zones: token<Zones>()('core.Zones'),
  Tracepoints: token<Tracepoints>()('core.Tracepoints'),
  Clock: token<VirtualClock>()('core.Clock'),
  Context: token<ContextTracker>()('core.Context'),
  Log: token<KernelLog>()('core.Log'),
  MemoryNotifiers: token<MemoryNotifiers>()('core.MemoryNotifiers'),
} as const;
