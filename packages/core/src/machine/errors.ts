/** Texts of RP10xx: machines, pages, specs. */
import { ReplugError } from '../base/errors.ts';

const who = 'machine';

export const outOfRows = (rows: number) =>
  new ReplugError({
    code: 'RP1001',
    who,
    what: 'more pages than the page map has rows for',
    value: rows,
    hint: 'at most 2^31 present pages; raise sparePages for memory that comes later',
  });
export const duplicateSection = (nr: number) =>
  new ReplugError({ code: 'RP1002', who, what: 'section is already there', value: nr });
export const noSuchSection = (nr: number) =>
  new ReplugError({ code: 'RP1003', who, what: 'no such section', value: nr });
export const noSuchColumn = (name: string) =>
  new ReplugError({ code: 'RP1004', who, what: 'no such page column', value: name });
export const overlappingMemory = (value: string) =>
  new ReplugError({ code: 'RP1005', who, what: 'memory ranges overlap or are not ascending', value });
export const unknownNode = (nid: number) =>
  new ReplugError({
    code: 'RP1006',
    who,
    what: 'memory or zone of a node that is not described',
    value: nid,
    hint: 'add it to nodes',
  });
export const memoryOutsideZones = (value: string) =>
  new ReplugError({ code: 'RP1007', who, what: 'memory that no zone covers', value });

const spec = 'machine spec';

export const unknownArch = (value: string, known: readonly string[]) =>
  new ReplugError({
    code: 'RP1020',
    who: spec,
    what: 'unknown architecture',
    value,
    hint: `one of ${known.join(', ')}`,
  });
export const badSpecSize = (value: string) =>
  new ReplugError({ code: 'RP1021', who: spec, what: 'not a size', value, hint: 'e.g. 8G, 512M' });
export const badSpecKey = (value: string, known: readonly string[]) =>
  new ReplugError({
    code: 'RP1022',
    who: spec,
    what: 'unknown key in the shorthand',
    value,
    hint: `one of ${known.join(', ')}`,
  });
export const badSpecNumber = (value: string) =>
  new ReplugError({ code: 'RP1023', who: spec, what: 'not a whole number in range', value });
export const badSpecFile = (value: string, problems: string) =>
  new ReplugError({ code: 'RP1024', who: spec, what: `the file does not fit the schema: ${problems}`, value });
export const badKernelProfile = (value: string) =>
  new ReplugError({ code: 'RP1025', who: spec, what: 'not a kernel version', value, hint: 'e.g. 6.1, 6.12' });
export const specTooBig = (value: string) =>
  new ReplugError({ code: 'RP1026', who: spec, what: 'more memory than the architecture can address', value });
export const badSpecFlag = (value: string) =>
  new ReplugError({ code: 'RP1027', who: spec, what: 'neither true nor false', value });
export const movableTwice = () =>
  new ReplugError({
    code: 'RP1028',
    who: spec,
    what: 'movable together with kernelcore, movablecore or movable_node',
    hint: 'leave one of them out',
  });
