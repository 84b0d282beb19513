/**
 * Files of older format versions. A message of version n passes the upgraders n → n+1, n+1 → n+2 … up to this version's, so
 * each change of the format adds one entry here and nothing else has to know of the past.
 *
 * What an upgrader can do: give new fields of a message their meaning for old files, or say the same in new words. protobuf
 * itself takes care of fields that an old file lacks: they are absent or 0.
 */
import { VERSION } from './format.ts';
import type { MessageName } from './schema.ts';

/** Messages of one version made messages of the next; names that are absent did not change. */
export type Upgrader = Readonly<Partial<Record<MessageName, (message: never) => object>>>;

/** By the version that they start from. Version 1 is the first and the current one. */
export const UPGRADERS: ReadonlyMap<number, Upgrader> = new Map();

export function upgrade<T>(
  name: MessageName,
  message: T,
  from: number,
  to = VERSION,
  upgraders: ReadonlyMap<number, Upgrader> = UPGRADERS,
): T {
  let current = message;
  for (let version = from; version < to; version++) {
    const step = upgraders.get(version)?.[name];
    if (step !== undefined) current = step(current as never) as T;
  }
  return current;
}
