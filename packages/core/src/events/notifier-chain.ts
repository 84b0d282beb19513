/**
 * Notifier chains: callbacks ordered by priority that are told of an action and may veto it.
 *
 * Higher priorities first; of equal ones the later registration goes later. The first result with the stop bit ends the
 * traversal; later callbacks are not told. Rolling back is the caller's choice: `callRobust` cancels only those that had
 * agreed, the memory chain cancels to everybody (memory-notifier.ts).
 *
 * Models: kernel/notifier.c, include/linux/notifier.h.
 */

/** Results of a callback. */
export const NOTIFY = {
  /** Don't care. */
  DONE: 0x0000,
  /** Suits me. */
  OK: 0x0001,
  /** Don't call further. */
  STOP_MASK: 0x8000,
  /** Bad: veto. */
  BAD: 0x8002,
  /** Clean way to return from the notifier and stop further calls. */
  STOP: 0x8001,
} as const;

/** A result that carries an error: `errno` is 0 or negative, as in the kernel. */
export const notifierFromErrno = (errno: number): number =>
  errno === 0 ? NOTIFY.OK : NOTIFY.STOP_MASK | (NOTIFY.OK - errno);

/** The error that a result carries: 0 or negative. */
export function notifierToErrno(result: number): number {
  const value = result & ~NOTIFY.STOP_MASK;
  return value > NOTIFY.OK ? NOTIFY.OK - value : 0;
}

/** Told of an action; returns one of NOTIFY or `notifierFromErrno(…)`. Nothing means DONE. */
export type NotifierCallback<E, A extends string = string> = (action: A, payload: E) => number | void;

/** How a traversal ended. */
export interface NotifyOutcome {
  /** Result of the last callback that was told. */
  readonly result: number;
  /** Callbacks that were told. */
  readonly calls: number;
  /** 0, or the negative error that the result carries. */
  readonly errno: number;
  /** True when a callback stopped the traversal. */
  readonly stopped: boolean;
  /** Who stopped it. */
  readonly stoppedBy?: string;
}

interface Block<E, A extends string> {
  readonly callback: NotifierCallback<E, A>;
  readonly priority: number;
  readonly owner: string;
}

export class NotifierChain<E, A extends string = string> {
  readonly name: string;
  private blocks: readonly Block<E, A>[] = [];

  constructor(name: string) {
    this.name = name;
  }

  /** Adds a callback; disposing the result takes it away. */
  register(callback: NotifierCallback<E, A>, priority = 0, owner = 'unknown'): Disposable {
    const block = { callback, priority, owner };
    const later = this.blocks.findIndex((other) => other.priority < priority);
    const at = later < 0 ? this.blocks.length : later;
    this.blocks = [...this.blocks.slice(0, at), block, ...this.blocks.slice(at)];
    return { [Symbol.dispose]: () => void (this.blocks = this.blocks.filter((other) => other !== block)) };
  }

  /** Owners in the order they are told. */
  owners(): string[] {
    return this.blocks.map(({ owner }) => owner);
  }

  /** Tells the callbacks (at most `limit` of them) until one stops. */
  call(action: A, payload: E, limit = Infinity): NotifyOutcome {
    let result: number = NOTIFY.DONE;
    let calls = 0;
    for (const { callback, owner } of this.blocks) {
      if (calls >= limit) break;
      result = callback(action, payload) ?? NOTIFY.DONE;
      calls++;
      if (result & NOTIFY.STOP_MASK) {
        return { result, calls, errno: notifierToErrno(result), stopped: true, stoppedBy: owner };
      }
    }
    return { result, calls, errno: notifierToErrno(result), stopped: false };
  }

  /** As `call`; on a veto, the callbacks told before the one that vetoed are told of `cancel`. */
  callRobust(action: A, cancel: A, payload: E): NotifyOutcome {
    const outcome = this.call(action, payload);
    if (outcome.stopped) this.call(cancel, payload, outcome.calls - 1);
    return outcome;
  }
}
