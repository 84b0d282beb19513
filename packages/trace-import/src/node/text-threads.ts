/** Threads that read slices of text, and the rule that at most two slices more than there are threads are under way. */
import { Worker } from 'node:worker_threads';
import { textWorkerFailed } from '../errors.ts';
import type { SliceFailure, SliceRead, SliceTask } from './text-slice.ts';

const WAITING = 2;

export class TextThreads {
  private readonly path: string;
  private readonly threads: Worker[] = [];
  private readonly idle: Worker[] = [];
  private readonly queue: SliceTask[] = [];
  private readonly taken: (slice: SliceRead) => void;
  /** Results that wait for an earlier slice. */
  private readonly early = new Map<number, SliceRead>();
  private sent = 0;
  private done = 0;
  private failure: Error | undefined;
  private wake: () => void = () => undefined;

  /** `taken` is given the results in order. */
  constructor(path: string, program: URL, count: number, taken: (slice: SliceRead) => void) {
    this.path = path;
    this.taken = taken;
    for (let i = 0; i < count; i++) this.start(program);
  }

  /** Waits for a place and sends the slice off. Throws RP4011 when a thread has failed. */
  async send(buffer: ArrayBuffer, length: number, format: string): Promise<void> {
    await this.until(() => this.sent - this.done < this.threads.length + WAITING);
    this.queue.push({ number: this.sent++, buffer, length, format });
    this.dispatch();
  }

  /** Waits for all results. Throws RP4011 when a thread has failed. */
  async drain(): Promise<void> {
    await this.until(() => this.done === this.sent);
  }

  /** Ends the threads, whatever they are doing. */
  async close(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.terminate()));
  }

  private start(program: URL): void {
    const thread = new Worker(program, { stdout: false, stderr: false });
    this.threads.push(thread);
    this.idle.push(thread);
    thread.on('message', (result: SliceRead | SliceFailure) => {
      if ('failure' in result) this.fail(new Error(result.failure));
      else this.receive(thread, result);
    });
    thread.on('error', (error) => this.fail(error));
    thread.on('exit', (code) => this.fail(new Error(`a thread ended by itself with ${code}`)));
  }

  private receive(thread: Worker, result: SliceRead): void {
    this.idle.push(thread);
    this.early.set(result.number, result);
    for (let next = this.early.get(this.done); next !== undefined; next = this.early.get(this.done)) {
      this.early.delete(this.done++);
      try {
        this.taken(next);
      } catch (error) {
        this.fail(error as Error);
      }
    }
    this.dispatch();
    this.wake();
  }

  private fail(error: Error): void {
    this.failure ??= error;
    this.wake();
  }

  private dispatch(): void {
    while (this.idle.length > 0 && this.queue.length > 0) {
      const task = this.queue.shift()!;
      this.idle.pop()!.postMessage(task, [task.buffer]);
    }
  }

  private async until(ready: () => boolean): Promise<void> {
    while (this.failure === undefined && !ready()) await new Promise<void>((resolve) => (this.wake = resolve));
    if (this.failure !== undefined) throw textWorkerFailed(this.path, this.failure);
  }
}
