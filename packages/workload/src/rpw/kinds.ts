/**
 * Event kinds in a file and in this version's catalogue. A file lists its own kinds by name, so that a catalogue that has
 * grown since, or one that is older, is told from one that means something else by the same number.
 */
import { TRACEPOINTS } from '@replug/core';
import { isPageEvent } from '../events.ts';
import type { KindMessage } from './schema.ts';

/** The catalogue as a file stores it. */
export function catalogueKinds(): readonly KindMessage[] {
  return TRACEPOINTS.map(({ name, fields }, kind) => ({
    name,
    fields: isPageEvent(kind) ? [] : fields.filter((f) => f.format !== 'page').map((f) => f.name),
  }));
}

export interface FileKinds {
  /** Values in `args` by kind of the file. */
  readonly argCounts: readonly number[];
  /** Kinds below this mean the same here; those from it on are new to this version. */
  readonly known: number;
  /** The first kind that means something else here; undefined when there is none. */
  readonly conflict: string | undefined;
}

/** Compares a file's kinds with the catalogue. */
export function compareKinds(kinds: readonly KindMessage[]): FileKinds {
  const own = catalogueKinds();
  const known = Math.min(own.length, kinds.length);
  let conflict: string | undefined;
  for (let kind = 0; kind < known; kind++) {
    const { name, fields } = own[kind];
    if (kinds[kind].name === name && kinds[kind].fields.join() === fields.join()) continue;
    conflict ??= kinds[kind].name;
  }
  return { argCounts: kinds.map((k) => k.fields.length), known, conflict };
}
