/** What user space is told: a bounded stream of messages as a uevent socket carries them. Models: lib/kobject_uevent.c, as far as texts go. */
export interface Uevent {
  readonly seqnum: number;
  /** Virtual ns. */
  readonly at: number;
  /** `change@/devices/system/node`, then KEY=value lines. */
  readonly text: string;
}

/** Messages that are kept for readers. */
export const MAX_UEVENTS = 1024;

export class Uevents {
  /** Messages that were dropped because nobody read them in time. */
  dropped = 0;
  private readonly now: () => number;
  private readonly ring: Uevent[] = [];
  private listeners: ((event: Uevent) => void)[] = [];
  private seqnum = 0;

  constructor(now: () => number) {
    this.now = now;
  }

  say(action: string, path: string, values: Readonly<Record<string, string>>): void {
    const lines = [`ACTION=${action}`, `DEVPATH=${path}`, ...Object.entries(values).map(([k, v]) => `${k}=${v}`)];
    const event = { seqnum: ++this.seqnum, at: this.now(), text: `${action}@${path}\n${lines.join('\n')}\n` };
    this.ring.push(event);
    if (this.ring.length > MAX_UEVENTS) {
      this.ring.shift();
      this.dropped++;
    }
    for (const listener of this.listeners) listener(event);
  }

  on(listener: (event: Uevent) => void): Disposable {
    this.listeners = [...this.listeners, listener];
    return { [Symbol.dispose]: () => void (this.listeners = this.listeners.filter((one) => one !== listener)) };
  }

  /** Kept messages, oldest first. */
  all(): readonly Uevent[] {
    return this.ring;
  }
}
