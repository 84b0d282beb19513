/** The options of the 2019 letter's future work by the names that a command line gives them, one after the other or together. */
import type { FutureWork } from '@replug/virtio-mem';
import { unknownUnplugOption } from './errors.ts';

/** What each name switches on while memory is taken away. */
export const UNPLUG_OPTIONS: Readonly<Record<string, FutureWork>> = {
  sense: { sense: true },
  'bigger-chunks': { biggerChunks: true },
  'free-areas-first': { freeAreasFirst: true },
  'drop-slab': { dropSlab: 'once' },
  'drop-slab-range': { dropSlab: 'range' },
  'remember-blockers': { retry: { firstMs: 50_000, maxMs: 300_000, rememberBlockers: true } },
};

/** Options of names; commas separate. Throws RP6041. */
export function futureOf(names: readonly string[]): FutureWork {
  let future: FutureWork = {};
  for (const name of names.flatMap((text) => text.split(','))) {
    const option = UNPLUG_OPTIONS[name.trim()];
    if (option === undefined || !Object.hasOwn(UNPLUG_OPTIONS, name.trim()))
      throw unknownUnplugOption(name, Object.keys(UNPLUG_OPTIONS));
    future = { ...future, ...option };
  }
  return future;
}
