/**
 * Coded errors: who raised it, what is wrong, the offending value, and what to do about it.
 *
 * Each package keeps all of its texts in one `errors.ts`, one function an error, and owns a range of codes:
 * core RP1xxx · buddy RP2xxx · workload RP3xxx · trace-import RP4xxx · replay RP5xxx · report, analysis RP6xxx · cli RP7xxx.
 * Misuse and unreadable input throw; bad *data* inside readable input is counted by name instead (see trace-import).
 */

export interface ErrorDetail {
  /** Stable code, `RP` and four digits. Programs match on this, never on the text. */
  readonly code: `RP${number}`;
  /** The subsystem, file or command that noticed. */
  readonly who: string;
  /** What is wrong, in one sentence without the value. */
  readonly what: string;
  /** The offending value, as the user wrote it. */
  readonly value?: unknown;
  /** What to do about it. */
  readonly hint?: string;
}

/** Every error this project throws on purpose. Anything else that escapes is a bug. */
export class ReplugError extends Error {
  override readonly name = 'ReplugError';
  readonly code: ErrorDetail['code'];
  readonly who: string;
  readonly what: string;
  readonly value: unknown;
  readonly hint: string | undefined;

  constructor(detail: ErrorDetail, options?: { cause?: unknown }) {
    super(formatDetail(detail), options);
    this.code = detail.code;
    this.who = detail.who;
    this.what = detail.what;
    this.value = detail.value;
    this.hint = detail.hint;
  }

  toJSON(): ErrorDetail {
    return { code: this.code, who: this.who, what: this.what, value: this.value, hint: this.hint };
  }
}

function formatDetail({ code, who, what, value, hint }: ErrorDetail): string {
  const shown = value === undefined ? '' : `: ${formatValue(value)}`;
  return `${code} ${who}: ${what}${shown}${hint === undefined ? '' : ` (${hint})`}`;
}

function formatValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'object' && value !== null) return JSON.stringify(value);
  return String(value);
}
