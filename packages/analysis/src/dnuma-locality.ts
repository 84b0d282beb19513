/**
 * How local each process's memory is: which share of the pages that it allocated in a trace, and still holds, lie on the node
 * of the CPU that it allocated them on. Before a change of layout by the node a page is counted on, after it by the node that
 * the layout gives it: the memory behind a page is where the hardware moved it, whatever the kernel still counts.
 */
import { KIND, type Machine } from '@replug/core';
import type { ProcessLocality } from '@replug/report';
import { eventPfn, type EventColumns } from '@replug/workload';

interface Held {
  readonly task: number;
  readonly cpu: number;
  readonly order: number;
}

export class HolderLog {
  private readonly events: EventColumns;
  private readonly machine: Machine;
  private readonly held = new Map<number, Held>();
  private readonly shares = new Map<number, { pages: number; before: number; after: number }>();

  constructor(events: EventColumns, machine: Machine) {
    this.events = events;
    this.machine = machine;
  }

  event(row: number): void {
    const { events } = this;
    const kind = events.kind[row];
    if (kind === KIND.mm_page_alloc) {
      const pfn = eventPfn(events, row);
      if (pfn >= 0) this.held.set(pfn, { task: events.task[row], cpu: events.cpu[row], order: events.unit[row] & 15 });
    } else if (kind === KIND.mm_page_free) this.held.delete(eventPfn(events, row));
  }

  before(): void {
    this.count('before', (pfn) => {
      const row = this.machine.pages.pfnToRow(pfn);
      return row < 0 ? -1 : (this.machine.zoneOfRow(row)?.nid ?? -1);
    });
  }

  after(nidOf: (pfn: number) => number): void {
    this.count('after', nidOf);
  }

  /** Processes with most pages first. */
  report(): ProcessLocality[] {
    return [...this.shares]
      .map(([task, share]) => ({ comm: this.events.tasks[task].comm, pid: this.events.tasks[task].pid, ...share }))
      .sort((a, b) => b.pages - a.pages || a.pid - b.pid);
  }

  private count(which: 'before' | 'after', nidOf: (pfn: number) => number): void {
    for (const [pfn, { task, cpu, order }] of this.held) {
      let share = this.shares.get(task);
      if (share === undefined) this.shares.set(task, (share = { pages: 0, before: 0, after: 0 }));
      const local = nidOf(pfn) === this.machine.nodeOfCpu(cpu) ? 2 ** order : 0;
      if (which === 'before') share.pages += 2 ** order;
      share[which] += local;
    }
  }
}
