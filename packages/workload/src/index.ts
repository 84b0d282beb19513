export {
  Dictionary,
  emptyEvents,
  EventColumnsBuilder,
  eventWord,
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
export type { EventColumns, Task } from './events.ts';
export { argCount, eventArg, eventPfn, isPageEvent, NO_PAGE_HIGH } from './events.ts';
export type * from './recording.ts';
export { findStep, parseTime, resolveTime, type ResolvedTime, type Time } from './time.ts';
