/** The contracts that every kernel has, whatever its subsystems: a need for one is never missing. */
import type { Core } from '../contracts/services.ts';
import type { NodeNotifiers } from '../events/node-notifier.ts';

/** Type of any of core's tokens. */
export type CoreTokens = (typeof Core)[keyof typeof Core] | typeof NodeNotifiers;
