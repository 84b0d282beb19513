/**
 * Composes a kernel: describe → resolve → create in order → seal → boot → run. What fails on the way is told with the
 * subsystem's name, and everything built until then is disposed in reverse.
 */
import { Core } from '../contracts/services.ts';
import { ContextTracker } from '../events/context-tracker.ts';
import { KernelLog } from '../events/kernel-log.ts';
import { NodeNotifiers } from '../events/node-notifier.ts';
import { NotifierChain } from '../events/notifier-chain.ts';
import { VirtualClock } from '../events/virtual-clock.ts';
import { injectedTokens, KernelContainer, type HostContainer } from './container.ts';
import { externalNotRegistered, nothingProvided } from './errors.ts';
import { Kernel, type CoreServices } from './kernel.ts';
import { Kernfs } from './kernfs.ts';
import { resolveOrder } from './resolver.ts';
import { attribute, SubsystemScope, SubsystemScopeToken } from './scope.ts';
import { SlotTable } from './slot.ts';
import type { CoreTokens } from './core-tokens.ts';
import type { AnySubsystem } from './subsystem.ts';
import type { AnyToken } from './token.ts';

type IdsOf<R> = R extends Readonly<Record<string, AnyToken>> ? R[keyof R]['id'] : never;
type MissingIds<S extends readonly AnySubsystem[], Given extends AnyToken> = Exclude<
  IdsOf<S[number]['needs']>,
  IdsOf<S[number]['provides']> | CoreTokens['id'] | Given['id']
>;

/** Nothing, when every need is met; else a property that no list has and whose type says what is missing. */
export type MissingContracts<S extends readonly AnySubsystem[], Given extends AnyToken = never> = [
  MissingIds<S, Given>,
] extends [never]
  ? unknown
  : { readonly 'missing contract': MissingIds<S, Given> };

export interface KernelOptions<S extends readonly AnySubsystem[], E extends readonly AnyToken[]> {
  /** The machine. */
  readonly core: CoreServices;
  /** In any order; where needs leave it open, they are created in this one. */
  readonly subsystems: S & MissingContracts<S, E[number]>;
  /** A host application's container: `external` tokens and classes injected by `useClass` come from it. */
  readonly container?: HostContainer;
  /** Contracts that the host application's container has, under their tokens' ids. */
  readonly external?: E;
  readonly clock?: VirtualClock;
  readonly context?: ContextTracker;
}

/** Composes a kernel and boots it. Dispose it, or say `using kernel = createKernel(…)`. */
export function createKernel<
  const S extends readonly AnySubsystem[],
  const E extends readonly AnyToken[] = readonly [],
>(options: KernelOptions<S, E>): Kernel {
  const { core, container: host, external = [] } = options;
  const clock = options.clock ?? new VirtualClock();
  const context = options.context ?? new ContextTracker();
  const log = new KernelLog(() => clock.now);
  const container = new KernelContainer(host);
  const kernfs = new Kernfs();
  const slots = new SlotTable();
  const kernel = new Kernel({ core, container, kernfs, slots, clock, context, log });

  return disposedOnFailure(kernel, () => {
    for (const [token, implementation] of core.tokens) container.provide(token, implementation);
    const own: readonly (readonly [AnyToken, unknown])[] = [
      [Core.Tracepoints, core.tracepoints],
      [Core.Clock, clock],
      [Core.Context, context],
      [Core.Log, log],
      [Core.MemoryNotifiers, new NotifierChain('memory')],
      [NodeNotifiers, new NotifierChain('node')],
    ];
    for (const [token, implementation] of own) if (!container.has(token.id)) container.provide(token, implementation);
    const given = new Map([...core.tokens, ...own].map(([{ id }]) => [id, 'core']));
    for (const token of external) {
      if (!host?.isRegistered(token.id, true)) throw externalNotRegistered(token.id);
      container.provide(token, host.resolve(token.id));
      given.set(token.id, 'the host application');
    }

    const order = resolveOrder(
      options.subsystems.map((one) => withInjectedNeeds(one, host)),
      given,
    );
    const scopeHost = { kernfs, slots };
    const coreScope = new SubsystemScope('core', scopeHost);
    kernel.adopt(coreScope);
    attribute('core', 'attach', () => core.attach?.(coreScope));
    for (const subsystem of order) {
      const scope = new SubsystemScope(subsystem.id, scopeHost);
      kernel.adopt(scope);
      attribute(subsystem.id, 'create', () => create(subsystem, container, scope));
    }
    kernel.start();
    return kernel;
  });
}

/** Creates one subsystem and puts what it provides into the container. */
function create(subsystem: AnySubsystem, container: KernelContainer, scope: SubsystemScope): void {
  const { needs, provides, useClass } = subsystem;
  const deps: Record<string, unknown> = {};
  for (const [key, token] of Object.entries(needs)) deps[key] = container.resolve(token);

  const created = useClass === undefined ? subsystem.create!(deps, scope) : container.construct(useClass, scope);
  if (useClass !== undefined && hasDispose(created)) scope.own(created);
  for (const [key, token] of Object.entries(provides)) {
    const implementation = (created as Record<string, unknown> | undefined)?.[key];
    if (implementation === undefined) throw nothingProvided(subsystem.id, key, token.id);
    container.provide(token, implementation);
  }
}

/** What a class injects is needed as well, unless the host application has it. */
function withInjectedNeeds(subsystem: AnySubsystem, host: HostContainer | undefined): AnySubsystem {
  if (subsystem.useClass === undefined) return subsystem;
  const needs: Record<string, AnyToken> = { ...subsystem.needs };
  const stated = new Set(Object.values(needs).map(({ id }) => id));
  for (const { token, isOptional } of injectedTokens(subsystem.useClass)) {
    if (typeof token !== 'string' || token === SubsystemScopeToken.id || stated.has(token) || isOptional) continue;
    if (!host?.isRegistered(token, true)) needs[`inject ${token}`] = { id: token };
  }
  return { ...subsystem, needs };
}

const hasDispose = (value: unknown): value is { dispose(): void } =>
  typeof value === 'object' && value !== null && 'dispose' in value && typeof value.dispose === 'function';

/** Runs a step; on failure the kernel is disposed, and what fails meanwhile is told along with the first error. */
function disposedOnFailure<T>(kernel: Kernel, fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    try {
      kernel.dispose();
    } catch (second) {
      if (error instanceof Error)
        error.cause = new AggregateError([error.cause, second].filter((one) => one !== undefined));
    }
    throw error;
  }
}
