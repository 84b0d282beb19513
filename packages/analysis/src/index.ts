/** Judging recordings against the model. */
export { fidelityStatic, mergeStaticFidelity } from './fidelity-static.ts';
export { inspect } from './inspect.ts';
/** Recorded runs and rebuilt machines. */
export { checkableSpans, fidelityReplay, recordedKernel, replayRecording, type RecordedOptions } from './replay.ts';
export { viewRecording, viewSpec, type Texts } from './view.ts';
