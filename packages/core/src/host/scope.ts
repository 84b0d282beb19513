/**
 * The handle a subsystem registers everything through. What it registers is attributed to it, listed, and taken back in
 * reverse order when it is disposed; so a subsystem needs no tear-down of its own.
 */
import { attributed, disposeFailed, hookTooLate, registrationTwice, scopeClosed, subsystemFailed } from './errors.ts';
import { ReplugError } from '../base/errors.ts';
import { token } from './token.ts';
import type { Hasher } from '../base/hasher.ts';
import type { NotifierCallback, NotifierChain } from '../events/notifier-chain.ts';
import type { DirectoryNode, FileNode, Kernfs } from './kernfs.ts';
import type { Slot, SlotTable } from './slot.ts';

/** Found violations: none, one, or several. */
export type InvariantResult = string | undefined | readonly string[];

export interface Registration {
  readonly kind:
    | 'slot'
    | 'view'
    | 'link'
    | 'directory'
    | 'gauge'
    | 'command'
    | 'invariant'
    | 'section'
    | 'hash'
    | 'listener'
    | 'notifier'
    | 'owned'
    | 'hook';
  readonly name: string;
}

/** Something that an operator types and that is no file: a monitor's command, an event of the firmware. */
export interface OperatorCommand {
  /** Its arguments, as help shows them: `ID requested-size SIZE`. */
  readonly usage: string;
  /** One line that says what it does. */
  readonly summary: string;
  /** Takes what follows the name; returns what is printed. A refusal is a KernfsError with an errno, or a ReplugError. */
  run(args: string): string;
}

/** What scopes of one kernel share. */
export interface ScopeHost {
  readonly kernfs: Kernfs;
  readonly slots: SlotTable;
}

/** Moments of a kernel's life that a subsystem may wait for. `dispose` comes last, after `quiesce`. */
type Hook = 'seal' | 'boot' | 'quiesce';

export class SubsystemScope {
  /** Id of the subsystem. */
  readonly id: string;
  /** Counters by name, read when asked for. */
  readonly gauges = new Map<string, () => number>();
  /** Checks by name. */
  readonly invariants = new Map<string, () => InvariantResult>();
  /** Report sections by name: plain data, or text. */
  readonly sections = new Map<string, () => unknown>();
  /** Operator commands by name; a name may have several words. */
  readonly commands = new Map<string, OperatorCommand>();
  /** What the subsystem adds to the two hashes of a kernel's state. */
  readonly hashes = new Map<'state' | 'contract', (hasher: Hasher) => void>();

  private readonly host: ScopeHost;
  private readonly hooks: Record<Hook, (() => void)[]> = { seal: [], boot: [], quiesce: [] };
  private readonly ran = new Set<Hook>();
  private readonly entries: { readonly registration: Registration; readonly undo: () => void }[] = [];
  private closed = false;

  constructor(id: string, host: ScopeHost) {
    this.id = id;
    this.host = host;
  }

  /** What is registered now, oldest first. */
  get registrations(): readonly Registration[] {
    return this.entries.map(({ registration }) => registration);
  }

  // Life

  /** Runs when all subsystems are created and slots may be read. */
  onSeal(fn: () => void): void {
    this.hook('seal', fn);
  }

  /** Runs after sealing, in the order of creation: fill memory, publish devices. */
  onBoot(fn: () => void): void {
    this.hook('boot', fn);
  }

  /** Runs when the kernel is about to be disposed, everything being there still; last created first. */
  onQuiesce(fn: () => void): void {
    this.hook('quiesce', fn);
  }

  /** Runs when the subsystem is disposed, in reverse order with everything else that it registered. */
  onDispose(fn: () => void): void {
    this.add('hook', 'dispose', fn);
  }

  /** Disposes something along with the subsystem; returns it. */
  own<D extends Disposable | { dispose(): void }>(disposable: D): D {
    const undo = Symbol.dispose in disposable ? () => disposable[Symbol.dispose]() : () => disposable.dispose();
    this.add('owned', disposable.constructor?.name ?? 'object', undo);
    return disposable;
  }

  // Decisions and events

  /** Takes a decision over. */
  takeSlot<F>(slot: Slot<F>, implementation: F): Disposable {
    return this.addDisposable('slot', slot.id, () => this.host.slots.take(slot, implementation, this.id));
  }

  /** The implementation of a slot that is in force; only once the kernel is sealed (`onSeal`). */
  useSlot<F>(slot: Slot<F>): F {
    return this.host.slots.use(slot);
  }

  /** Watches a tracepoint. */
  listen<T extends { readonly name: string; on(listener: never): Disposable }>(
    tracepoint: T,
    fn: Parameters<T['on']>[0],
  ): Disposable {
    return this.addDisposable('listener', tracepoint.name, () => tracepoint.on(fn as never));
  }

  /** Joins a notifier chain. */
  notifier<E, A extends string>(
    chain: NotifierChain<E, A>,
    fn: NotifierCallback<NoInfer<E>, NoInfer<A>>,
    priority = 0,
  ): Disposable {
    return this.addDisposable('notifier', chain.name, () => chain.register(fn, priority, this.id));
  }

  // Files

  /** Publishes a file: a function that renders it, or what may be done with it. */
  view(path: string, file: FileNode | (() => string)): Disposable {
    const node = typeof file === 'function' ? { read: file } : file;
    return this.addDisposable('view', path, () => this.host.kernfs.file(path, node, this.id));
  }

  /** Publishes a file that is written to; write-only without `read`. */
  control(path: string, write: (text: string) => number | void, read?: () => string): Disposable {
    return this.view(path, read === undefined ? { write } : { read, write });
  }

  /** Publishes a symbolic link. */
  link(path: string, target: string): Disposable {
    return this.addDisposable('link', path, () => this.host.kernfs.link(path, target, this.id));
  }

  /** Adds entries that are found when somebody asks to a directory. */
  directory(path: string, lister: DirectoryNode): Disposable {
    return this.addDisposable('directory', path, () => this.host.kernfs.directory(path, lister, this.id));
  }

  // Contributions

  /** A counter. */
  gauge(name: string, read: () => number): Disposable {
    return this.collect('gauge', this.gauges, name, read);
  }

  /** A command for `kernel.execute()`, scenarios and the shell: `info memory-devices`, `qom-set`. */
  command(name: string, command: OperatorCommand): Disposable {
    return this.collect('command', this.commands, name, command);
  }

  /** A check that `kernel.validate()` runs; it says what is wrong, if anything. */
  invariant(name: string, check: () => InvariantResult): Disposable {
    return this.collect('invariant', this.invariants, name, check);
  }

  /** A report section; plain data that the report renders, or text. */
  section(name: string, render: () => unknown): Disposable {
    return this.collect('section', this.sections, name, render);
  }

  /**
   * What this subsystem adds to a hash. `state`: everything, list order included. `contract`: what a user is promised,
   * and what a vetoed operation must leave as it was.
   */
  hash(which: 'state' | 'contract', feed: (hasher: Hasher) => void): Disposable {
    return this.collect('hash', this.hashes, which, feed);
  }

  // For the kernel

  /** Runs the hooks of a moment; in reverse for `quiesce`. An error is attributed to the subsystem. */
  run(hook: Hook): void {
    this.ran.add(hook);
    const hooks = hook === 'quiesce' ? this.hooks[hook].toReversed() : this.hooks[hook];
    for (const fn of hooks) attribute(this.id, hook, fn);
  }

  /** Takes everything back, last first, whatever fails on the way; then throws what failed. */
  dispose(): void {
    const causes: unknown[] = [];
    this.closed = true;
    for (let entry = this.entries.pop(); entry !== undefined; entry = this.entries.pop()) {
      try {
        entry.undo();
      } catch (error) {
        causes.push(error);
      }
    }
    if (causes.length > 0) throw disposeFailed(`subsystem ${this.id}`, causes);
  }

  private hook(hook: Hook, fn: () => void): void {
    if (this.closed) throw scopeClosed(this.id, 'hook', hook);
    if (this.ran.has(hook)) throw hookTooLate(this.id, 'hook', hook);
    this.hooks[hook].push(fn);
  }

  private collect<K extends string, V>(kind: Registration['kind'], into: Map<K, V>, name: K, value: V): Disposable {
    if (into.has(name)) throw registrationTwice(this.id, kind, name);
    const added = this.add(kind, name, () => void into.delete(name));
    into.set(name, value);
    return added;
  }

  private addDisposable(kind: Registration['kind'], name: string, register: () => Disposable): Disposable {
    if (this.closed) throw scopeClosed(this.id, kind, name);
    const registered = register();
    return this.add(kind, name, () => registered[Symbol.dispose]());
  }

  private add(kind: Registration['kind'], name: string, undo: () => void): Disposable {
    if (this.closed) throw scopeClosed(this.id, kind, name);
    const entry = { registration: { kind, name }, undo };
    this.entries.push(entry);
    return {
      [Symbol.dispose]: () => {
        const index = this.entries.indexOf(entry);
        if (index < 0) return;
        this.entries.splice(index, 1);
        undo();
      },
    };
  }
}

/** The scope of the subsystem that is being constructed, for classes given by `useClass`. */
export const SubsystemScopeToken = token<SubsystemScope>()('core.SubsystemScope');

/** Runs a subsystem's code: what it throws names the subsystem. Coded errors keep their code. */
export function attribute<T>(id: string, doing: string, fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    if (!(error instanceof ReplugError)) throw subsystemFailed(id, doing, error);
    const named = error.who === `subsystem ${id}` || error.who.startsWith(`subsystem ${id}:`);
    throw named ? error : attributed(id, error);
  }
}
