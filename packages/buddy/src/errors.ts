/** Texts of RP2xxx: misuse of the page allocator. */
import { ReplugError } from '@replug/core';

const who = 'buddy';
const block = (pfn: number, order: number) => `pfn 0x${pfn.toString(16)}, order ${order}`;

export const badOrder = (order: number, max: number) =>
  new ReplugError({ code: 'RP2001', who, what: `order must be 0 to ${max} and the block aligned to it`, value: order });
export const badCpu = (cpu: number, cpus: number) =>
  new ReplugError({ code: 'RP2002', who, what: `no such CPU; the machine has ${cpus}`, value: cpu });
export const illegalGfp = (gfp: number) =>
  new ReplugError({ code: 'RP2003', who, what: 'gfp flags name two zones', value: `0x${gfp.toString(16)}` });
export const freeOfFreePage = (pfn: number, order: number) =>
  new ReplugError({ code: 'RP2004', who, what: 'free of a page that is free', value: block(pfn, order) });
export const freeOfUnknownPage = (pfn: number, order: number) =>
  new ReplugError({
    code: 'RP2005',
    who,
    what: 'free of a page that was never allocated',
    value: block(pfn, order),
    hint: 'release() hands memory over for the first time',
  });
export const notAllocated = (pfn: number, order: number) =>
  new ReplugError({ code: 'RP2006', who, what: 'not an allocated block of this order', value: block(pfn, order) });
export const pcpNotDisabled = (zone: number) =>
  new ReplugError({ code: 'RP2007', who, what: 'per-CPU lists of this zone are not disabled', value: zone });
export const badRange = (start: number, end: number) =>
  new ReplugError({
    code: 'RP2008',
    who,
    what: 'not a range of pages of one zone',
    value: `pfn 0x${start.toString(16)} to 0x${end.toString(16)}`,
  });
