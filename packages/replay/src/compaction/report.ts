/** What a replay says of compaction: each scan that was predicted beside the real one. The names are those of the JSON report. */

/** Which scanner. */
export type CompactionScanKind = 'migrate' | 'free';

/** Why a scan came out otherwise. */
export const SCAN_CAUSE = {
  /** The kernel passed over a pageblock: it has another type than Movable, or a skip bit, which nothing told. */
  PASSED: 'pageblock-unknown',
  /** It scanned one that was to be passed over. */
  BLOCK: 'other-pageblock',
  /** The scan began elsewhere in the pageblock: an earlier one ended otherwise. */
  START: 'other-start',
  /** The pages taken are others: what is on the LRU is not known. */
  SOURCES: 'lru-unknown',
  /** The free blocks are others. */
  FREE: 'free-blocks',
  /** As many pages taken, but other pages stepped over: what is a compound page is not known. */
  COMPOUND: 'compound-unknown',
  /** No scan was expected any more. */
  NONE: 'not-expected',
} as const;
export type ScanCause = (typeof SCAN_CAUSE)[keyof typeof SCAN_CAUSE];

export interface ScanNumbers {
  readonly start: number;
  readonly end: number;
  readonly scanned: number;
  readonly taken: number;
}

export interface ScanPair {
  /** Event, as an index into the trace. */
  readonly event: number;
  readonly scan: CompactionScanKind;
  readonly mode: string;
  readonly real: ScanNumbers;
  readonly predicted?: ScanNumbers;
  readonly cause?: ScanCause;
}

export interface ScanTally {
  total: number;
  /** All four numbers. */
  exact: number;
  /** Where it began, and the two counts one by one. */
  start: number;
  scanned: number;
  taken: number;
}

export interface CompactionReport {
  readonly runs: number;
  /** Events of compaction that no kernel writes: outside of the zone, of more than a pageblock, upside down. */
  readonly impossible: number;
  /** By scanner and mode: `migrate.sync` … */
  readonly scans: Readonly<Record<string, ScanTally>>;
  readonly byCause: Readonly<Record<string, number>>;
  /** Pages told to be moved; `named`: their target is known; `unnamed`: nothing tells which free page they went to. */
  readonly moved: { readonly told: number; readonly named: number; readonly unnamed: number };
  /** Pages that were freed by migration without being a predicted source, and predicted ones that stayed, by class. */
  readonly sources: {
    readonly unpredicted: Readonly<Record<string, number>>;
    readonly stayed: Readonly<Record<string, number>>;
  };
  /** Free pages given back at the end of runs; `inOrder`: in the predicted order. */
  readonly released: { readonly blocks: number; readonly inOrder: number };
  /** Every scan, up to a limit. */
  readonly pairs: readonly ScanPair[];
}
