/** Texts of RP6xxx from RP6010 on: comparing reports. (Those below are in analysis.) */
import { ReplugError } from '@replug/core';

const who = 'compare';

export const badPattern = (value: string) =>
  new ReplugError({
    code: 'RP6010',
    who,
    what: 'not a pattern over paths',
    value,
    hint: 'write counts.*, **.agreeing, or [a name with dots] as a segment',
  });
export const badTolerance = (value: string) =>
  new ReplugError({
    code: 'RP6011',
    who,
    what: 'not a tolerance',
    value,
    hint: 'write PATTERN=NUMBER or PATTERN=NUMBER%, e.g. counts.*=5 or **.agreeing=0.1%',
  });
export const tooDeep = (value: string) =>
  new ReplugError({ code: 'RP6012', who, what: 'nested too deeply for a report', value });
