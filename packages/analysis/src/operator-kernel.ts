/** The kernel that an operator gets: a machine, or a recording at an instant, with everything plugged in that takes commands. */
import {
  createKernel,
  type AnySubsystem,
  type Kernel,
  type KernelProfile,
  type MachineDescription,
} from '@replug/core';
import { buddy } from '@replug/buddy';
import { dnuma } from '@replug/dnuma';
import { hotplug } from '@replug/hotplug';
import { virtioMem } from '@replug/virtio-mem';
import type { Recording, Time } from '@replug/workload';
import { machineAt } from './machine-at.ts';

/** Memory that may be added to a machine unless the caller says otherwise: 64 GiB. It costs address space, no memory. */
export const DEFAULT_SPARE = 64 * 2 ** 30;

export interface OperatorOptions {
  /** Of a recording; default: its first step. */
  readonly at?: Time;
  readonly kernel?: KernelProfile;
  /** Bytes that may be added. */
  readonly spare?: number;
  /** Beside the shipped ones; one of the same id replaces it. */
  readonly subsystems?: readonly AnySubsystem[];
  readonly onProgress?: (done: number, total: number) => void;
}

export function operatorKernel(source: MachineDescription | Recording, options: OperatorOptions = {}): Kernel {
  const { kernel: profile, spare = DEFAULT_SPARE } = options;
  const subsystems = operatorSubsystems(options.subsystems);
  if ('steps' in source) {
    return machineAt(source, { ...options, subsystems, sparePages: Math.ceil(spare / source.pageSize) });
  }
  const sparePages = Math.max(source.sparePages, Math.ceil(spare / 2 ** source.arch.pageShift));
  const machine = { ...source, sparePages, ...(profile === undefined ? {} : { profile }) };
  return createKernel({ machine, subsystems: [buddy(), ...subsystems] });
}

/** Everything shipped that takes commands, and `others`; one of the same id replaces it. */
export function operatorSubsystems(others: readonly AnySubsystem[] = []): AnySubsystem[] {
  const ids = new Set(others.map(({ id }) => id));
  const shipped: AnySubsystem[] = [hotplug(), virtioMem(), dnuma()];
  return [...shipped.filter(({ id }) => !ids.has(id)), ...others];
}
