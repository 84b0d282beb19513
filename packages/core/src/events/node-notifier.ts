/**
 * The node chain: told when a node gets its first memory or loses its last. Apart from the memory chain since 6.17;
 * before, the same news travels as `statusChangeNid` of the memory chain.
 *
 * Models: include/linux/node.h (6.17) node_notify().
 */
import { token } from '../host/token.ts';
import type { Nid } from '../base/units.ts';
import type { NotifierChain } from './notifier-chain.ts';

/** Actions of the node chain. */
export const NODE = {
  ADDING_FIRST_MEMORY: 'NODE_ADDING_FIRST_MEMORY',
  ADDED_FIRST_MEMORY: 'NODE_ADDED_FIRST_MEMORY',
  CANCEL_ADDING_FIRST_MEMORY: 'NODE_CANCEL_ADDING_FIRST_MEMORY',
  REMOVING_LAST_MEMORY: 'NODE_REMOVING_LAST_MEMORY',
  REMOVED_LAST_MEMORY: 'NODE_REMOVED_LAST_MEMORY',
  CANCEL_REMOVING_LAST_MEMORY: 'NODE_CANCEL_REMOVING_LAST_MEMORY',
} as const;
export type NodeAction = (typeof NODE)[keyof typeof NODE];

export interface NodeNotify {
  readonly nid: Nid;
}

/** The node chain's type, and the contract that every kernel has. */
export type NodeNotifiers = NotifierChain<NodeNotify, NodeAction>;
export const NodeNotifiers = token<NodeNotifiers>()('core.NodeNotifiers');
