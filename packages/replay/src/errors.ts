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
export const tooManySamples = (every: number, least: number) =>
  new ReplugError({
    code: 'RP5006',
    who,
    what: 'the span would give too many samples',
    value: `every ${every} ns`,
    hint: `sample at most every ${Math.ceil(least / 1e6)} ms`,
  });
export const noCountsBaseline = (step: string) =>
  new ReplugError({
    code: 'RP5007',
    who,
    what: 'no free blocks are counted where the replay starts',
    value: step,
    hint: 'start at a step with buddyinfo or pagetypeinfo',
  });
export const otherMachineTooSmall = (value: string) =>
  new ReplugError({
    code: 'RP5008',
    who,
    what: 'the machine cannot hold what was in use when the replay starts',
    value,
    hint: 'give it more memory',
  });
export const badScenarioLine = (place: string, what: string, value: string, cause?: Error) =>
  new ReplugError(
    { code: 'RP5009', who: place, what, value, hint: 'a line is [@TIME] COMMAND, or # a comment' },
    { cause },
  );
export const notAtThatTime = (line: number, command: string) =>
  new ReplugError({
    code: 'RP5010',
    who: `scenario line ${line}`,
    what: 'only a recording has steps, a start and an end; here a time is a number of seconds (@10s)',
    value: command,
  });
