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
  new ReplugError({
    code: 'RP7002',
    who,
    what: 'unknown way to treat recorded frames',
    value,
    hint: 'use recorded, predict or policy',
  });
export const badTolerance = (value: string) =>
  new ReplugError({ code: 'RP7003', who, what: 'not a share between 0 and 100', value });
export const unknownFormat = (value: string) =>
  new ReplugError({ code: 'RP7004', who, what: 'unknown format to export as', value, hint: 'use ftrace' });
export const badPfn = (value: string) =>
  new ReplugError({
    code: 'RP7005',
    who,
    what: 'not a page frame number',
    value,
    hint: 'write it as 0x1f2a or 7978; frames are below 2^40',
  });
export const jsonNeedsFile = () =>
  new ReplugError({
    code: 'RP7006',
    who,
    what: '--json tells about an export, so the export itself needs a file',
    hint: 'add --output FILE',
  });
export const notWritable = (value: string, cause: Error) =>
  new ReplugError({ code: 'RP7010', who, what: `cannot be written: ${cause.message}`, value }, { cause });
export const notJson = (value: string, cause: Error) =>
  new ReplugError(
    {
      code: 'RP7011',
      who,
      what: `${cause instanceof SyntaxError ? 'not a JSON report' : 'cannot be read'}: ${cause.message}`,
      value,
    },
    { cause },
  );
export const badJobs = (value: string, most: number) =>
  new ReplugError({ code: 'RP7007', who, what: `not a number of threads from 1 to ${most}`, value });
export const outputExists = (value: string) =>
  new ReplugError({ code: 'RP7008', who, what: 'the file exists already', value, hint: 'add --force to replace it' });
export const unknownBaseline = (value: string) =>
  new ReplugError({ code: 'RP7012', who, what: 'unknown start state', value, hint: 'use best or counts' });
export const badModule = (value: string, why: string, cause?: Error) =>
  new ReplugError(
    {
      code: 'RP7013',
      who,
      what: `no subsystem can be had from the module: ${why}`,
      value,
      hint: 'export a subsystem, an array of them, or a function that returns one, as default',
    },
    { cause },
  );
export const notAMachine = (value: string) =>
  new ReplugError({
    code: 'RP7014',
    who,
    what: 'not a machine',
    value,
    hint: 'use a shorthand such as x86-64,8G,nodes=2,cpus=8 or a machine file (.yaml, .json)',
  });
export const unknownReplay = (value: string) =>
  new ReplugError({
    code: 'RP7015',
    who,
    what: 'unknown replay to export',
    value,
    hint: 'use recorded or policy',
  });
export const unknownOwnerKey = (value: string) =>
  new ReplugError({
    code: 'RP7016',
    who,
    what: 'unknown way to group owners',
    value,
    hint: 'use stack, comm, gfp or block',
  });
export const badTop = (value: string) =>
  new ReplugError({ code: 'RP7017', who, what: 'not a number of groups', value, hint: 'give a number from 1 on' });
export const badTrace = (value: string) =>
  new ReplugError({ code: 'RP7018', who, what: 'unknown kind of trace', value, hint: 'use text, dat or raw' });
export const noScenario = (path: string, cause: Error) =>
  new ReplugError(
    { code: 'RP7020', who, what: 'the scenario cannot be read', value: path, hint: 'a file, or - for standard input' },
    { cause },
  );
export const folderNotEmpty = (path: string) =>
  new ReplugError({
    code: 'RP7021',
    who,
    what: 'the folder is not empty',
    value: path,
    hint: 'name one that is not there yet',
  });
export const notWritten = (path: string, cause: Error) =>
  new ReplugError(
    { code: 'RP7022', who, what: `the folder cannot be written, ${cause.message}`, value: path },
    { cause },
  );
export const treeNeedsNoFormat = (option: string) =>
  new ReplugError({
    code: 'RP7023',
    who,
    what: 'an option that goes with events, not with a tree of files',
    value: option,
  });
export const badSize = (value: string) =>
  new ReplugError({ code: 'RP7024', who, what: 'not a size', value, hint: 'as in 512M, 16G, 1T' });
export const badDeviceSpec = (value: string, why: string) =>
  new ReplugError({
    code: 'RP7025',
    who,
    what: `not a device: ${why}`,
    value,
    hint: 'as in 3T (one on each node) or 512G,node=1,count=6',
  });
export const badWhole = (name: string, value: string) =>
  new ReplugError({ code: 'RP7045', who, what: `${name} is not a whole number below 1,000,000,000`, value });
export const badNumber = (option: string, value: string) =>
  new ReplugError({ code: 'RP7026', who, what: `${option} is not a number above 0`, value });

export const badVirtioMemDevice = (value: string, part: string) =>
  new ReplugError({
    code: 'RP7030',
    who,
    what: `not a virtio-mem device: ${part}`,
    value,
    hint: 'as in id=vm0,size=8G,node=0,requested-size=128M',
  });
export const noSocket = (path: string, cause: Error) =>
  new ReplugError({ code: 'RP7031', who, what: `cannot listen, ${cause.message}`, value: path }, { cause });
export const unknownOnlineType = (value: string, known: readonly string[]) =>
  new ReplugError({ code: 'RP7032', who, what: 'unknown online type', value, hint: `use ${known.join(', ')}` });

export const badDoubtful = (value: string) =>
  new ReplugError({
    code: 'RP7040',
    who,
    what: 'unknown class for doubtful pages',
    value,
    hint: 'use kernel or movable',
  });
export const policiesNeedRecording = (value: string) =>
  new ReplugError({
    code: 'RP7041',
    who,
    what: 'policies are compared under the load of a recording, and this is a machine without one',
    value,
  });
export const unplugNeedsPath = () =>
  new ReplugError({ code: 'RP7042', who, what: 'unplug needs a recording or a machine', hint: 'as in x86-64,4G' });

/** Errors that are the user's command line rather than a file. */
export const isUsage = (error: ReplugError): boolean =>
  /^RP(102\d|30\d\d|5004|5006|5008|5009|5010|6002|6003|6005|6006|6010|6011|700\d|701[2-8]|702[0-6]|703[02]|602[0-2]|604[0-5]|704[0-25]|230[1-5]|2309|231[0-5]|6030)$/.test(
    error.code,
  );
