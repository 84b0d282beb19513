/**
 * A trace's text on several threads: cut into blocks before event lines, so that nothing that belongs to an event – a call
 * chain, the rest of a wrapped line – is torn from it; each block read by itself, and the results put together in order.
 */
import type { Account } from '../account.ts';
import type { Facts } from '../facts.ts';
import { readHead } from '../ftrace-text/event-head.ts';
import { STACK_EVENTS } from '../ftrace-text/event-sink.ts';
import { SliceMerger } from './merge-slices.ts';
import { TextThreads } from './text-threads.ts';
import { workerProgram } from './worker-program.ts';

const NEWLINE = 10;
/** Bytes of a block: long enough that starting a reader does not count, short enough that a few are nothing. */
export const BLOCK = 4 << 20;

/** The text cannot be read in slices, or not with the same result: it has to be read again on one thread. */
export class NotInSlices extends Error {}

export class ParallelText {
  private readonly path: string;
  private readonly account: Account;
  private readonly jobs: number;
  private readonly blockSize: number;
  private readonly merger: SliceMerger;
  private readonly spare: ArrayBuffer[] = [];
  private threads: TextThreads | undefined;
  private block: Uint8Array;
  private filled = 0;
  private splittable = true;

  constructor(path: string, account: Account, jobs: number, blockSize = BLOCK) {
    this.path = path;
    this.account = account;
    this.jobs = jobs;
    this.blockSize = blockSize;
    this.merger = new SliceMerger(account);
    this.block = new Uint8Array(blockSize);
  }

  /** Takes the next bytes, cut anywhere. Throws RP4011 and NotInSlices. */
  async push(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      const count = Math.min(chunk.length - at, this.block.length - this.filled);
      this.block.set(chunk.subarray(at, at + count), this.filled);
      this.filled += count;
      at += count;
      if (this.filled === this.block.length) await this.send(lastEventLine(this.block));
    }
  }

  async finish(): Promise<Facts> {
    if (this.filled > 0) await this.send(this.filled);
    await this.threads?.drain();
    if (!this.splittable) throw new NotInSlices();
    return { trace: this.merger.finish() };
  }

  /** Ends the threads. Has to be called however the reading went. */
  async close(): Promise<void> {
    await this.threads?.close();
  }

  /** Sends the first `length` bytes of the block off; the rest begins the next one. */
  private async send(length: number): Promise<void> {
    if (length <= 0 || !this.splittable) throw new NotInSlices();
    this.threads ??= new TextThreads(this.path, await workerProgram(), this.jobs, (slice) => {
      this.splittable &&= this.merger.add(slice);
      this.spare.push(slice.buffer);
    });
    const { block } = this;
    const next = new Uint8Array(this.spare.pop() ?? new ArrayBuffer(this.blockSize));
    next.set(block.subarray(length, this.filled));
    this.filled -= length;
    this.block = next;
    await this.threads.send(block.buffer as ArrayBuffer, length, this.account.format);
  }
}

const decoder = new TextDecoder();

/** Where the last line begins that is an event by itself; 0 or less when there is none but the first. */
function lastEventLine(block: Uint8Array): number {
  let end = block.lastIndexOf(NEWLINE);
  while (end > 0) {
    const start = block.lastIndexOf(NEWLINE, end - 1) + 1;
    const head = start > 0 ? readHead(decoder.decode(block.subarray(start, end))) : undefined;
    if (typeof head === 'object' && !STACK_EVENTS.has(head.name)) return start;
    end = start - 1;
  }
  return 0;
}
