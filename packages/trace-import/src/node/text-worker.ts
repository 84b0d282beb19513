/** The program of a thread that reads slices of text, one at a time. */
import { parentPort } from 'node:worker_threads';
import { buffersOf, readSlice, type SliceFailure, type SliceTask } from './text-slice.ts';

const port = parentPort!;
port.on('message', (task: SliceTask) => {
  try {
    const read = readSlice(task);
    port.postMessage(read, buffersOf(read));
  } catch (error) {
    port.postMessage({ failure: String(error) } satisfies SliceFailure);
  }
});
