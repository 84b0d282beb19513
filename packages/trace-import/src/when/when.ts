/**
 * `when` of a capture step: CLOCK_MONOTONIC before the first and after the last read, how tracing relates to the reads,
 * in which order the files were read that were read together,
 * and in captures with exact steps a begin and end for every single read and for the write to tracing_on.
 */
import type { StepTime } from '@replug/workload';
import type { Account } from '../account.ts';

export function readWhen(text: string, account: Account): StepTime | undefined {
  const values = new Map<string, string>();
  const reads: Record<string, { begin: number; end: number }> = {};
  for (const row of account.each(text)) {
    const match = /^([\w.]+)=(.*)$/.exec(row);
    if (match === null) {
      account.skip('not-a-when-line', row);
      continue;
    }
    const [, key, value] = match;
    const span = /^([\d.]+) ([\d.]+)$/.exec(value);
    if (key.startsWith('read_') && span !== null) {
      reads[key.slice('read_'.length)] = { begin: Number(span[1]), end: Number(span[2]) };
    } else {
      values.set(key, value);
    }
    account.event();
  }

  const begin = seconds(values.get('monotonic_begin'));
  const end = seconds(values.get('monotonic_end'));
  if (begin === undefined || end === undefined) return undefined;
  const tracing = tracingRelation(values.get('tracing') ?? '');
  const writeBegin = seconds(values.get('tracing_on_write_begin'));
  const writeEnd = seconds(values.get('tracing_on_write_end'));
  const write = writeBegin === undefined || writeEnd === undefined ? undefined : { begin: writeBegin, end: writeEnd };
  return {
    begin,
    end,
    tracing,
    reads,
    // Other things that were done in between stand in brackets.
    order: values
      .get('order')
      ?.split(/\s+/)
      .filter((name) => name !== '' && !name.startsWith('[')),
    tracingOn: tracing === 'started-after-reading' ? write : undefined,
    tracingOff: tracing === 'stopped-before-reading' ? write : undefined,
  };
}

/** `started-after-reading[-kpageflags]`, `stopped-before-reading[-kpageflags]`, `unchanged`, `running-throughout (…)`. */
function tracingRelation(text: string): StepTime['tracing'] {
  if (text.startsWith('started-after-reading')) return 'started-after-reading';
  if (text.startsWith('stopped-before-reading')) return 'stopped-before-reading';
  return 'unchanged';
}

function seconds(text: string | undefined): number | undefined {
  const value = text === undefined ? Number.NaN : Number(text);
  return Number.isNaN(value) ? undefined : value;
}
