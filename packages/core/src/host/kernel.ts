/**
 * A composed kernel: the machine, its subsystems, and what a user does with them – read and write files, watch
 * tracepoints, check invariants, hash the state.
 */
import { Hasher } from '../base/hasher.ts';
import { disposeFailed, kernelDisposed, noSuchCommand } from './errors.ts';
import { attribute, type OperatorCommand, type SubsystemScope } from './scope.ts';
import type { ContextTracker } from '../events/context-tracker.ts';
import type { KernelLog } from '../events/kernel-log.ts';
import type { Tracepoints } from '../events/tracepoints.ts';
import type { VirtualClock } from '../events/virtual-clock.ts';
import type { KernelContainer } from './container.ts';
import type { Kernfs, KernfsStat } from './kernfs.ts';
import type { SlotTable } from './slot.ts';
import type { AnyToken, Token } from './token.ts';

/** What the machine brings into a kernel. */
export interface CoreServices {
  /** Contracts of core and their implementations. */
  readonly tokens: ReadonlyArray<readonly [AnyToken, unknown]>;
  readonly tracepoints: Tracepoints;
  /** Publishes the machine's own files, gauges and invariants; the scope is called `core`. */
  attach?(scope: SubsystemScope): void;
  stateHash(): string;
  contractHash(): string;
  dispose?(): void;
}

export type KernelPhase = 'creating' | 'sealed' | 'booting' | 'running' | 'quiescing' | 'disposed';

export interface InvariantFailure {
  readonly owner: string;
  readonly name: string;
  readonly problem: string;
}

export interface SectionContent {
  readonly owner: string;
  readonly name: string;
  readonly content: unknown;
}

/** What create-kernel.ts puts together. */
export interface KernelParts {
  readonly core: CoreServices;
  readonly container: KernelContainer;
  readonly kernfs: Kernfs;
  readonly slots: SlotTable;
  readonly clock: VirtualClock;
  readonly context: ContextTracker;
  readonly log: KernelLog;
}

export class Kernel {
  readonly tracepoints: Tracepoints;
  readonly clock: VirtualClock;
  /** Which context code runs in, and the faults found. */
  readonly context: ContextTracker;
  /** What the kernel said: dmesg. */
  readonly log: KernelLog;
  private readonly parts: KernelParts;
  private readonly scopes: SubsystemScope[] = [];
  private current: KernelPhase = 'creating';

  constructor(parts: KernelParts) {
    this.parts = parts;
    this.tracepoints = parts.core.tracepoints;
    this.clock = parts.clock;
    this.context = parts.context;
    this.log = parts.log;
  }

  get phase(): KernelPhase {
    return this.current;
  }

  /** Ids of the subsystems, in the order of creation; `core` first. */
  get subsystems(): readonly string[] {
    return this.scopes.map(({ id }) => id);
  }

  /** A contract, for whoever drives the kernel from outside. */
  get<T>(token: Token<T>): T {
    this.assertAlive('get');
    return this.parts.container.get(token);
  }

  /** Text of a file, such as /proc/zoneinfo. */
  read(path: string): string {
    this.assertAlive('read');
    return this.parts.kernfs.read(path);
  }

  /** Writes to a file, as `echo text > path`; a refusal is a KernfsError with the kernel's errno. Overdue alarms fire then. */
  write(path: string, text: string): void {
    this.assertAlive('write');
    this.parts.kernfs.write(path, text);
    this.clock.advance(0);
  }

  /** Names in a directory. */
  list(path: string): string[] {
    this.assertAlive('list');
    return this.parts.kernfs.list(path);
  }

  /** What is at a path, links not followed; undefined when nothing is. */
  stat(path: string): KernfsStat | undefined {
    this.assertAlive('stat');
    return this.parts.kernfs.stat(path);
  }

  /** Target of a symbolic link. */
  readlink(path: string): string {
    this.assertAlive('readlink');
    return this.parts.kernfs.readlink(path);
  }

  /** Operator commands by name, in natural order. */
  commands(): ReadonlyMap<string, OperatorCommand> {
    this.assertAlive('commands');
    const all = this.scopes.flatMap(({ commands }) => [...commands]);
    return new Map(all.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  }

  /** Runs an operator command; the longest name that the line begins with counts. Overdue alarms fire then. Throws RP1150. */
  execute(line: string): string {
    const commands = this.commands();
    const longest = Math.max(1, ...[...commands.keys()].map((name) => name.split(' ').length));
    const words = line.trim().split(/\s+/, longest);
    for (let count = words.length; count > 0; count--) {
      const command = commands.get(words.slice(0, count).join(' '));
      if (command === undefined) continue;
      const rest = new RegExp(`^\\s*(?:\\S+\\s*){${count}}`);
      const output = command.run(line.replace(rest, '').trim());
      this.clock.advance(0);
      return output;
    }
    throw noSuchCommand(words[0], [...commands.keys()]);
  }

  /** Runs every invariant; an empty list means that all hold. */
  validate(): readonly InvariantFailure[] {
    this.assertAlive('validate');
    const failures: InvariantFailure[] = [];
    for (const { id: owner, invariants } of this.scopes) {
      for (const [name, check] of invariants) {
        const result = attribute(owner, `invariant ${name}`, check);
        const problems = result === undefined ? [] : typeof result === 'string' ? [result] : result;
        for (const problem of problems) failures.push({ owner, name, problem });
      }
    }
    return failures;
  }

  /** All counters, as `subsystem.name`. */
  gauges(): Readonly<Record<string, number>> {
    this.assertAlive('gauges');
    const values: Record<string, number> = {};
    for (const { id, gauges } of this.scopes) {
      for (const [name, read] of gauges) values[`${id}.${name}`] = attribute(id, `gauge ${name}`, read);
    }
    return values;
  }

  /** All report sections, rendered now. */
  sections(): readonly SectionContent[] {
    this.assertAlive('sections');
    return this.scopes.flatMap(({ id: owner, sections }) =>
      [...sections].map(([name, render]) => ({ owner, name, content: attribute(owner, `section ${name}`, render) })),
    );
  }

  /** Hash of everything, order of lists included. */
  stateHash(): string {
    return this.hash('state', this.parts.core.stateHash());
  }

  /** Hash of what a user is promised: an operation that is vetoed midway leaves it as it was. */
  contractHash(): string {
    return this.hash('contract', this.parts.core.contractHash());
  }

  /** Quiesces, then disposes the subsystems in reverse order of creation, then the machine. A second time does nothing. */
  dispose(): void {
    if (this.current === 'disposed' || this.current === 'quiescing') return;
    const causes: unknown[] = [];
    const guard = (fn: () => void): void => {
      try {
        fn();
      } catch (error) {
        causes.push(error);
      }
    };
    const backwards = this.scopes.toReversed();
    if (this.current === 'running') {
      this.current = 'quiescing';
      for (const scope of backwards) guard(() => scope.run('quiesce'));
    }
    this.current = 'disposed';
    for (const scope of backwards) guard(() => scope.dispose());
    guard(() => this.parts.core.dispose?.());
    guard(() => this.parts.container.dispose());
    if (causes.length > 0) throw disposeFailed('kernel', causes);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** For create-kernel.ts: adds the scope of a subsystem that is about to be created. */
  adopt(scope: SubsystemScope): void {
    this.scopes.push(scope);
  }

  /** For create-kernel.ts: seals, boots and runs. */
  start(): void {
    this.parts.slots.seal();
    this.parts.container.seal();
    this.current = 'sealed';
    for (const scope of this.scopes) scope.run('seal');
    this.current = 'booting';
    for (const scope of this.scopes) scope.run('boot');
    this.current = 'running';
  }

  private hash(which: 'state' | 'contract', core: string): string {
    this.assertAlive(`${which}Hash`);
    const hasher = new Hasher().text(core);
    for (const { id, hashes } of this.scopes) {
      const feed = hashes.get(which);
      if (feed !== undefined) feed(hasher.text(id));
    }
    return hasher.digest();
  }

  private assertAlive(doing: string): void {
    if (this.current === 'disposed') throw kernelDisposed(doing);
  }
}
