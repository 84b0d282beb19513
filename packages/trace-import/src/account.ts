/**
 * What happened to each line of a file: understood, comment, or skipped for a reason. lines = events + comments + Σ skipped.
 *
 * Bad data inside a readable file never throws: it is counted by reason, and the first cases are kept with line and text.
 */
import type { FileAccount } from '@replug/workload';

/** Cases kept of each reason. */
export const SAMPLES_PER_REASON = 5;
/** Characters kept of each case. */
const SAMPLE_LENGTH = 200;

export class Account {
  lines = 0;
  events = 0;
  comments = 0;
  readonly skipped: Record<string, number> = {};
  readonly samples: { reason: string; line: number; text: string }[] = [];
  readonly unknownKeys = new Set<string>();
  /** Things worth a count of their own that change nothing in the sum of lines. */
  readonly details: Record<string, number> = {};
  readonly path: string;
  readonly format: string;

  constructor(path: string, format: string) {
    this.path = path;
    this.format = format;
  }

  /** Non-blank lines one by one; blank ones are counted as comments. The caller settles each line it is given. */
  *each(text: string): Generator<string> {
    const rows = text.split('\n');
    if (rows[rows.length - 1] === '') rows.pop();
    for (const row of rows) {
      this.lines++;
      if (row.trim() === '') this.comments++;
      else yield row.endsWith('\r') ? row.slice(0, -1) : row;
    }
  }

  /** The current line was understood. */
  event(): void {
    this.events++;
  }

  /** The current line says nothing by design: a heading, a legend. */
  comment(): void {
    this.comments++;
  }

  /** The current line could not be used. */
  skip(reason: string, text: string, line = this.lines): void {
    const count = (this.skipped[reason] ?? 0) + 1;
    this.skipped[reason] = count;
    if (count <= SAMPLES_PER_REASON) this.samples.push({ reason, line, text: text.slice(0, SAMPLE_LENGTH) });
  }

  /** Counts something about lines that are counted otherwise: stack lines, which are comments; events without a time. */
  detail(name: string, count = 1): void {
    this.details[name] = (this.details[name] ?? 0) + count;
  }

  /** A line that was understood but whose name is new. */
  unknown(key: string): void {
    this.unknownKeys.add(key);
  }

  /** The account as it stands. `bytes`: length of the content; a file that is not made of lines has only that. */
  finish(bytes?: number): FileAccount {
    const { path, format, events, skipped, samples } = this;
    const inLines = this.lines > 0 ? { lines: this.lines, comments: this.comments } : {};
    const details = Object.keys(this.details).length > 0 ? { details: this.details } : {};
    const unknownKeys = [...this.unknownKeys];
    return { path, format, ...inLines, bytes, events, skipped, samples, unknownKeys, ...details };
  }
}
