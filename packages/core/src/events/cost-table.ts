/**
 * What operations cost, in virtual nanoseconds. Every number says where it comes from; `assumed` means that no
 * measurement was found and the number is only a magnitude. They differ by an order of magnitude between machines, so a
 * kernel takes a table of its own (`new VirtualClock({ ...COSTS, pageCopy4K: … })`).
 */

export interface Cost {
  readonly ns: number;
  /** What one of it is. */
  readonly per: string;
  /** A published measurement and how the number follows from it, or 'assumed'. */
  readonly source: 'assumed' | (string & {});
  /** Why the assumed magnitude. */
  readonly note?: string;
}

/** The default costs. */
export const COSTS = {
  stopMachine: {
    ns: 100_000,
    per: 'rendezvous of all CPUs, times log2 of their number',
    source: 'assumed',
    note: 'magnitude of a thread wake-up on every CPU',
  },
  zonelistRebuild: {
    ns: 20_000,
    per: 'node, rebuild under a seqlock',
    source: 'assumed',
    note: 'a few thousand cache lines written',
  },
  zonelistRebuildStopped: {
    ns: 16_479_492,
    per: 'rebuild and pcp update under stop_machine',
    source:
      'Dynamic NUMA cover letter, linux-mm 2013: about 9 minutes to stripe a 128 MiB guest with 8 CPUs over 3 nodes. ' +
      '540 s / 32768 pages, all of the time put down to one rebuild a page: an upper bound, on a laptop',
  },
  pageCopy4K: { ns: 410, per: '4 KiB copied', source: 'assumed', note: '10 GB/s' },
  pageMigration: { ns: 1_500, per: 'page unmapped and mapped again, without its copy', source: 'assumed' },
  pageTableEntryWalk: {
    ns: 1,
    per: 'page table entry looked at',
    source: 'assumed',
    note: 'sequential, from the cache',
  },
  structPageInit: {
    ns: 21.8,
    per: 'struct page initialised and released to the allocator, one thread',
    source:
      'Linux 5.8, deferred init by padata (D. Jordan): 1096 ms for a Broadwell guest of 192 GB before the change, ' +
      'taken as one thread. 1096 ms / 50331648 pages',
  },
  zoneDevicePageInit: {
    ns: 43.5,
    per: 'struct page of device memory initialised, one thread',
    source:
      'memmap init series for Linux 4.20 (A. Duyck), cover letter v5: 30 to 40 s a node of 3 TB, 12 TB on 4 nodes. ' +
      '35 s / 805306368 pages; 37 to 50 by the ends of the range',
  },
  vmemmapPopulate2M: {
    ns: 1_000,
    per: '2 MiB block of memmap allocated and mapped, not zeroed',
    source: 'assumed',
    note: 'an order 9 allocation and one page table entry; memmap is not zeroed when it is mapped since Linux 4.15',
  },
  pageReclaim: {
    ns: 500,
    per: 'clean page taken off the page cache and freed',
    source: 'assumed',
    note: 'a lock, a tree entry, a batch of frees',
  },
  vmemmapPopulatePage: {
    ns: 300,
    per: 'single page of memmap allocated and mapped, not zeroed',
    source: 'assumed',
    note: 'an order 0 allocation and one page table entry',
  },
  tlbFlush: { ns: 1_500, per: 'CPU told to flush', source: 'assumed', note: 'an inter-processor interrupt, 1 to 3 µs' },
  pcpDrain: { ns: 5_000, per: 'CPU whose page lists are drained', source: 'assumed', note: 'a work item on each CPU' },
  notifierCall: {
    ns: 1_000,
    per: 'callback of a notifier chain told',
    source: 'assumed',
    note: 'a call that finds nothing to do',
  },
  pageblockIsolation: {
    ns: 5_000,
    per: 'pageblock checked, typed ISOLATE and its free pages moved',
    source: 'assumed',
    note: '512 struct pages looked at, 10 ns each',
  },
  memoryBlockDevice: {
    ns: 50_000,
    per: 'memory block device added, removed or changed, its uevent included',
    source: 'assumed',
    note: 'a sysfs folder of eight files and a message to user space',
  },
  virtioRoundTrip: {
    ns: 20_000,
    per: 'request and answer',
    source: 'assumed',
    note: 'two exits and a host thread woken',
  },
  structPagePass: {
    ns: 10,
    per: 'struct page looked at or written in a walk over a memory block',
    source: 'assumed',
    note: 'a cache line, in order, mostly from the cache; what pageblockIsolation has for each of 512',
  },
  hostDiscard2M: {
    ns: 8_553,
    per: '2 MiB of guest memory that was touched, given back to the host',
    source:
      'HyperAlloc raw data (Xeon Gold 6252, Linux 6.1), virtio-balloon with 2 MiB pages shrinking by 18 GiB: 148.36 ms ' +
      'where they were touched, 69.54 ms where not, medians of ten. Difference / 9216',
  },
  virtioMemUnplug2M: {
    ns: 63_043,
    per: '2 MiB unplugged, migration and the host side included',
    source: 'HyperAlloc measurements (Xeon Gold 6252, Linux 6.1): guest 20 to 2 GiB by virtio-mem in 581 ms / 9216',
  },
  virtioMemPlug2M: {
    ns: 21_376,
    per: '2 MiB plugged, the host side included',
    source: 'HyperAlloc measurements (Xeon Gold 6252, Linux 6.1): guest 2 to 20 GiB by virtio-mem in 197 ms / 9216',
  },
} as const satisfies Record<string, Cost>;

export type CostName = keyof typeof COSTS;

/** A cost for each name. */
export type CostTable = Readonly<Record<CostName, Cost>>;
