import { describe, expect, it } from 'vitest';
import { ContextTracker } from './context-tracker.ts';

const codes = (tracker: ContextTracker) => tracker.faults().map(({ error, times }) => [error.code, times]);

describe('ContextTracker', () => {
  it('finds sleeping while atomic, once for each place', () => {
    const tracker = new ContextTracker();
    tracker.mightSleep('dnuma', 'building zonelists');
    using lock = tracker.lock('dnuma', 'zone->lock', 'spin');
    expect(tracker.atomic).toBe(true);
    tracker.mightSleep('dnuma', 'building zonelists');
    tracker.mightSleep('dnuma', 'building zonelists');
    expect(codes(tracker)).toEqual([['RP1320', 2]]);
    expect(tracker.faults()[0].error.message).toBe(
      'RP1320 dnuma: building zonelists may sleep while atomic: "zone->lock"',
    );
    lock[Symbol.dispose]();
  });

  it('taking a mutex may sleep', () => {
    const tracker = new ContextTracker();
    {
      using _atomic = tracker.enterAtomic('hotplug', 'stop_machine');
      using _mutex = tracker.lock('hotplug', 'mem_hotplug_lock', 'mutex');
    }
    expect(codes(tracker)).toEqual([['RP1320', 1]]);
    expect(tracker.atomic).toBe(false);
  });

  it('finds an order of locks contrary to one seen before', () => {
    const tracker = new ContextTracker();
    {
      using _a = tracker.lock('hotplug', 'mem_hotplug_lock', 'mutex');
      using _b = tracker.lock('hotplug', 'pcp mutex', 'mutex');
      using _c = tracker.lock('hotplug', 'zone->lock', 'spin');
    }
    expect(tracker.faults()).toEqual([]);
    {
      using _b = tracker.lock('dnuma', 'pcp mutex', 'mutex');
      using _a = tracker.lock('dnuma', 'mem_hotplug_lock', 'mutex');
    }
    expect(tracker.faults()[0].error.message).toBe(
      'RP1321 dnuma: locks taken in an order contrary to an earlier one: "pcp mutex -> mem_hotplug_lock"' +
        ' (hotplug took mem_hotplug_lock before pcp mutex)',
    );
  });

  it('finds a contrary order over several locks', () => {
    const tracker = new ContextTracker();
    const both = (who: string, outer: string, inner: string): void => {
      using _outer = tracker.lock(who, outer, 'mutex');
      using _inner = tracker.lock(who, inner, 'mutex');
    };
    both('one', 'a', 'b');
    both('two', 'b', 'c');
    both('three', 'c', 'a');
    expect(codes(tracker)).toEqual([['RP1321', 1]]);
    both('four', 'a', 'c');
    expect(codes(tracker)).toEqual([['RP1321', 1]]);
  });

  it('finds a lock taken twice and one released twice', () => {
    const tracker = new ContextTracker();
    const first = tracker.lock('buddy', 'zone->lock', 'spin');
    const second = tracker.lock('buddy', 'zone->lock', 'spin');
    second[Symbol.dispose]();
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect(codes(tracker)).toEqual([
      ['RP1322', 1],
      ['RP1323', 1],
    ]);
    expect(tracker.stack()).toEqual([]);
  });

  it('finds a page flag written by somebody else, and flags of a page that somebody else holds', () => {
    const tracker = new ContextTracker();
    tracker.claimFlag('dnuma', 'LookupNode');
    tracker.writeFlag('dnuma', 'LookupNode');
    expect(tracker.faults()).toEqual([]);
    tracker.claimFlag('hotplug', 'LookupNode');
    tracker.writeFlag('hotplug', 'LookupNode');
    tracker.writeFlag('dnuma', 'LookupNode', 'slab');
    expect(codes(tracker)).toEqual([
      ['RP1324', 1],
      ['RP1325', 1],
      ['RP1326', 1],
    ]);
  });

  it('throws as well when strict', () => {
    const tracker = new ContextTracker({ strict: true });
    using _atomic = tracker.enterAtomic('dnuma', 'commit');
    expect(() => tracker.mightSleep('dnuma', 'kmalloc')).toThrow(/^RP1320/);
    expect(codes(tracker)).toEqual([['RP1320', 1]]);
  });
});
