/**
 * What each try to take a range came to: listens to ContiguousRanges and MemoryHotplug while somebody unplugs, and keeps the
 * last outcome of every range. Disposing it ends the listening.
 */
import { ContiguousRanges, errnoName, MemoryHotplug, type Blocker, type Kernel } from '@replug/core';

export interface Failure {
  readonly reason: string;
  /** -1 where no single page stopped it. */
  readonly pfn: number;
}

export class UnplugWatch implements Disposable {
  tries = 0;
  migrated = 0;
  dropped = 0;
  private readonly failures = new Map<number, Failure & { readonly end: number }>();
  private readonly undo: () => void;

  constructor(kernel: Kernel) {
    const ranges = kernel.get(ContiguousRanges);
    const hotplug = kernel.get(MemoryHotplug);
    const { alloc, unmovable } = ranges;
    const { offline } = hotplug;
    ranges.alloc = (start, end, migratetype) => {
      const outcome = alloc.call(ranges, start, end, migratetype);
      this.tries++;
      this.migrated += outcome.migrated;
      this.dropped += outcome.reclaimed;
      this.tell(start, end, outcome.errno, undefined, outcome.blocker);
      return outcome;
    };
    // Sensing refuses a range without a try.
    ranges.unmovable = (start, end, options) => {
      const blocker = unmovable.call(ranges, start, end, options);
      if (blocker !== undefined) this.tell(start, end, -1, undefined, blocker);
      return blocker;
    };
    hotplug.offline = (id) => {
      const outcome = offline.call(hotplug, id);
      this.tries++;
      this.migrated += outcome.migrated ?? 0;
      const start = id * hotplug.blockPages;
      const reason = outcome.retrying === true ? 'retries' : outcome.reason;
      this.tell(start, start + hotplug.blockPages, outcome.errno, reason, outcome.blocker);
      return outcome;
    };
    this.undo = () => {
      Object.assign(ranges, { alloc, unmovable });
      Object.assign(hotplug, { offline });
    };
  }

  /** Why a range stayed, by the smallest range that was tried and holds it or lies in it; undefined when nobody tried. */
  why(start: number, end: number): Failure | undefined {
    const exact = this.failures.get(start);
    if (exact !== undefined && exact.end === end) return exact;
    let best: (Failure & { readonly end: number }) | undefined;
    let width = Infinity;
    for (const [from, failure] of this.failures) {
      if (from >= end || failure.end <= start || failure.end - from >= width) continue;
      if (failure.pfn >= 0 && (failure.pfn < start || failure.pfn >= end)) continue;
      best = failure;
      width = failure.end - from;
    }
    return best;
  }

  [Symbol.dispose](): void {
    this.undo();
  }

  private tell(
    start: number,
    end: number,
    errno: number,
    reason: string | undefined,
    blocker: Blocker | undefined,
  ): void {
    if (errno === 0) {
      this.failures.delete(start);
      return;
    }
    const why =
      blocker?.why ?? (errnoName(-errno) === 'ENOMEM' ? 'no-memory' : (reason ?? errnoName(-errno) ?? 'busy'));
    const known = this.failures.get(start);
    // The narrower range tells more.
    if (known !== undefined && known.end < end) return;
    this.failures.set(start, { end, reason: reason === 'retries' ? 'retries' : why, pfn: blocker?.pfn ?? -1 });
  }
}
