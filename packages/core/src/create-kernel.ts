/**
 * createKernel(): a machine, as described, with subsystems plugged in.
 *
 *   using kernel = createKernel({ machine: parseMachineShorthand('s390x,512M'), subsystems: [buddy()] });
 *   console.log(kernel.read('/proc/buddyinfo'));
 */
import { Hasher } from './base/hasher.ts';
import { Core } from './contracts/services.ts';
import { createTracepoints } from './events/tracepoints.ts';
import { createKernel as compose, type KernelOptions } from './host/create-kernel.ts';
import type { CoreServices, Kernel } from './host/kernel.ts';
import type { AnySubsystem } from './host/subsystem.ts';
import type { AnyToken } from './host/token.ts';
import type { MachineDescription } from './machine/machine-description.ts';
import { publishMachineFiles } from './machine/machine-files.ts';
import { Machine } from './machine/machine.ts';

export type CreateKernelOptions<S extends readonly AnySubsystem[], E extends readonly AnyToken[]> = Omit<
  KernelOptions<S, E>,
  'core'
> & {
  /** What to build: from parseMachineShorthand(), parseMachineFile(), a recording, or by hand. */
  readonly machine: MachineDescription;
};

/** Builds the machine, composes the kernel and boots it. Dispose it, or say `using kernel = createKernel(…)`. */
export function createKernel<
  const S extends readonly AnySubsystem[],
  const E extends readonly AnyToken[] = readonly [],
>(options: CreateKernelOptions<S, E>): Kernel {
  const { machine, ...rest } = options;
  return compose({ ...rest, core: machineServices(new Machine(machine)) } as unknown as KernelOptions<S, E>);
}

function machineServices(machine: Machine): CoreServices {
  return {
    tokens: [
      [Core.Machine, machine],
      [Core.Pages, machine.pages],
      [Core.Zones, machine.zones],
    ],
    tracepoints: createTracepoints(),
    attach: (scope) => publishMachineFiles(scope, machine),
    stateHash: () => {
      const hasher = new Hasher();
      machine.hash(hasher);
      return hasher.digest();
    },
    contractHash: () => {
      const hasher = new Hasher();
      machine.hashContract(hasher);
      return hasher.digest();
    },
  };
}
