/**
 * Virtual time in nanoseconds (f64: exact for 104 days), alarms, and what operations cost.
 *
 * `advance` moves time and fires the alarms on its way: an alarm is unlinked before it fires and sees its own instant as
 * `now`; equal times fire in the order they were set. `charge` only moves time: it is called in the middle of operations,
 * where nothing else may run; alarms that fell due meanwhile fire at the next `advance`. Time never goes back.
 */
import { COSTS, type CostName, type CostTable } from './cost-table.ts';
import { badAlarmTime, badDuration, unknownCost } from './errors.ts';
import type { Nanoseconds } from '../base/units.ts';

interface Alarm {
  readonly time: Nanoseconds;
  readonly fire: () => void;
}

/** What was charged under one name. */
export interface Charged {
  readonly times: number;
  readonly ns: Nanoseconds;
}

export class VirtualClock {
  /** Costs in force. */
  readonly costs: CostTable;
  private time: Nanoseconds = 0;
  /** Ascending; of equal times, in the order they were set. */
  private readonly alarms: Alarm[] = [];
  /** Instant of the first alarm, so that advancing past none is one compare. */
  private due = Infinity;
  private readonly bill = new Map<CostName, { times: number; ns: Nanoseconds }>();

  constructor(costs: CostTable = COSTS) {
    this.costs = costs;
  }

  /** Nanoseconds since the run began. */
  get now(): Nanoseconds {
    return this.time;
  }

  /** Lets `ns` pass and fires what falls due. `advance(0)` fires what is overdue. */
  advance(ns: Nanoseconds): void {
    if (!(ns >= 0 && ns < Infinity)) throw badDuration(ns);
    this.advanceTo(this.time + ns);
  }

  /** Lets time pass until an instant and fires what falls due; an instant in the past is now. */
  advanceTo(instant: Nanoseconds): void {
    while (this.due <= instant || this.due <= this.time) {
      const { time, fire } = this.alarms.shift()!;
      this.due = this.alarms.length === 0 ? Infinity : this.alarms[0].time;
      if (time > this.time) this.time = time;
      fire();
    }
    if (instant > this.time) this.time = instant;
  }

  /** Charges a cost `times` times: time passes, no alarm fires. Returns the nanoseconds. */
  charge(name: CostName, times = 1): Nanoseconds {
    const cost = this.costs[name];
    if (cost === undefined) throw unknownCost(name, Object.keys(this.costs));
    const ns = cost.ns * times;
    if (!(ns >= 0 && ns < Infinity)) throw badDuration(ns);
    this.time += ns;
    let sum = this.bill.get(name);
    if (sum === undefined) this.bill.set(name, (sum = { times: 0, ns: 0 }));
    sum.times += times;
    sum.ns += ns;
    return ns;
  }

  /** What was charged so far, by name. */
  charged(): ReadonlyMap<CostName, Charged> {
    return this.bill;
  }

  /** Sets an alarm; disposing the result cancels it. One in the past fires at the next `advance`. */
  at(instant: Nanoseconds, fire: () => void): Disposable {
    if (!(instant < Infinity)) throw badAlarmTime(instant);
    const alarm: Alarm = { time: instant, fire };
    const later = this.alarms.findIndex(({ time }) => time > instant);
    this.alarms.splice(later < 0 ? this.alarms.length : later, 0, alarm);
    this.due = this.alarms[0].time;
    return { [Symbol.dispose]: () => this.cancel(alarm) };
  }

  /** Sets an alarm `ns` from now. */
  after(ns: Nanoseconds, fire: () => void): Disposable {
    return this.at(this.time + ns, fire);
  }

  private cancel(alarm: Alarm): void {
    const index = this.alarms.indexOf(alarm);
    if (index >= 0) this.alarms.splice(index, 1);
    this.due = this.alarms.length === 0 ? Infinity : this.alarms[0].time;
  }
}
