/**
 * The only file that knows tsyringe. One kernel has one container, with contracts under their tokens' ids; it answers
 * while subsystems are created and is sealed afterwards.
 *
 * What tsyringe would do by itself, and what is done here instead:
 *   every container is a child of a global one     → nothing is ever looked up there: each token is checked first
 *   a parent's singleton, asked for through a child, → a host application's tokens are resolved by its own container,
 *   is built with the child's parts and kept           and handed in as values
 *   unknown classes are constructed on the fly     → explicit tokens only
 *   dispose() is asynchronous, in creation order   → never called: the scope of a subsystem disposes its instance
 *   types of parameters come from compiler metadata → every parameter has @inject(Token), which is checked
 */
import 'reflect-metadata';
import { container as globalContainer, inject as tsyringeInject, type DependencyContainer } from 'tsyringe';
import { alreadyInContainer, lookupAfterSeal, notInjectable, notProvided, parameterWithoutToken } from './errors.ts';
import { SubsystemScopeToken, type SubsystemScope } from './scope.ts';
import type { InjectableClass } from './subsystem.ts';
import type { AnyToken, Token } from './token.ts';

export { injectable } from 'tsyringe';

/** A key of a host application's container: a class, a string or a symbol. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- classes of any constructor
export type HostToken = string | symbol | (new (...parameters: any[]) => unknown);

/** What is asked of a host application's container; tsyringe's DependencyContainer is one. */
export interface HostContainer {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the host's own token type
  isRegistered(token: any, recursive?: boolean): boolean;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  resolve(token: any): any;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  resolveAll(token: any): any[];
}

/** Marks a constructor parameter with what it is given: a contract, or something of the host application's container. */
export function inject(token: AnyToken | HostToken): ParameterDecorator {
  const id = (token as AnyToken).id;
  return tsyringeInject(typeof id === 'string' ? id : (token as HostToken)) as ParameterDecorator;
}

/** tsyringe's record of a parameter. */
interface ParameterToken {
  readonly token: HostToken;
  readonly multiple?: boolean;
  readonly isOptional?: boolean;
}

// Where tsyringe keeps what @inject said: reflection-helpers.ts, INJECTION_TOKEN_METADATA_KEY.
const INJECTION_TOKENS = 'injectionTokens';

/** What a class asks for, by parameter. A parameter that does not say is an error. */
export function injectedTokens(target: InjectableClass): readonly ParameterToken[] {
  const byIndex = (Reflect.getOwnMetadata(INJECTION_TOKENS, target) ?? {}) as Record<
    number,
    ParameterToken | HostToken
  >;
  const count = Math.max(target.length, ...Object.keys(byIndex).map((index) => Number(index) + 1));
  return Array.from({ length: count }, (_, index) => {
    const given = byIndex[index];
    if (given === undefined) throw parameterWithoutToken(target.name, index);
    return typeof given === 'object' ? given : { token: given };
  });
}

export class KernelContainer {
  private readonly own: DependencyContainer = globalContainer.createChildContainer();
  private readonly host: HostContainer | undefined;
  private sealed = false;

  constructor(host?: HostContainer) {
    this.host = host;
  }

  /** Puts a contract's implementation in. */
  provide(token: AnyToken, implementation: unknown): void {
    if (this.own.isRegistered(token.id)) throw alreadyInContainer(token.id);
    this.own.register(token.id, { useValue: implementation });
  }

  has(id: string): boolean {
    return this.own.isRegistered(id);
  }

  /** A contract, for code of the kernel: only while subsystems are created. */
  resolve<T>(token: Token<T>): T {
    if (this.sealed) throw lookupAfterSeal(token.id);
    return this.get(token);
  }

  /** A contract, for the host application: at any time. */
  get<T>(token: Token<T>): T {
    if (!this.own.isRegistered(token.id)) throw notProvided(token.id, token.provider);
    return this.own.resolve(token.id) as T;
  }

  /** Constructs a subsystem's class with what its parameters ask for. */
  construct<T>(target: InjectableClass<T>, scope: SubsystemScope): T {
    if (this.sealed) throw lookupAfterSeal(target.name);
    const one = this.own.createChildContainer();
    one.register(SubsystemScopeToken.id, { useValue: scope });
    for (const { token, multiple, isOptional } of injectedTokens(target)) {
      if (one.isRegistered(token) || this.own.isRegistered(token)) continue;
      if (this.host?.isRegistered(token, true)) {
        const values = multiple ? this.host.resolveAll(token) : [this.host.resolve(token)];
        for (const useValue of values) one.register(token, { useValue });
      } else if (!isOptional) {
        throw notProvided(nameOf(token), undefined);
      }
    }
    one.register(target, { useClass: target });
    try {
      return one.resolve<T>(target);
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('TypeInfo not known')) throw notInjectable(target.name);
      throw error;
    }
  }

  /** Ends lookups by code of the kernel: nothing is looked up while pages move. */
  seal(): void {
    this.sealed = true;
  }

  /** Forgets everything. */
  dispose(): void {
    this.sealed = true;
    this.own.reset();
  }
}

const nameOf = (token: HostToken): string => (typeof token === 'function' ? token.name : String(token));
