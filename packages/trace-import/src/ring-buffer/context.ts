/** What a reader of a binary trace is told from outside it: other files know it, or it takes more than the language has. */
import type { Account } from '../account.ts';
import type { Facts } from '../facts.ts';
import type { Unpackers } from '../trace-dat/chunks.ts';
import type { Bytes } from './bytes.ts';

export interface TraceContext {
  /** As uname prints it; decides which flags the kernel knew. */
  readonly kernel?: string;
  /** Undefined when nothing tells. */
  readonly bigEndian?: boolean;
  /** Variables of the kernel that print fmts name, as `pageblock_order` of powerpc. */
  readonly variables?: ReadonlyMap<string, number>;
  /** Name of the buffer that is the trace; '', the top one, by default. */
  readonly buffer?: string;
  /** Compressions by name; without them only `none` is read. */
  readonly unpackers?: Unpackers;
}

/** Reads a file whose parts lie anywhere in it. */
export type BytesReader = (bytes: Bytes, account: Account, context: TraceContext) => Facts;
