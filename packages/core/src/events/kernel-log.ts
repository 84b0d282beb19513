/**
 * The kernel's own words, as dmesg shows them: lines with a level and the virtual instant they were said at. Bounded: the
 * oldest lines go first, counted.
 *
 * Models: kernel/printk/printk.c, the ring buffer's behaviour alone.
 */
import type { Nanoseconds } from '../base/units.ts';

export type LogLevel = 'err' | 'warn' | 'notice' | 'info' | 'debug';

export interface LogLine {
  readonly ns: Nanoseconds;
  readonly level: LogLevel;
  readonly text: string;
}

export class KernelLog {
  /** Lines that were pushed out. */
  dropped = 0;
  private readonly now: () => Nanoseconds;
  private readonly capacity: number;
  private kept: LogLine[] = [];
  private listeners: ((line: LogLine) => void)[] = [];

  constructor(now: () => Nanoseconds, capacity = 65_536) {
    this.now = now;
    this.capacity = capacity;
  }

  print(level: LogLevel, text: string): void {
    const line = { ns: this.now(), level, text };
    this.kept.push(line);
    if (this.kept.length > 2 * this.capacity) {
      this.dropped += this.kept.length - this.capacity;
      this.kept = this.kept.slice(-this.capacity);
    }
    for (const listener of this.listeners) listener(line);
  }

  info(text: string): void {
    this.print('info', text);
  }
  warn(text: string): void {
    this.print('warn', text);
  }
  error(text: string): void {
    this.print('err', text);
  }

  /** Oldest first. */
  lines(): readonly LogLine[] {
    return this.kept;
  }

  /** Told of each line from now on; disposing the result ends it. */
  on(listener: (line: LogLine) => void): Disposable {
    this.listeners = [...this.listeners, listener];
    return { [Symbol.dispose]: () => void (this.listeners = this.listeners.filter((other) => other !== listener)) };
  }

  /** `[   12.345678] text`, as dmesg prints it. */
  static format(line: LogLine): string {
    const seconds = (line.ns / 1e9).toFixed(6).padStart(12);
    return `[${seconds}] ${line.text}`;
  }
}
