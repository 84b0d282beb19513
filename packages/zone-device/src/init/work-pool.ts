/**
 * Who computes and how fast, on the virtual clock: workers of a node share its CPUs and its memory bandwidth. A worker
 * initialises a page in `nsPerPage` when it has a core and enough bandwidth; whichever is scarcer sets its pace, and the
 * pace changes for all whenever one begins or ends.
 *
 * Units: ns, bytes a second, pages. Siblings of a core (hardware threads) add SMT_GAIN of a core – assumed.
 * Models: nothing of the kernel's; processor sharing of what its threads compete for.
 */
import type { Nanoseconds, Nid, VirtualClock } from '@replug/core';
import { badPower } from '../errors.ts';

/** What a second hardware thread of a core adds, in cores. Assumed: vendors state up to 0.3. */
export const SMT_GAIN = 0.2;

export interface NodePower {
  readonly nid: Nid;
  /** Hardware threads and cores. */
  readonly cpus: number;
  readonly cores: number;
  /** Sustained bytes a second of the node's memory. */
  readonly bytesPerSecond: number;
}

/** Memory that is not the node's own, such as the device that its memmap lies on. */
export interface Medium {
  readonly name: string;
  readonly bytesPerSecond: number;
}

export interface WorkCost {
  /** One thread, alone. */
  readonly nsPerPage: Nanoseconds;
  /** Bytes that a page moves over the memory bus. */
  readonly bytesPerPage: number;
  /** Where they go; the node's memory by default. */
  readonly medium?: Medium;
}

interface Work {
  readonly node: Station;
  readonly bus: Station;
  readonly cost: WorkCost;
  readonly done: () => void;
  left: number;
  /** Pages a ns. */
  pace: number;
}

/** CPUs or a memory, and how many use it now. */
interface Station {
  readonly power: NodePower | undefined;
  readonly bytesPerSecond: number;
  active: number;
}

/** Pages below which a worker has finished: rounding of a division. */
const NOTHING = 1e-6;

export class WorkPool {
  private readonly clock: VirtualClock;
  private readonly nodes = new Map<Nid, Station>();
  private readonly media = new Map<Medium, Station>();
  private works: Work[] = [];
  private settledAt: Nanoseconds = 0;
  private alarm: Disposable | undefined;
  private batch = 0;
  /** Instant of the next completion; Infinity when nobody works. */
  nextInstant = Infinity;

  constructor(clock: VirtualClock, nodes: readonly NodePower[]) {
    this.clock = clock;
    for (const power of nodes) {
      const { nid, cpus, cores, bytesPerSecond } = power;
      if (!(cpus >= 1 && cores >= 1 && cores <= cpus && bytesPerSecond > 0 && bytesPerSecond < Infinity))
        throw badPower(`node ${nid}: ${cpus} CPUs, ${cores} cores, ${bytesPerSecond} B/s`);
      this.nodes.set(nid, { power, bytesPerSecond, active: 0 });
    }
  }

  /** Workers under way. */
  get active(): number {
    return this.works.length;
  }

  powerOf(nid: Nid): NodePower {
    const station = this.nodes.get(nid);
    if (station === undefined) throw badPower(`node ${nid}: none`);
    return station.power!;
  }

  /** A worker begins on a node; `done` is called at the instant it ends. */
  begin(nid: Nid, pages: number, cost: WorkCost, done: () => void): void {
    const node = this.nodes.get(nid);
    if (node === undefined) throw badPower(`node ${nid}: none`);
    if (!(pages >= 0 && pages < Infinity && cost.nsPerPage >= 0 && cost.nsPerPage < Infinity && cost.bytesPerPage >= 0))
      throw badPower(`${pages} pages of ${cost.nsPerPage} ns`);
    this.settle();
    const bus = cost.medium === undefined ? node : this.mediumOf(cost.medium);
    node.active++;
    if (bus !== node) bus.active++;
    this.works.push({ node, bus, cost, done, left: pages, pace: 0 });
    this.plan();
  }

  /** Runs `fn`, which may begin many workers, and plans once. */
  together(fn: () => void): void {
    this.batch++;
    try {
      fn();
    } finally {
      this.batch--;
      this.plan();
    }
  }

  private mediumOf(medium: Medium): Station {
    let station = this.media.get(medium);
    if (station === undefined) {
      if (!(medium.bytesPerSecond > 0)) throw badPower(`${medium.name}: ${medium.bytesPerSecond} B/s`);
      this.media.set(medium, (station = { power: undefined, bytesPerSecond: medium.bytesPerSecond, active: 0 }));
    }
    return station;
  }

  /** Credits everybody with what was done since the last change. */
  private settle(): void {
    const passed = this.clock.now - this.settledAt;
    this.settledAt = this.clock.now;
    if (passed > 0) for (const work of this.works) work.left -= work.pace * passed;
  }

  /** Plans even inside `together`: somebody is about to let time pass. */
  flush(): void {
    this.settle();
    this.plan(true);
  }

  /** Sets the pace of all and the alarm for the first that ends. */
  private plan(always = false): void {
    if (this.batch > 0 && !always) return;
    this.alarm?.[Symbol.dispose]();
    this.alarm = undefined;
    let first = Infinity;
    for (const work of this.works) {
      work.pace = paceOf(work);
      first = Math.min(first, work.left <= NOTHING ? 0 : work.left / work.pace);
    }
    this.nextInstant = first === Infinity ? Infinity : this.clock.now + first;
    if (first < Infinity) this.alarm = this.clock.at(this.nextInstant, () => this.complete());
  }

  private complete(): void {
    this.alarm = undefined;
    this.settle();
    // The alarm is of the first to end: whatever rounding left of it is nothing.
    const ulp = this.clock.now * 2 ** -50;
    const ended = (work: Work): boolean => work.left <= NOTHING + work.pace * ulp;
    const over = this.works.filter(ended);
    this.works = this.works.filter((work) => !ended(work));
    for (const { node, bus } of over) {
      node.active--;
      if (bus !== node) bus.active--;
    }
    this.together(() => {
      for (const work of over) work.done();
    });
  }
}

function paceOf({ node, bus, cost }: Work): number {
  const { cpus, cores } = node.power!;
  const siblings = Math.max(0, Math.min(node.active, cpus) - cores);
  const capacity = Math.min(node.active, cores) + siblings * SMT_GAIN;
  const computing = cost.nsPerPage === 0 ? Infinity : capacity / node.active / cost.nsPerPage;
  const moving = cost.bytesPerPage === 0 ? Infinity : bus.bytesPerSecond / 1e9 / bus.active / cost.bytesPerPage;
  return Math.min(computing, moving, FREE);
}

/** Pages a ns of work that costs nothing: its end is now, but a number. */
const FREE = 1e12;
