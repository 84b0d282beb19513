/**
 * Which event a call chain belongs to, and the distinct chains, for texts and ring buffers alike.
 *
 * The kernel writes a chain right behind its event, on the same cpu and for the same task; only an interrupt's events, each
 * with a chain of its own, can come between. So a chain belongs to the last event of its cpu and task that has none yet.
 * Events that are counted only, and lines that could not be read, may own a chain too: rows before them are not looked at.
 *
 * Models: kernel/trace/trace.c __ftrace_trace_stack().
 */
import type { EventColumnsBuilder } from '@replug/workload';
import type { Account } from '../account.ts';

/** Rows that are looked back at: other cpus' events between an event and its chain. */
const REACH = 4096;
const MAX_CPUS = 65536;
/** Distinct chains, and characters of all of them together. */
export const MAX_CHAINS = 1 << 18;
export const MAX_CHARACTERS = 64 << 20;
/** Functions of one chain. */
export const MAX_FRAMES = 128;
const MAX_FRAME = 256;

export class CallChains {
  private readonly builder: EventColumnsBuilder;
  /** By cpu, the first row that is looked at. */
  private readonly floors = new Uint32Array(MAX_CPUS);
  private floor = 0;
  private lastPassed = 0;
  private characters = 0;
  private ownerless = 0;
  private overLimit = 0;
  private framesCut = 0;
  /** A chain's event may stand before the first row: the text is a slice that was cut between them. */
  torn = false;

  constructor(builder: EventColumnsBuilder) {
    this.builder = builder;
  }

  /** HOT. An event of this cpu was counted without a row. */
  passed(cpu: number): void {
    this.floors[cpu] = this.lastPassed = this.builder.length;
  }

  /** Something was left out that may have been an event of any cpu. */
  passedAny(): void {
    this.floor = this.lastPassed = this.builder.length;
  }

  /** Row of the event that a chain of this cpu and task (index) follows; -1, counted, when there is none. */
  rowOf(cpu: number, task: number): number {
    const { builder } = this;
    const { cpu: cpus, task: tasks, stack, length } = builder;
    const least = Math.max(this.floor, this.floors[cpu], length - REACH);
    for (let row = length - 1; row >= least; row--)
      if (cpus[row] === cpu && tasks[row] === task && (stack === undefined || stack[row] === 0)) return row;
    if (least <= 0) this.torn = true;
    // Nobody will find one there later either.
    this.floors[cpu] = length;
    this.ownerless++;
    return -1;
  }

  /** Row of the event that a chain without a head follows: the last one. */
  lastRow(): number {
    const row = this.builder.length - 1;
    if (row >= this.lastPassed && !(this.builder.stack && this.builder.stack[row] > 0)) return row;
    this.ownerless++;
    return -1;
  }

  /** Keeps the chain of a row. */
  keep(row: number, frames: readonly string[]): void {
    if (row < 0 || frames.length === 0) return;
    if (frames.length > MAX_FRAMES) this.framesCut += frames.length - MAX_FRAMES;
    const text = frames
      .slice(0, MAX_FRAMES)
      .map((frame) => frame.slice(0, MAX_FRAME))
      .join('\n');
    const { stacks } = this.builder;
    if (stacks.find(text) === -1) {
      if (stacks.texts.length > MAX_CHAINS || this.characters + text.length > MAX_CHARACTERS) {
        this.overLimit++;
        return;
      }
      this.characters += text.length;
    }
    this.builder.setStack(row, text);
  }

  /** Counts what was not kept. */
  finish(account: Account): void {
    if (this.ownerless > 0) account.detail('stacks of other events', this.ownerless);
    if (this.overLimit > 0) account.detail('stacks over the limit', this.overLimit);
    if (this.framesCut > 0) account.detail('stack lines over the limit', this.framesCut);
  }
}
