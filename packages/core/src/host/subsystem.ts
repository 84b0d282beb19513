/**
 * The plugin contract. A subsystem is a plain object, usually from a factory function: it can be read, sorted and
 * checked before anything is built.
 *
 *   export const buddy = (options = {}) => defineSubsystem({
 *     id: 'buddy',
 *     needs: { pages: PageMap, tracepoints: Tracepoints },
 *     provides: { allocator: PageAllocator },
 *     create: (deps, scope) => new BuddyAllocator(deps, options, scope),
 *   });
 */
import { ambiguousDefinition } from './errors.ts';
import type { SubsystemScope } from './scope.ts';
import type { TokenRecord, TokenValues } from './token.ts';

/** What `create` must return: a value under each key of `provides`; anything, or nothing, where it provides nothing. */
export type Provided<P> = [keyof P] extends [never] ? unknown : TokenValues<P>;

/** A class that the container constructs: `@injectable()`, and `@inject(Token)` on every constructor parameter. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- parameters of any class
export type InjectableClass<T = unknown> = new (...parameters: any[]) => T;

/** A subsystem as the kernel sees it. */
export interface Subsystem<N extends TokenRecord = TokenRecord, P extends TokenRecord = TokenRecord> {
  readonly id: string;
  /** Contracts that it is given, by the names it has for them. */
  readonly needs: N;
  /** Contracts that it provides, by the properties of what it creates. */
  readonly provides: P;
  /** Builds it. Exactly one of `create` and `useClass` is there. */
  create?(deps: TokenValues<N>, scope: SubsystemScope): Provided<P>;
  /** The class to construct instead; may inject SubsystemScopeToken. If the instance has `dispose()`, it is called. */
  readonly useClass?: InjectableClass<Provided<P>>;
}

/** A subsystem of any contracts. */
export type AnySubsystem = Subsystem;

/** A record without tokens. */
export type NoTokens = Readonly<Record<never, never>>;

interface Describes<N, P> {
  readonly id: string;
  readonly needs?: N;
  readonly provides?: P;
}
interface Creates<N, P> {
  readonly create: (deps: TokenValues<N>, scope: SubsystemScope) => Provided<NoInfer<P>>;
  readonly useClass?: never;
}
interface Constructs<P> {
  readonly create?: never;
  readonly useClass: InjectableClass<Provided<NoInfer<P>>>;
}

/** Describes a subsystem; types of `deps` and of what must be returned follow from `needs` and `provides`. */
export function defineSubsystem<const N extends TokenRecord = NoTokens, const P extends TokenRecord = NoTokens>(
  definition: Describes<N, P> & (Creates<N, P> | Constructs<P>),
): Subsystem<N, P> {
  const { id, create, useClass, needs = {} as N, provides = {} as P } = definition;
  if (create !== undefined && useClass !== undefined) throw ambiguousDefinition(id, 'both');
  if (create !== undefined) return { id, needs, provides, create };
  if (useClass !== undefined) return { id, needs, provides, useClass };
  throw ambiguousDefinition(id, 'none');
}
