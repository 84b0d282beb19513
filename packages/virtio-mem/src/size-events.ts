/**
 * MEMORY_DEVICE_SIZE_CHANGE: one event a device and second. An event that comes while a device's second runs waits for its
 * end; a newer one takes its place, so that sizes in between are never told and the last one always is.
 *
 * Models: monitor/monitor.c monitor_qapi_event_queue_no_reenter(), monitor_qapi_event_handler(), QEMU 7.2 to 10.
 */
import type { VirtualClock } from '@replug/core';

/** Rate limit, virtual ns. */
export const EVENT_RATE = 1e9;

export interface SizeChange {
  /** When the size changed; an event that waited keeps it. */
  readonly ns: number;
  readonly id: string;
  readonly size: number;
}

interface Waiting {
  next: SizeChange | undefined;
}

export class SizeEvents {
  private readonly clock: VirtualClock;
  private readonly running = new Map<string, Waiting>();
  private listeners: ((event: SizeChange) => void)[] = [];

  constructor(clock: VirtualClock) {
    this.clock = clock;
  }

  /** Told of each event that gets through; disposing the result ends it. */
  on(listener: (event: SizeChange) => void): Disposable {
    this.listeners = [...this.listeners, listener];
    return { [Symbol.dispose]: () => void (this.listeners = this.listeners.filter((other) => other !== listener)) };
  }

  /** A device's size changed. */
  changed(id: string, size: number): void {
    const event = { ns: this.clock.now, id, size };
    const waiting = this.running.get(id);
    if (waiting !== undefined) {
      waiting.next = event;
      return;
    }
    this.tell(event);
    this.wait(id);
  }

  private wait(id: string): void {
    const waiting: Waiting = { next: undefined };
    this.running.set(id, waiting);
    this.clock.after(EVENT_RATE, () => {
      this.running.delete(id);
      if (waiting.next === undefined) return;
      this.tell(waiting.next);
      this.wait(id);
    });
  }

  private tell(event: SizeChange): void {
    for (const listener of this.listeners) listener(event);
  }
}
