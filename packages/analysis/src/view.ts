/**
 * Files of a rebuilt machine at an instant: a step as its own files tell it, or any instant of a trace by replaying up to it.
 */
import { createKernel, type Kernel, type KernelProfile, type MachineDescription } from '@replug/core';
import { buddy } from '@replug/buddy';
import { describeRecorded, findSpan, replayRecorded, restoreStep } from '@replug/replay';
import { findStep, type Recording, type Time } from '@replug/workload';
import { recordedKernel } from './replay.ts';

export type Texts = Record<string, string>;

/** Files of a machine as it boots. */
export function viewSpec(description: MachineDescription, files: readonly string[], kernel?: KernelProfile): Texts {
  const machine = kernel === undefined ? description : { ...description, profile: kernel };
  return render(createKernel({ machine, subsystems: [buddy()] }), files);
}

/**
 * Files of a recorded machine. `at` a step with counts: exactly that step. Another instant: the replay up to it from the
 * last step before that has page flags. Default: the first step.
 */
export function viewRecording(
  recording: Recording,
  files: readonly string[],
  options: { readonly at?: Time; readonly kernel?: KernelProfile } = {},
): Texts {
  const { at, kernel: profile } = options;
  const step =
    at === undefined ? recording.steps[0] : at.kind === 'step' ? findStep(recording.steps, at.ref) : undefined;
  if (step !== undefined) {
    const machine = describeRecorded(recording, step, [], profile);
    const kernel = createKernel({ machine, subsystems: [buddy({ start: 'nothing' })] });
    restoreStep(kernel, step);
    return render(kernel, files);
  }
  const span = findSpan(recording, undefined, at);
  const kernel = recordedKernel(recording, span, profile);
  replayRecorded(kernel, span);
  return render(kernel, files);
}

function render(kernel: Kernel, files: readonly string[]): Texts {
  try {
    return Object.fromEntries(
      files.map((file) => [
        file,
        kernel.stat(file)?.kind === 'directory' ? `${kernel.list(file).join('\n')}\n` : kernel.read(file),
      ]),
    );
  } finally {
    kernel.dispose();
  }
}
