/** What could not be used of a file, counted by kind, and told once each as named warnings. */
import type { Warning } from '../recording.ts';
import { SECTION_NAMES } from './format.ts';
import type { Reason } from './section-reader.ts';
import type { EntryMessage } from './schema.ts';

const TEXTS: Readonly<Record<Reason, { readonly name: string; readonly what: string }>> = {
  checksum: { name: 'rpw-checksum', what: 'have a wrong checksum' },
  malformed: { name: 'rpw-malformed', what: 'contradict themselves' },
  'over-limit': { name: 'rpw-over-limit', what: 'would take more memory than a file of this size may ask for' },
};

interface Found {
  count: number;
  readonly first: string;
}

export class Damage {
  private readonly found = new Map<Reason, Found>();
  private unknown: Found | undefined;
  /** Events that were in the file and are lost, by reason. */
  readonly rows: Record<string, number> = {};

  /** A section, or a chunk in it, was not used. */
  section(reason: Reason, entry: EntryMessage): void {
    const seen = this.found.get(reason);
    if (seen === undefined) this.found.set(reason, { count: 1, first: placeOf(entry) });
    else seen.count++;
  }

  /** A section of a type that this version does not know. */
  unknownSection(entry: EntryMessage): void {
    this.unknown ??= { count: 0, first: placeOf(entry) };
    this.unknown.count++;
  }

  lostRows(reason: string, count: number): void {
    if (count > 0) this.rows[reason] = (this.rows[reason] ?? 0) + count;
  }

  get totalRows(): number {
    return Object.values(this.rows).reduce((sum, n) => sum + n, 0);
  }

  warnings(): Warning[] {
    const warnings: Warning[] = [];
    for (const [reason, { count, first }] of this.found) {
      const { name, what } = TEXTS[reason];
      warnings.push({ name, text: `${count} sections ${what} and were not used, the first: ${first}` });
    }
    if (this.unknown !== undefined) {
      const { count, first } = this.unknown;
      warnings.push({
        name: 'rpw-section-unknown',
        text: `${count} sections are new to this version, the first: ${first}`,
      });
    }
    if (this.totalRows > 0) {
      const reasons = Object.entries(this.rows).map(([reason, count]) => `${reason} ${count}`);
      warnings.push({
        name: 'rpw-events-lost',
        text: `${this.totalRows} events of the file are lost: ${reasons.join(', ')}`,
      });
    }
    return warnings;
  }
}

function placeOf({ type, offset }: EntryMessage): string {
  return `${SECTION_NAMES.get(type) ?? `type ${type}`} at byte ${offset}`;
}
