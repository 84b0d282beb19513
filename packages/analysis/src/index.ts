/** Judging recordings against the model. */
export { fidelityStatic, mergeStaticFidelity } from './fidelity-static.ts';
