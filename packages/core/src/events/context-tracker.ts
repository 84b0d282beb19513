/**
 * In which context code runs: atomic or sleepable, with which locks held, on whose page flags. Cold operations feed it;
 * it finds the faults that a real kernel's debugging options would find. A fault is collected, once for each different
 * text; a strict tracker throws it as well.
 *
 * Models: __might_sleep() (kernel/sched/core.c), lockdep's order of lock classes (kernel/locking/lockdep.c), and the
 * rule that flags of a page are written without atomic operations by whoever holds it.
 */
import {
  flagClaimedTwice,
  flagNotOwned,
  lockNotHeld,
  lockOrderReversed,
  lockTakenTwice,
  pageNotHeld,
  sleepsWhileAtomic,
} from './errors.ts';
import type { ReplugError } from '../base/errors.ts';

/** `spin` makes what follows atomic; taking a `mutex` may sleep. */
export type LockKind = 'spin' | 'mutex';

export interface ContextFault {
  readonly error: ReplugError;
  /** How often it was found. */
  times: number;
}

interface Held {
  readonly name: string;
  readonly atomic: boolean;
}

export class ContextTracker {
  /** Faults are thrown as well as collected. */
  strict: boolean;
  /** Locks and atomic sections, innermost last. */
  private readonly held: Held[] = [];
  /** Lock → locks taken while it was held → who did so first. */
  private readonly order = new Map<string, Map<string, string>>();
  private readonly flagOwners = new Map<string, string>();
  private readonly found = new Map<string, ContextFault>();

  constructor(options: { readonly strict?: boolean } = {}) {
    this.strict = options.strict ?? false;
  }

  /** Faults found so far, in the order they were found first. */
  faults(): readonly ContextFault[] {
    return [...this.found.values()];
  }

  /** Names of the locks and sections that are held, innermost last. */
  stack(): string[] {
    return this.held.map(({ name }) => name);
  }

  /** True while sleeping is forbidden. */
  get atomic(): boolean {
    return this.held.some(({ atomic }) => atomic);
  }

  /** Enters an atomic section (interrupts off, stop_machine); disposing the result leaves it. */
  enterAtomic(who: string, name: string): Disposable {
    return this.push(who, { name, atomic: true });
  }

  /** Says that an operation may sleep. */
  mightSleep(who: string, what: string): void {
    const section = this.held.findLast(({ atomic }) => atomic);
    if (section !== undefined) this.fault(sleepsWhileAtomic(who, what, section.name));
  }

  /** Takes a lock; disposing the result releases it. */
  lock(who: string, name: string, kind: LockKind): Disposable {
    if (kind === 'mutex') this.mightSleep(who, `taking ${name}`);
    if (this.held.some((one) => one.name === name)) this.fault(lockTakenTwice(who, name));
    else for (const outer of this.held) this.recordOrder(who, outer.name, name);
    return this.push(who, { name, atomic: kind === 'spin' });
  }

  /** Declares who writes a page flag. */
  claimFlag(owner: string, flag: string): void {
    const earlier = this.flagOwners.get(flag);
    if (earlier !== undefined && earlier !== owner) this.fault(flagClaimedTwice(owner, flag, earlier));
    else this.flagOwners.set(flag, owner);
  }

  /** Says that `who` writes a flag, of a page held by `holder` (default: by itself). */
  writeFlag(who: string, flag: string, holder: string = who): void {
    const owner = this.flagOwners.get(flag);
    if (owner !== undefined && owner !== who) this.fault(flagNotOwned(who, flag, owner));
    if (holder !== who) this.fault(pageNotHeld(who, flag, holder));
  }

  private push(who: string, one: Held): Disposable {
    this.held.push(one);
    return {
      [Symbol.dispose]: () => {
        const index = this.held.lastIndexOf(one);
        if (index < 0) this.fault(lockNotHeld(who, one.name));
        else this.held.splice(index, 1);
      },
    };
  }

  private recordOrder(who: string, outer: string, inner: string): void {
    const seenBy = this.firstOnPath(inner, outer);
    if (seenBy !== undefined) {
      this.fault(lockOrderReversed(who, outer, inner, seenBy));
      return;
    }
    const after = this.order.get(outer) ?? new Map<string, string>();
    if (!after.has(inner)) after.set(inner, who);
    this.order.set(outer, after);
  }

  /** Who took the first step of a known order that leads from one lock to another; undefined when none does. */
  private firstOnPath(from: string, to: string): string | undefined {
    for (const [first, who] of this.order.get(from) ?? []) {
      const seen = new Set([from]);
      const todo = [first];
      for (let lock = todo.pop(); lock !== undefined; lock = todo.pop()) {
        if (lock === to) return who;
        if (seen.has(lock)) continue;
        seen.add(lock);
        todo.push(...(this.order.get(lock)?.keys() ?? []));
      }
    }
    return undefined;
  }

  private fault(error: ReplugError): void {
    const fault = this.found.get(error.message);
    if (fault === undefined) this.found.set(error.message, { error, times: 1 });
    else fault.times++;
    if (this.strict) throw error;
  }
}
