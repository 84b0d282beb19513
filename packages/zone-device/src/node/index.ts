/** What needs node: threads that write page records before a kernel is created. */
export { prepareMachine, RecordsUnderWay, RecordThreads, type PrepareOptions } from './prepare-machine.ts';
