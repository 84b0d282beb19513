/** The program of a thread that writes page records, one job at a time. */
import { parentPort } from 'node:worker_threads';
import { runTask, type RecordTask } from './record-task.ts';

const port = parentPort!;
port.on('message', (task: RecordTask) => {
  runTask(task);
  port.postMessage('done');
});
