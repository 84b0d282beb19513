/**
 * A small recording that has everything: every field of every type is required here, so one that is new in Recording does not
 * pass the type check before it stands here, and then does not come back before it has a place in the format.
 */
import { KIND } from '@replug/core';
import { EventColumnsBuilder, packUnit } from '../builder.ts';
import type { EventColumns } from '../events.ts';
import { PageOwnerBuilder, type PageOwner } from '../page-owner.ts';
import type { PageFlags, Recording } from '../recording.ts';

type Full<T> = T extends (...args: never[]) => unknown
  ? T
  : T extends ArrayBufferView
    ? T
    : T extends readonly (infer E)[]
      ? readonly Full<E>[]
      : T extends object
        ? { readonly [K in keyof T]-?: Full<NonNullable<T[K]>> }
        : T;

type Everything = Omit<Full<Recording>, 'steps'> & {
  readonly steps: readonly (Omit<Full<Recording['steps'][number]>, 'pageFlags' | 'pageOwner'> &
    Required<Pick<Recording['steps'][number], 'pageFlags' | 'pageOwner'>>)[];
};

/** 6 events of 4 kinds, from two CPUs, with a failed allocation and a pfn of 40 bits. */
export function smallEvents(): Required<EventColumns> {
  const builder = new EventColumnsBuilder();
  builder.gfpTexts.intern('');
  const task = builder.internTask('kworker/0:1 – odd) name', 17);
  const other = builder.internTask('', -1);
  const flags = builder.flagTexts.intern('d..2.');
  const none = builder.flagTexts.intern('');
  const gfp = builder.gfpTexts.intern('GFP_KERNEL|__GFP_NOWARN');
  builder.pushPage(KIND.mm_page_alloc, 6_730_010_000, 0, flags, task, 0x2b17, packUnit(3, 2, 0), gfp);
  builder.pushPage(KIND.mm_page_alloc, 6_730_011_000, 65535, none, other, -1, packUnit(9, 0, 0), gfp);
  builder.pushPage(KIND.mm_page_free, 6_730_011_000, 1, flags, task, 0xfe_ffff_ffff, packUnit(0, 0, 0));
  builder.pushArgs(KIND.tracing_mark_write, 6_730_012_000, 0, none, task, [builder.words.intern('snapx mid begin')]);
  const isolated = [0x1000, 0x1200, 512, -3];
  builder.pushArgs(KIND.mm_compaction_isolate_freepages, 6_730_013_000, 0, flags, task, isolated);
  builder.pushPage(KIND.mm_page_free, 6_730_015_000, 1, flags, task, 0, packUnit(15, 7, 1));
  builder.setStack(0, 'alloc_pages+0x1/0x2\nhandle_mm_fault');
  builder.setStack(4, 'compaction_alloc');
  return builder.finish() as Required<EventColumns>;
}

export function smallFlags(): PageFlags {
  return {
    length: 5,
    low: Uint32Array.of(0, 1024, 1024, 0xffffffff, 0x80000000),
    high: Uint32Array.of(1, 0, 0, 0xfff, 0),
    count: Uint32Array.of(0, 0, 1, 4294967295, 7),
  };
}

/** Three records, the second of a kernel that tells little, the third with ids that are no pids. */
export function smallOwner(): PageOwner {
  const builder = new PageOwnerBuilder();
  for (const [pfn, order, pid, time] of [
    [0x2b17, 3, 17, 6_730_010_000],
    [-1, 0, -1, 0],
    [0xfe_ffff_ffff, 30, -5, 1],
  ]) {
    builder.reserve();
    const row = builder.length++;
    builder.pfn[row] = pfn;
    builder.order[row] = order;
    builder.pid[row] = pid;
    builder.tgid[row] = pid;
    builder.time[row] = time;
  }
  builder.type[0] = builder.blockType[2] = builder.gfp[0] = builder.comm[0] = builder.flagNames[0] = 1;
  builder.stack[0] = builder.moved[2] = builder.memcg[2] = 1;
  builder.flagsLow[0] = 0xffffffff;
  builder.flagsHigh[0] = 0x2000000;
  builder.freeTime[0] = 2 ** 53 - 1;
  builder.marks[2] = 5;
  return builder.finish({
    types: ['', 'Movable'],
    gfpTexts: ['', 'GFP_KERNEL|__GFP_NOWARN'],
    gfpMasks: [0, 0x2cc0],
    comms: ['', 'kworker/0:1 – odd) name'],
    flagTexts: ['', 'uptodate|lru'],
    stacks: ['', 'get_page_from_freelist+0x1654/0x1738\n__alloc_pages_noprof+0x124/0xe60'],
    reasons: ['', 'compaction'],
    memcgs: ['', 'init.scope'],
    pageblockOrder: 9,
  });
}

const node = 0;
const name = 'DMA32';
const interval = { begin: 6.5, end: 6.625 };

export function everything(): Everything {
  return {
    name: 'small',
    path: '/captures/small',
    arch: 's390x',
    pageSize: 4096,
    kernel: '6.1.0-50-s390x',
    commandLine: 'panic=-1 quiet',
    bigEndian: true,
    steps: [
      {
        number: 1,
        name: 'before',
        path: 'steps/01-before',
        when: {
          ...interval,
          tracing: 'started-after-reading',
          reads: { 'kpageflags.bin': { begin: 6.5123, end: 6.6 } },
          order: ['buddyinfo', 'zoneinfo'],
          tracingOn: interval,
          tracingOff: { begin: 0, end: 1e-9 },
        },
        zoneinfo: {
          zones: [
            {
              node,
              name,
              free: 1000,
              boost: 0,
              min: 11,
              low: 13,
              high: 15,
              promo: 17,
              spanned: 4096,
              present: 4000,
              managed: 3900,
              cma: 0,
              protection: [0, 0, 1536],
              startPfn: 4096,
              pagesets: [{ cpu: 0, count: 5, high: 6, batch: 1, statThreshold: 12 }],
              stats: { nr_free_pages: 1000, nr_bounce: 0 },
              nodeStats: { nr_dirtied: 2 ** 53 },
            },
          ],
          unknownKeys: { new_key: 3 },
        },
        buddyinfo: [{ node, name, counts: [1, 2, 0, 4] }],
        buddyinfo2: [],
        pagetypeinfo: {
          pageblockOrder: 9,
          migratetypes: ['Unmovable', 'Movable'],
          free: [{ node, name, type: 'Movable', counts: [100000, 1], saturated: [0] }],
          blocks: [{ node, name, counts: [3, 4] }],
        },
        iomem: [{ start: 0, end: 2 ** 40 - 1, name: 'System RAM', depth: 0 }],
        memoryBlocks: {
          blockSize: 2 ** 27,
          autoOnlineBlocks: 'offline',
          blocks: [{ id: 7, state: 'online', removable: false, validZones: ['Normal'], physDevice: 0, nodes: [0] }],
        },
        nodes: [{ nid: 0, cpus: [0, 1], distances: [10], meminfo: { MemTotal: 4000 } }],
        sysctl: { 'vm.min_free_kbytes': '7872', 'vm.empty': '' },
        vmstat: {},
        meminfo: { MemTotal: 4000, 'HugePages Total': 0 },
        extfragIndex: [{ node, name, values: [-1000, 500] }],
        unusableIndex: [],
        hasPageFlags: true,
        pageFlags: smallFlags,
        pageOwner: smallOwner,
      },
    ],
    dmesg: {
      zoneRanges: [{ name: 'DMA', start: 0, end: 2 ** 31 }],
      movableStarts: [{ nid: 0, start: 2 ** 32 }],
      nodeRanges: [{ nid: 0, start: 0, end: 2 ** 33 }],
      fallbackOrders: [{ nid: 0, order: [0, 1] }],
      freed: [{ what: 'initrd', kilobytes: 8020 }],
      initrd: { start: 4096, end: 8192 },
      builtZonelists: [{ mobility: true, totalPages: 3900 }],
    },
    trace: {
      path: 'trace/trace.txt.xz',
      events: smallEvents(),
      counts: { mm_page_alloc: 2, mm_page_free: 2, tracing_mark_write: 1, mm_compaction_isolate_freepages: 1, foo: 9 },
      lost: 3,
      clock: 'global',
      fromBoot: true,
    },
    files: [
      {
        path: 'meta.txt',
        format: 'meta',
        lines: 10,
        bytes: 1234,
        events: 7,
        comments: 1,
        skipped: { 'line-too-long': 2 },
        samples: [{ reason: 'line-too-long', line: 4, text: 'aaaa\u0000\ud83d\ude00' }],
        unknownKeys: ['colour'],
        details: { 'stack lines': 3 },
      },
    ],
    warnings: [{ name: 'no-trace', text: 'there is no trace' }],
  };
}

/** The same without what may be absent. */
export function bare(): Recording {
  return {
    name: '',
    path: '',
    arch: 'unknown',
    pageSize: 65536,
    kernel: '',
    commandLine: '',
    bigEndian: false,
    steps: [{ number: 0, name: '', path: '', hasPageFlags: false, pageFlags: () => undefined }],
    files: [{ path: '', format: '', skipped: {}, samples: [], unknownKeys: [] }],
    warnings: [],
  };
}

/** Everything but functions, which are called: what `toEqual` shall compare. */
export function comparable(recording: Recording) {
  return { ...recording, steps: recording.steps.map(called) };
}

function called(step: Recording['steps'][number]) {
  return { ...step, pageFlags: step.pageFlags(), ...(step.pageOwner && { pageOwner: step.pageOwner() }) };
}
