export interface Token<T, Id extends string = string> {
  readonly id: Id;
  readonly provider?: string;
  readonly type?: T;
}
export const token =
  <T>() =>
  <const Id extends string>(id: Id, options: { readonly provider?: string } = {}): Token<T, Id> => ({ id, ...options });
