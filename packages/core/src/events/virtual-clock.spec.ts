import { describe, expect, it } from 'vitest';
import { COSTS } from './cost-table.ts';
import { VirtualClock } from './virtual-clock.ts';

describe('VirtualClock', () => {
  it('starts at zero and goes forward only', () => {
    const clock = new VirtualClock();
    expect(clock.now).toBe(0);
    clock.advance(1.5);
    clock.advanceTo(1);
    expect(clock.now).toBe(1.5);
    expect(() => clock.advance(-1)).toThrow(/^RP1301/);
    expect(() => clock.advance(Number.NaN)).toThrow(/^RP1301/);
  });

  it('fires alarms by time, equal times in the order they were set, each at its own instant', () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const alarm = (name: string, ns: number) => clock.at(ns, () => void seen.push(`${name}@${clock.now}`));
    alarm('b', 20);
    alarm('a', 10);
    alarm('b2', 20);
    alarm('never', 31);
    clock.advance(30);
    expect(seen).toEqual(['a@10', 'b@20', 'b2@20']);
    expect(clock.now).toBe(30);
  });

  it('unlinks an alarm before it fires: it may set itself again and is told once', () => {
    const clock = new VirtualClock();
    const seen: number[] = [];
    const tick = (): void => {
      seen.push(clock.now);
      clock.after(10, tick);
    };
    clock.after(10, tick);
    clock.advance(35);
    expect(seen).toEqual([10, 20, 30]);
    expect(clock.now).toBe(35);
  });

  it('lets an alarm advance the clock itself', () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    clock.at(10, () => {
      seen.push(`outer@${clock.now}`);
      clock.advance(15);
      seen.push(`outer ends@${clock.now}`);
    });
    clock.at(20, () => void seen.push(`inner@${clock.now}`));
    clock.advance(12);
    expect(seen).toEqual(['outer@10', 'inner@20', 'outer ends@25']);
    expect(clock.now).toBe(25);
  });

  it('goes on after an alarm that throws', () => {
    const clock = new VirtualClock();
    let fired = 0;
    clock.at(5, () => {
      throw new Error('boom');
    });
    clock.at(6, () => void fired++);
    expect(() => clock.advance(10)).toThrow('boom');
    expect(clock.now).toBe(5);
    clock.advance(5);
    expect(fired).toBe(1);
  });

  it('cancels an alarm, also twice and after it fired', () => {
    const clock = new VirtualClock();
    let fired = 0;
    const cancelled = clock.at(5, () => void fired++);
    const kept = clock.at(6, () => void fired++);
    cancelled[Symbol.dispose]();
    cancelled[Symbol.dispose]();
    clock.advance(10);
    kept[Symbol.dispose]();
    expect(fired).toBe(1);
    expect(() => clock.at(Number.NaN, () => {})).toThrow(/^RP1302/);
  });

  it('charges costs without firing alarms; what fell due fires at the next advance', () => {
    const clock = new VirtualClock();
    const seen: number[] = [];
    clock.at(500, () => void seen.push(clock.now));
    expect(clock.charge('pageCopy4K', 2)).toBe(820);
    expect(clock.now).toBe(820);
    expect(seen).toEqual([]);
    clock.advance(0);
    expect(seen).toEqual([820]);
    clock.charge('pageCopy4K');
    expect([...clock.charged()]).toEqual([['pageCopy4K', { times: 3, ns: 1230 }]]);
  });

  it('knows its costs only', () => {
    // @ts-expect-error not a cost
    expect(() => new VirtualClock().charge('coffee')).toThrow(
      /^RP1303 virtual clock: unknown cost: "coffee" \(one of stopMachine,/,
    );
    const clock = new VirtualClock({ ...COSTS, tlbFlush: { ns: 7, per: 'flush', source: 'assumed' } });
    expect(clock.charge('tlbFlush', 3)).toBe(21);
  });

  it('every cost says where it comes from', () => {
    for (const { ns, per, source } of Object.values(COSTS)) {
      expect(ns).toBeGreaterThan(0);
      expect(per).not.toBe('');
      expect(source).not.toBe('');
    }
  });
});
