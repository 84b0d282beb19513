/** Every error text of this package: RP3xxx. */
import { ReplugError } from '@replug/core';

export function badTime(value: string): ReplugError {
  return new ReplugError({
    code: 'RP3001',
    who: 'time',
    what: 'not a point in time',
    value,
    hint: 'write start, end, a step (2, fragmented, 02-fragmented) or seconds on the trace clock (12.5s)',
  });
}

export function unknownStep(value: string | number, known: readonly string[]): ReplugError {
  return new ReplugError({
    code: 'RP3002',
    who: 'time',
    what: 'the recording has no such step',
    value,
    hint: known.length === 0 ? 'it has no steps at all' : `it has ${known.join(', ')}`,
  });
}

export function ambiguousStep(value: string, known: readonly string[]): ReplugError {
  return new ReplugError({
    code: 'RP3003',
    who: 'time',
    what: 'the name fits more than one step',
    value,
    hint: `write one of ${known.join(', ')}`,
  });
}

export function noTrace(value: string): ReplugError {
  return new ReplugError({
    code: 'RP3004',
    who: 'time',
    what: 'the recording has no trace, so there is no trace clock',
    value,
    hint: 'name a step instead',
  });
}

export function stepNotOnTraceClock(value: string, reason: string): ReplugError {
  return new ReplugError({
    code: 'RP3005',
    who: 'time',
    what: `the step cannot be placed on the trace clock: ${reason}`,
    value,
    hint: 'give seconds on the trace clock instead',
  });
}

export function builderFinished(): ReplugError {
  return new ReplugError({
    code: 'RP3006',
    who: 'EventColumnsBuilder',
    what: 'finish() was called already',
    hint: 'start a new builder',
  });
}
