/** What a layout change does, and what it can be made to do wrong. */
import { badOption } from './errors.ts';

export interface DnumaOptions {
  /** Layouts that are kept beside the one in force, newest first dropped last. Default 4, at most 64. */
  readonly backlog?: number;
  /**
   * `original`: the letter's way, for comparison – blocks that straddle a border are cut into single pages; after each
   * transplanted block zonelists are rebuilt with all CPUs stopped, under the zone's lock; pages' flags are written by
   * somebody who does not hold the pages; per-node caches are allocated again whenever a node is told of.
   */
  readonly strategy?: 'batched' | 'original';
  /** Ask the layout for every page that is freed, marked or not. Default false. */
  readonly lookupAlways?: boolean;
  /** Caches of the slab model. Default: six that every kernel has. */
  readonly caches?: readonly string[];
}

export type DnumaSettings = Required<DnumaOptions>;

const CACHES = ['kmalloc-64', 'kmalloc-1k', 'dentry', 'inode_cache', 'task_struct', 'vm_area_struct'];

export function settingsOf(options: DnumaOptions): DnumaSettings {
  const { backlog = 4, strategy = 'batched', lookupAlways = false, caches = CACHES } = options;
  if (!Number.isInteger(backlog) || backlog < 0 || backlog > 64) throw badOption('backlog', backlog, '0 to 64');
  if (strategy !== 'batched' && strategy !== 'original') throw badOption('strategy', strategy, 'batched or original');
  return { backlog, strategy, lookupAlways, caches };
}
