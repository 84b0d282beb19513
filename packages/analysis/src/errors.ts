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
export const scenarioOnlyPolicy = () =>
  new ReplugError({
    code: 'RP6014',
    who: 'replay',
    what: 'where blocks lie as recorded, nobody can intervene',
    hint: 'a scenario needs --frames policy',
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
export const noPagesTold = (name: string) =>
  new ReplugError({
    code: 'RP6008',
    who: 'blockers',
    what: 'nothing tells of single pages: no kpageflags, no page_owner, and no trace to replay',
    value: name,
    hint: 'name a step that has kpageflags, or copy /proc/kpageflags and /proc/kpagecount (CONFIG_PROC_PAGE_MONITOR)',
  });
export const pagesUnreadable = (value: string, why: string, cause: unknown) =>
  new ReplugError(
    {
      code: 'RP6009',
      who: 'blockers',
      what: `cannot be read: ${why}`,
      value,
      hint: 'page frames are shown to root only: sudo npx replug blockers /',
    },
    { cause },
  );
export const notPageWords = (value: string, why: string) =>
  new ReplugError({
    code: 'RP6013',
    who: 'blockers',
    what: `not a copy of /proc/kpageflags: ${why}`,
    value,
    hint: 'copy it whole: eight bytes a page, from page frame 0 on',
  });
export const badDevice = (value: string, why: string) =>
  new ReplugError({ code: 'RP6020', who: 'memmap', what: `not a device of this machine: ${why}`, value });
export const badMemmapCost = (what: string, value: number) =>
  new ReplugError({ code: 'RP6021', who: 'memmap', what: `not a number of ${what}`, value });
export const tooManyDevices = (value: number, most: number) =>
  new ReplugError({ code: 'RP6022', who: 'memmap', what: `give 1 to ${most} devices`, value });
export const badPingpong = (value: number, most: number) =>
  new ReplugError({ code: 'RP6030', who: 'dnuma', what: `pingpong takes 1 to ${most} rounds`, value });
export const badUnplugDevice = (value: string, why: string) =>
  new ReplugError({
    code: 'RP6040',
    who: 'unplug',
    what: `not a device: ${why}`,
    value,
    hint: 'as in vm0,addr=0x140000000,size=1G,node=1,block=2M or dimm1,kind=dimm,addr=0x100000000,size=1G',
  });
export const unknownUnplugOption = (value: string, known: readonly string[]) =>
  new ReplugError({
    code: 'RP6041',
    who: 'unplug',
    what: "not an option of the letter's future work",
    value,
    hint: `use ${known.join(', ')}`,
  });
export const deviceWithoutMemory = (value: string, memory: string) =>
  new ReplugError({
    code: 'RP6042',
    who: 'unplug',
    what: 'the machine has no memory block there',
    value,
    hint: `its memory is ${memory}`,
  });
export const pluggedIsRecorded = (value: string) =>
  new ReplugError({
    code: 'RP6043',
    who: 'unplug',
    what: 'what is plugged is told by the pages of a recorded machine',
    value,
    hint: 'leave plugged= out',
  });
export const requestTooLarge = (value: number, id: string, before: number) =>
  new ReplugError({
    code: 'RP6044',
    who: 'unplug',
    what: `device ${id} has ${before} bytes, and unplugging cannot make it larger`,
    value: String(value),
    hint: 'ask for less; growing is what `run` and `serve-qmp` are for',
  });
export const oddRequest = (value: number, id: string, unit: number) =>
  new ReplugError({
    code: 'RP6045',
    who: 'unplug',
    what: `device ${id} has blocks of ${unit} bytes, which the size is no multiple of`,
    value: String(value),
  });
