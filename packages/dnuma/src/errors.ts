/** Texts of RP23xx: layouts that cannot be, machines that cannot take them, firmware events that cannot be read. */
import { ReplugError } from '@replug/core';

const who = 'dnuma';
const hex = (pfn: number): string => `0x${pfn.toString(16)}`;
/** A range of a layout as it is told: pfns in hex, the end not in it. */
export const rangeText = (start: number, end: number, nid: number): string =>
  `[${hex(start)}, ${hex(end)}) node ${nid}`;

export const badRange = (start: number, end: number, nid: number, why: string) =>
  new ReplugError({ code: 'RP2301', who, what: `not a range of a layout: ${why}`, value: rangeText(start, end, nid) });
export const overlapping = (first: string, second: string) =>
  new ReplugError({
    code: 'RP2302',
    who,
    what: 'two ranges of a layout overlap',
    value: `${first} and ${second}`,
    hint: 'a page has one node',
  });
export const unknownNid = (nid: number, known: readonly number[]) =>
  new ReplugError({
    code: 'RP2303',
    who,
    what: 'the machine has no such node, and none of that number may come',
    value: nid,
    hint: `possible nodes: ${known.join(',')}; possible=N in a machine spec adds some`,
  });
export const nidDoesNotFit = (nid: number, why: string) =>
  new ReplugError({ code: 'RP2304', who, what: `the node id does not fit into page flags: ${why}`, value: nid });
export const emptyLayout = () =>
  new ReplugError({ code: 'RP2305', who, what: 'a layout without ranges', hint: 'give at least one' });
export const commitVetoed = (nid: number, errno: number, by: string) =>
  new ReplugError({
    code: 'RP2306',
    who,
    what: `node ${nid} may not change: ${by} answered ${errno}`,
    hint: 'nothing was changed',
  });
export const commitInside = () =>
  new ReplugError({ code: 'RP2307', who, what: 'a layout is being committed', hint: 'commit from outside a notifier' });
export const noSuchLayout = (seq: number, kept: readonly number[]) =>
  new ReplugError({
    code: 'RP2308',
    who,
    what: 'no such layout is kept',
    value: seq,
    hint: `kept: ${kept.join(', ')}`,
  });
export const tooManyRanges = (count: number, most: number) =>
  new ReplugError({ code: 'RP2309', who, what: `more than ${most} ranges`, value: count });
export const badEvent = (line: number, why: string, value: string) =>
  new ReplugError({
    code: 'RP2310',
    who,
    what: `firmware event, record ${line}: ${why}`,
    value,
    hint: 'lmb-size SIZE, lmb ADDRESS[+COUNT] node N, cpu N node N, distance A B VALUE',
  });
export const badCpu = (cpu: number, cpus: number) =>
  new ReplugError({ code: 'RP2311', who, what: `not a CPU of a machine with ${cpus}`, value: cpu });
export const badDistance = (value: number) =>
  new ReplugError({ code: 'RP2312', who, what: 'not a distance: 10 to itself, 11 to 255 to others', value });
export const badOption = (name: string, value: unknown, hint: string) =>
  new ReplugError({ code: 'RP2313', who, what: `option ${name} cannot be this`, value, hint });
export const badCommand = (text: string, usage: string) =>
  new ReplugError({ code: 'RP2314', who, what: 'not the arguments of this command', value: text, hint: usage });
export const nothingCommitted = () =>
  new ReplugError({ code: 'RP2315', who, what: 'no earlier layout to go back to', hint: 'none was committed' });
