export type { EventColumns, Task } from './events.ts';
export { argCount, eventArg, eventPfn, isPageEvent, NO_PAGE_HIGH } from './events.ts';
export type * from './recording.ts';
