/** Every error text of this package: RP4xxx. Bad data inside readable files is counted instead, see Account. */
import { ReplugError } from '@replug/core';

export function pathNotFound(path: string, cause: unknown): ReplugError {
  return new ReplugError(
    {
      code: 'RP4001',
      who: 'openRecording',
      what: 'no such file or directory',
      value: path,
      hint: 'give a capture directory, a folder with proc/ or sys/, or a single dump',
    },
    { cause },
  );
}

export function pathUnreadable(path: string, cause: unknown): ReplugError {
  return new ReplugError(
    { code: 'RP4002', who: 'import', what: 'cannot be read', value: path, hint: 'check its permissions' },
    { cause },
  );
}

export function unknownFormat(path: string, known: readonly string[]): ReplugError {
  return new ReplugError({
    code: 'RP4003',
    who: 'openRecording',
    what: 'the content is of no known format',
    value: path,
    hint: `known are ${known.join(', ')}`,
  });
}

export function nothingKnownInside(path: string): ReplugError {
  return new ReplugError({
    code: 'RP4004',
    who: 'openRecording',
    what: 'the directory holds nothing that can be read',
    value: path,
    hint: 'expected steps/, meta.txt, proc/, sys/ or dumps such as zoneinfo and buddyinfo',
  });
}

export function damagedArchive(path: string, kind: string, cause: unknown): ReplugError {
  return new ReplugError(
    {
      code: 'RP4005',
      who: 'decompress',
      what: `the ${kind} data is damaged`,
      value: path,
      hint: 'copy the file again',
    },
    { cause },
  );
}

export function duplicatePriority(first: string, second: string, priority: number): ReplugError {
  return new ReplugError({
    code: 'RP4006',
    who: 'ImporterRegistry',
    what: `${first} and ${second} have the same priority`,
    value: priority,
    hint: 'detection needs a total order: choose a number that is free',
  });
}
