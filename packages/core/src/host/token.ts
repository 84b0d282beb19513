/**
 * Typed names of contracts. A token is a value that carries an id (what the container is keyed by), the type of what it
 * stands for, and who would provide it – so that a missing contract is reported with the call that helps.
 *
 * A token shares the name of its interface:
 *
 *   export interface PageAllocator { … }
 *   export const PageAllocator = token<PageAllocator>()('core.PageAllocator', { provider: 'buddy() from @replug/buddy' });
 */

/** Stands for a `T` by name. `Id` is a literal type: missing contracts are found by the compiler, too. */
export interface Token<T, Id extends string = string> {
  readonly id: Id;
  /** The call that would provide it, as a user would write it: `buddy() from @replug/buddy`. */
  readonly provider?: string;
  /** Never set: carries the type only. */
  readonly type?: T;
}

/** A token of anything. */
export type AnyToken = Token<unknown>;

/** What a token stands for. */
export type TokenValue<K> = K extends Token<infer T> ? T : never;

/** Tokens by the names that a subsystem has for them. */
export type TokenRecord = Readonly<Record<string, AnyToken>>;

/** The values of a record of tokens, under the same names. */
export type TokenValues<R> = { readonly [K in keyof R]: TokenValue<R[K]> };

/** Makes a token; called twice (`token<T>()('id')`) because TypeScript infers all type parameters of a call or none. */
export const token =
  <T>() =>
  <const Id extends string>(id: Id, options: { readonly provider?: string } = {}): Token<T, Id> => ({ id, ...options });
