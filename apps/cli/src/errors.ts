/** Texts of RP7xxx: the command line. */
import { ReplugError } from '@replug/core';

const who = 'replug';

export const unknownKernel = (value: string) =>
  new ReplugError({
    code: 'RP7001',
    who,
    what: 'no behaviour profile for this kernel',
    value,
    hint: 'use 6.1 or 6.12',
  });
export const unknownFrames = (value: string) =>
  new ReplugError({ code: 'RP7002', who, what: 'unknown way to treat recorded frames', value, hint: 'use recorded' });
export const badTolerance = (value: string) =>
  new ReplugError({ code: 'RP7003', who, what: 'not a share between 0 and 100', value });

/** Errors that are the user's command line rather than a file. */
export const isUsage = (error: ReplugError): boolean => /^RP(102\d|30\d\d|700\d|5004)$/.test(error.code);
