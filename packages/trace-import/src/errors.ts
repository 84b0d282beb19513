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

export function fileTooLarge(path: string, limit: number): ReplugError {
  return new ReplugError({
    code: 'RP4007',
    who: 'import',
    what: `the content is larger than ${limit} bytes`,
    value: path,
    hint: 'raise maxBytes if the file is what it should be',
  });
}

export function expandsTooMuch(path: string, kind: string, ratio: number): ReplugError {
  return new ReplugError({
    code: 'RP4008',
    who: 'decompress',
    what: `the ${kind} data grows to more than ${ratio} times its size, as no trace does`,
    value: path,
    hint: 'unpack the file yourself if it is what it should be',
  });
}

export function windowTooLarge(path: string, kind: string, window: number, limit: number): ReplugError {
  return new ReplugError({
    code: 'RP4009',
    who: 'decompress',
    what: `the ${kind} data needs a window of ${window} bytes, more than ${limit}`,
    value: path,
    hint: 'unpack the file yourself, or compress it with a smaller window',
  });
}

export function compressionUnsupported(path: string, kind: string, what: string): ReplugError {
  return new ReplugError({
    code: 'RP4010',
    who: 'decompress',
    what: `the ${kind} data uses ${what}, which is not read`,
    value: path,
    hint: 'unpack the file yourself',
  });
}

export function textWorkerFailed(path: string, cause: unknown): ReplugError {
  return new ReplugError(
    {
      code: 'RP4011',
      who: 'import',
      what: 'a thread that reads text has failed',
      value: path,
      hint: 'read with one job',
    },
    { cause },
  );
}

export function notAFile(path: string): ReplugError {
  return new ReplugError({
    code: 'RP4012',
    who: 'openPaths',
    what: 'a folder among several paths',
    value: path,
    hint: 'give one folder, or several single files of one machine',
  });
}

export function damagedTraceDat(what: string, value: string | number): ReplugError {
  return new ReplugError({
    code: 'RP4013',
    who: 'trace.dat',
    what,
    value,
    hint: 'copy the file again; what trace-cmd report cannot read, this cannot either',
  });
}

export function traceDatUnsupported(what: string, value: string | number): ReplugError {
  return new ReplugError({
    code: 'RP4014',
    who: 'trace.dat',
    what,
    value,
    hint: 'versions 6 and 7 are read, with compression none, zlib or zstd: trace-cmd convert makes one of the other',
  });
}

export function badPageHeader(text: string): ReplugError {
  return new ReplugError({
    code: 'RP4015',
    who: 'ring buffer',
    what: 'header_page does not say what a page begins with',
    value: text.slice(0, 80),
    hint: 'copy /sys/kernel/tracing/events/header_page of the kernel that was traced',
  });
}

export function ringBufferTooLarge(what: string, value: number, limit: number): ReplugError {
  return new ReplugError({
    code: 'RP4016',
    who: 'ring buffer',
    what: `${what}, more than ${limit}`,
    value,
    hint: 'no kernel writes such a file: copy it again',
  });
}

export function noSuchBuffer(name: string, known: readonly string[]): ReplugError {
  return new ReplugError({
    code: 'RP4017',
    who: 'trace.dat',
    what: 'the file has no buffer of that name',
    value: name,
    hint: `it has ${known.map((one) => `"${one}"`).join(', ')}`,
  });
}

export function noFormats(value: string): ReplugError {
  return new ReplugError({
    code: 'RP4018',
    who: 'ring buffer',
    what: 'there are no format files, without which records cannot be read',
    value,
    hint: 'keep events/*/*/format and events/header_page of the same boot beside the pages',
  });
}
