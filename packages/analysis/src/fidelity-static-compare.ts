/**
 * One dump against the model: counts what is equal, and says what is not.
 *
 * The boost on top of the marks is the allocator's momentary state, so it is read from the dump. A self-tuned list limit (6.12)
 * is only bounded by the formulas, see HighCount in @replug/report: 0 until the CPU first uses the list, then between the
 * limits; after a change of the limits the old value stays until the CPU next uses the list.
 */
import type { TunedZone } from '@replug/buddy';
import type { HighCount, StaticChecks, StaticMiss, StaticQuantity } from '@replug/report';
import type { ZoneinfoZone } from '@replug/workload';
import type { DumpStep } from './fidelity-static-facts.ts';
import { zoneKey, type StaticReplay } from './fidelity-static-replay.ts';

interface Counter {
  exact: number;
  total: number;
}

export class DumpComparison {
  readonly misses: StaticMiss[] = [];
  /** List limit by zone and CPU, for the next dump. */
  readonly highs = new Map<string, number>();
  readonly #replay: StaticReplay;
  readonly #before: ReadonlyMap<string, number>;
  readonly #counts = new Map<StaticQuantity, Counter>();
  #within = 0;
  #kept = 0;

  constructor(step: DumpStep, replay: StaticReplay, before: ReadonlyMap<string, number>) {
    this.#replay = replay;
    this.#before = before;
    const { tuning } = replay;
    const minFree = Number(step.sysctl?.['vm.min_free_kbytes']);
    // A written value is an input.
    if (!Number.isNaN(minFree) && tuning.userMinFreeKbytes !== minFree) {
      this.#check('minFreeKbytes', '', [minFree], [tuning.sysctl.min_free_kbytes]);
    }
    for (const real of step.zoneinfo.zones) {
      const model = tuning.zones.find((z) => z.nid === real.node && z.kind === real.name);
      if (model !== undefined) this.#zone(real, model);
    }
  }

  get checks(): StaticChecks {
    const count = (quantity: StaticQuantity) => ({ exact: 0, total: 0, ...this.#counts.get(quantity) });
    const pcpHigh: HighCount = { ...count('pcpHigh'), within: this.#within, kept: this.#kept };
    return {
      minFreeKbytes: count('minFreeKbytes'),
      watermarks: count('watermarks'),
      protection: count('protection'),
      pcpBatch: count('pcpBatch'),
      pcpHigh,
    };
  }

  #zone(real: ZoneinfoZone, model: TunedZone): void {
    const name = `n${real.node} ${real.name}`;
    const boost = real.boost ?? 0;
    const { min, low, high, promo } = model.marks;
    const printed = [real.min, real.low, real.high, ...(real.promo === undefined ? [] : [real.promo])];
    const marks = [min, low, high, promo].slice(0, printed.length).map((mark) => mark + boost);
    this.#check('watermarks', name, printed, marks);
    this.#check('protection', name, real.protection, model.reserve);
    for (const list of real.pagesets) {
      const key = `${name} cpu${list.cpu}`;
      this.#check('pcpBatch', key, [list.batch], [model.pageset.batch]);
      this.#checkHigh(key, list.high, model);
      this.highs.set(key, list.high);
    }
  }

  #checkHigh(name: string, real: number, zone: TunedZone): void {
    const { highMin, highMax } = zone.pageset;
    const selfTuned = this.#replay.facts.profile === '6.12';
    if (!selfTuned || real === highMin || real === 0) {
      const exact = this.#check('pcpHigh', name, [real], [selfTuned && real === 0 ? 0 : highMin]);
      if (exact) this.#within++;
      return;
    }
    this.#counter('pcpHigh').total++;
    const seen = this.#replay.limits.get(zoneKey(zone)) ?? { least: highMin, most: highMax };
    const before = this.#before.get(name) ?? 0;
    // clamp() with min > max gives max, so the two bound the value in either order.
    if (real >= Math.min(highMin, highMax) && real <= Math.max(highMin, highMax)) this.#within++;
    else if (real >= Math.min(before, seen.least) && real <= Math.max(before, seen.most)) this.#kept++;
    else this.#miss('pcpHigh', name, [real], highMin === highMax ? [highMin] : [highMin, highMax]);
  }

  #check(quantity: StaticQuantity, zone: string, real: readonly number[], model: readonly number[]): boolean {
    const counter = this.#counter(quantity);
    counter.total++;
    const exact = real.length === model.length && real.every((value, i) => value === model[i]);
    if (exact) counter.exact++;
    else this.#miss(quantity, zone, real, model);
    return exact;
  }

  #miss(quantity: StaticQuantity, zone: string, real: readonly number[], model: readonly number[]): void {
    const { reason } = this.#replay;
    this.misses.push({ zone, quantity, real: real.join(' '), model: model.join(' '), reason });
  }

  #counter(quantity: StaticQuantity): Counter {
    const counter = this.#counts.get(quantity) ?? { exact: 0, total: 0 };
    this.#counts.set(quantity, counter);
    return counter;
  }
}
