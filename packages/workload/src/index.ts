export {
  Dictionary,
  emptyEvents,
  EventColumnsBuilder,
  eventWord,
  filterEvents,
  firstEventAtOrAfter,
  packUnit,
  sliceByTime,
  sliceEvents,
} from './builder.ts';
export {
  alignClocks,
  markedSteps,
  monotonicToTraceNs,
  snapshotMarkers,
  stepLabel,
  type ClockAlignment,
} from './clock.ts';
export { parseDuration } from './duration.ts';
export type { EventColumns, Task } from './events.ts';
export { argCount, eventArg, eventPfn, eventStack, isPageEvent, NO_PAGE_HIGH } from './events.ts';
export {
  BYTE_MOVABILITY,
  byteOfGfp,
  CLASS_MASK,
  DOUBT,
  DOUBT_NAMES,
  MappedPages,
  ownerBytes,
  pageByte,
  pageClassBytes,
  PageClassifier,
  type PageWordsView,
} from './page-classes.ts';
export { classOfFlags, compoundOrder, flagsOfClass, isBuddy, isNoPage, KPF } from './page-flags.ts';
export {
  ownedBlocks,
  PAGE_OWNER_MARK,
  PageOwnerBuilder,
  type OwnedBlock,
  type PageOwner,
  type PageOwnerTexts,
} from './page-owner.ts';
export type * from './recording.ts';
export { findStep, parseTime, resolveTime, type ResolvedTime, type Time } from './time.ts';
export { RpwEncoder, type EncoderOptions } from './rpw/encoder.ts';
export { isRpw } from './rpw/format.ts';
export type { RecordingHead, StepFacts, TraceFacts } from './rpw/messages.ts';
export { openRpwSource, RpwFile, type TimeRange } from './rpw/open.ts';
export type { Packer } from './rpw/packer.ts';
export { readRecording, type ReadOptions } from './rpw/read.ts';
export type { Provenance, SourceFile } from './rpw/schema.ts';
export { bytesSource, type ByteSource } from './rpw/source.ts';
