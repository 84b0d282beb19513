/** Texts of RP5xxx: replaying. */
import { ReplugError } from '@replug/core';

const who = 'replay';

export const noZoneinfo = (name: string) =>
  new ReplugError({
    code: 'RP5001',
    who,
    what: 'no step has a zoneinfo: the machine cannot be rebuilt',
    value: name,
    hint: 'capture /proc/zoneinfo beside the trace',
  });
export const noTrace = (name: string) =>
  new ReplugError({ code: 'RP5002', who, what: 'the recording has no trace that can be replayed', value: name });
export const noBaseline = (name: string) =>
  new ReplugError({
    code: 'RP5003',
    who,
    what: 'nothing tells which pages were free when the replay starts',
    value: name,
    hint: 'start at a step with kpageflags, or at the start of a trace from boot',
  });
export const emptySpan = (value: string) =>
  new ReplugError({ code: 'RP5004', who, what: 'the replay would end before it starts', value });
export const unsupportedArch = (value: string) =>
  new ReplugError({ code: 'RP5005', who, what: 'no architecture profile fits the recording', value });
