/**
 * The machine of a recording at an instant, as a kernel that runs on from there: with whatever subsystems somebody wants to
 * try on it.
 *
 *   using kernel = machineAt(recording, { at: { kind: 'step', ref: 'fragmented' }, subsystems: [hotplug()] });
 *   kernel.write('/sys/devices/system/memory/memory5/state', 'offline');
 *
 * A step with page flags: exactly what they tell, every page free or in use. A step with counts only: as many free blocks
 * as counted, in places that are made up. Any other instant of a trace: the replay up to it from the last known state.
 */
import {
  createKernel,
  type AnySubsystem,
  type Kernel,
  type KernelProfile,
  type MachineDescription,
} from '@replug/core';
import { buddy } from '@replug/buddy';
import { describeRecorded, findSpan, replayRecorded, restoreOwners, restoreStep } from '@replug/replay';
import { findStep, type Recording, type Time } from '@replug/workload';

export interface MachineAtOptions {
  /** Default: the first step. */
  readonly at?: Time;
  readonly kernel?: KernelProfile;
  /** Beside the allocator. */
  readonly subsystems?: readonly AnySubsystem[];
  /** Pages that sections added later may have. Default 0. */
  readonly sparePages?: number;
  /** What is moved away may get room by dropping page cache. Default false. */
  readonly reclaim?: boolean;
  /** Changes the description before the machine is built: more possible nodes, another command line. */
  readonly describe?: (machine: MachineDescription) => MachineDescription;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Builds it. Errors: as describeRecorded(), findSpan(), replayRecorded() and createKernel() throw. */
export function machineAt(recording: Recording, options: MachineAtOptions = {}): Kernel {
  const { at, kernel: profile, subsystems = [], sparePages = 0, reclaim = false, describe, onProgress } = options;
  const step =
    at === undefined ? recording.steps[0] : at.kind === 'step' ? findStep(recording.steps, at.ref) : undefined;
  const span = step === undefined ? findSpan(recording, undefined, at) : undefined;
  const machine = describeRecorded(
    recording,
    span?.machineStep ?? step!,
    span?.stops.map((stop) => stop.step),
    profile,
  );
  const kernel = createKernel({
    machine: { ...(describe?.(machine) ?? machine), sparePages },
    subsystems: [buddy({ start: 'nothing', reclaim }), ...subsystems],
  });
  try {
    if (span !== undefined) replayRecorded(kernel, span, { onProgress });
    else {
      restoreStep(kernel, step!);
      restoreOwners(kernel, step!);
    }
    return kernel;
  } catch (error) {
    kernel.dispose();
    throw error;
  }
}
