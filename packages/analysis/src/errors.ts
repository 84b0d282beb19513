/** Texts of RP6xxx: answers about recordings. */
import { ReplugError } from '@replug/core';

export const nothingToExport = (name: string) =>
  new ReplugError({ code: 'RP6001', who: 'export', what: 'the recording has no events', value: name });
export const emptyExport = (value: string) =>
  new ReplugError({ code: 'RP6002', who: 'export', what: 'no event lies in the span', value });
export const pfnOutside = (value: string, memory: string) =>
  new ReplugError({
    code: 'RP6003',
    who: 'page',
    what: 'the machine has no such page, and no event names it',
    value,
    hint: `its pages are ${memory}`,
  });
export const noPageFacts = (name: string) =>
  new ReplugError({
    code: 'RP6004',
    who: 'page',
    what: 'the recording has neither events nor page flags: nothing tells of single pages',
    value: name,
  });
export const otherMachineOnlyPolicy = () =>
  new ReplugError({
    code: 'RP6005',
    who: 'replay',
    what: 'recorded frames name pages of the recorded machine, so another one can only serve by its own policy',
    hint: 'say --frames policy',
  });
export const unknownEvents = (value: string) =>
  new ReplugError({
    code: 'RP6006',
    who: 'replay',
    what: 'not an event that a replay knows',
    value,
    hint: 'names are those of the tracepoints, e.g. mm_page_alloc,mm_page_free',
  });
export const noOwners = (name: string) =>
  new ReplugError({
    code: 'RP6007',
    who: 'owners',
    what: 'the recording has neither page_owner nor events: nothing tells whose a page is',
    value: name,
    hint: 'page_owner is in debugfs of kernels built with CONFIG_PAGE_OWNER and booted with page_owner=on',
  });
