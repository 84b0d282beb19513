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

export function badDuration(value: string): ReplugError {
  return new ReplugError({
    code: 'RP3007',
    who: 'duration',
    what: 'not a length of time',
    value,
    hint: 'write a number with its unit: 250ms, 1s, 2m',
  });
}

export function notRpw(path: string): ReplugError {
  return new ReplugError({
    code: 'RP3101',
    who: 'rpw',
    what: 'not a .rpw file',
    value: path,
    hint: 'make one with replug import',
  });
}

export function rpwVersion(path: string, version: number, own: number): ReplugError {
  return new ReplugError({
    code: 'RP3102',
    who: 'rpw',
    what: `the file is of format version ${version}, this program reads up to ${own}`,
    value: path,
    hint: 'use a newer replug, or import the recording again',
  });
}

export function rpwHeaderDamaged(path: string, why: string): ReplugError {
  return new ReplugError({
    code: 'RP3103',
    who: 'rpw',
    what: `the beginning of the file is damaged: ${why}`,
    value: path,
    hint: 'copy the file again, or import the recording again',
  });
}

export function rpwMisuse(what: string): ReplugError {
  return new ReplugError({ code: 'RP3104', who: 'RpwEncoder', what });
}

export function rpwCannotHold(what: string, value: unknown): ReplugError {
  return new ReplugError({ code: 'RP3105', who: 'RpwEncoder', what, value, hint: 'the recording contradicts itself' });
}

export function rpwUnreadable(path: string, cause: unknown): ReplugError {
  return new ReplugError(
    { code: 'RP3106', who: 'rpw', what: 'cannot be read', value: path, hint: 'check that it exists and may be read' },
    { cause },
  );
}

export function rpwUnwritable(path: string, cause: unknown): ReplugError {
  return new ReplugError(
    { code: 'RP3107', who: 'rpw', what: 'cannot be written', value: path, hint: 'check the folder and its free space' },
    { cause },
  );
}

export function rpwPageFlagsDamaged(step: string, cause: unknown): ReplugError {
  return new ReplugError(
    {
      code: 'RP3108',
      who: 'rpw',
      what: 'the page flags of the step are damaged',
      value: step,
      hint: 'use another step',
    },
    { cause },
  );
}

export function rpwPageOwnerDamaged(step: string, cause: unknown): ReplugError {
  return new ReplugError(
    {
      code: 'RP3109',
      who: 'rpw',
      what: 'the page owners of the step are damaged',
      value: step,
      hint: 'use another step',
    },
    { cause },
  );
}
