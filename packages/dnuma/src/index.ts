export { dnuma } from './plugin.ts';
export { LAYOUTS } from './commands.ts';
export { MEMLAYOUT } from './debugfs.ts';
export {
  Dnuma,
  DnumaToken,
  LAYOUT,
  WORK_DELAY,
  type CommitOptions,
  type KeptLayout,
  type LayoutAction,
  type LayoutNotify,
  type Waiting,
} from './dnuma.ts';
export { parseFirmwareEvent, type FirmwareEvent } from './firmware.ts';
export { whyNot } from './fits.ts';
export { countedPresent } from './invariants.ts';
export { differences, eachDifference, layoutOf, MAX_RANGES, MemLayout, striped, type LayoutRange } from './layout.ts';
export { LayoutLookup } from './lookup.ts';
export { type DnumaOptions } from './options.ts';
export { type DnumaCounts } from './parts.ts';
export { type CpuMove, type DistanceChange } from './topology.ts';
export { type Uevent } from './uevents.ts';
