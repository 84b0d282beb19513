/**
 * The memory chain: told of every step when memory goes online or offline. Actions are names, since their numbers differ
 * between kernels.
 *
 * A refused GOING_x is followed by CANCEL_x to the *whole* chain, those included that never saw GOING_x: callbacks must
 * be idempotent.
 *
 * Models: include/linux/memory.h, drivers/base/memory.c memory_notify(), mm/memory_hotplug.c online_pages(), offline_pages().
 */
import type { Nid, Pfn } from '../base/units.ts';
import type { NotifierChain, NotifyOutcome } from './notifier-chain.ts';

/** Actions of the memory chain, in the kernel's order. The last two are told to owners of an altmap only, 6.6 and later. */
export const MEM = {
  ONLINE: 'MEM_ONLINE',
  GOING_OFFLINE: 'MEM_GOING_OFFLINE',
  OFFLINE: 'MEM_OFFLINE',
  GOING_ONLINE: 'MEM_GOING_ONLINE',
  CANCEL_ONLINE: 'MEM_CANCEL_ONLINE',
  CANCEL_OFFLINE: 'MEM_CANCEL_OFFLINE',
  PREPARE_ONLINE: 'MEM_PREPARE_ONLINE',
  FINISH_OFFLINE: 'MEM_FINISH_OFFLINE',
} as const;
export type MemoryAction = (typeof MEM)[keyof typeof MEM];

/** What the chain is told. */
export interface MemoryNotify {
  readonly startPfn: Pfn;
  readonly nrPages: number;
  /** Pages at the block's start that hold its own memmap; 0 without one. */
  readonly altmapStartPfn: Pfn;
  readonly altmapNrPages: number;
  /** Node that gains its first or loses its last memory in a zone up to Normal; -1 for none. */
  readonly statusChangeNidNormal: Nid;
  /** Node that gains its first or loses its last memory; -1 for none. */
  readonly statusChangeNid: Nid;
}

/** Priorities that the kernel's own callbacks register with (6.12). */
export const MEMORY_NOTIFIER_PRIORITY = {
  DEFAULT: 0,
  SLAB: 1,
  HMAT: 2,
  CXL: 5,
  MM_COMPUTE_BATCH: 10,
  CPUSET: 10,
  MEMTIER: 100,
  KSM: 100,
} as const;

/** The memory chain's type. */
export type MemoryNotifiers = NotifierChain<MemoryNotify, MemoryAction>;

const CANCEL = {
  [MEM.GOING_ONLINE]: MEM.CANCEL_ONLINE,
  [MEM.GOING_OFFLINE]: MEM.CANCEL_OFFLINE,
} as const satisfies Partial<Record<MemoryAction, MemoryAction>>;

/** A payload for a range of pages; what is not given is none. */
export const memoryNotifyOf = (startPfn: Pfn, nrPages: number, rest: Partial<MemoryNotify> = {}): MemoryNotify => ({
  startPfn,
  nrPages,
  altmapStartPfn: 0,
  altmapNrPages: 0,
  statusChangeNidNormal: -1,
  statusChangeNid: -1,
  ...rest,
});

/**
 * Tells the chain. When GOING_ONLINE or GOING_OFFLINE is refused, the whole chain is told to cancel; for a failure that
 * comes later the caller tells CANCEL_x itself.
 */
export function memoryNotify(chain: MemoryNotifiers, action: MemoryAction, payload: MemoryNotify): NotifyOutcome {
  const outcome = chain.call(action, payload);
  if (outcome.stopped && (action === MEM.GOING_ONLINE || action === MEM.GOING_OFFLINE)) {
    chain.call(CANCEL[action], payload);
  }
  return outcome;
}
