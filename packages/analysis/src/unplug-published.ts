/**
 * What others measured of virtio-mem, beside what the model says of their machine. Nothing of a figure that is checked goes
 * into its prediction: the cost table's virtioMemPlug2M and virtioMemUnplug2M, which are such figures, are replaced by the
 * steps that they are made of.
 *
 * The model charges what it does by itself (isolation, draining, notifiers, block devices, struct pages of onlining). What
 * it does not charge are walks over the struct pages of a block, counted in the sources of 6.1, where the pages are free:
 *
 *   split_page(), split_map_pages()                         2
 *   move_freepages() of the undo                            1
 *   virtio_mem_set_fake_offline()                           1
 *   has_unmovable_pages(), move_freepages() of offlining    2
 *   virtio_mem_fake_offline_going_offline()                 1
 *   scan_movable_pages()                                    1
 *   __test_page_isolated_in_pageblock()                     1
 *   __offline_isolated_pages()                              1
 *
 * Ten, of which the model has charged two as pageblockIsolation, once for alloc_contig_range() and once for offlining.
 *
 * Models: mm/compaction.c, mm/page_isolation.c, mm/page_alloc.c, mm/memory_hotplug.c, drivers/virtio/virtio_mem.c, 6.1.
 */
import { COSTS, createKernel, parseMachineShorthand, VirtualClock, type CostTable } from '@replug/core';
import { buddy } from '@replug/buddy';
import { hotplug } from '@replug/hotplug';
import type { PublishedFigure } from '@replug/report';
import { virtioMem, VirtioMemToken } from '@replug/virtio-mem';

const GiB = 2 ** 30;
const PAGES_2M = 512;
const PASSES = 10;
const CHARGED_PASSES = 2;
/** One request is for a memory block of 128 MiB where all of it goes: 64 pieces of 2 MiB. */
const PIECES_A_REQUEST = 64;

const MACHINE = 'Xeon Gold 6252, guest of 12 CPUs, 2 + 18 GiB, Linux 6.1, ZONE_MOVABLE';
const SOURCE = 'HyperAlloc raw data, median of ten';

interface Measured {
  /** The memory had been written to before it went. */
  readonly touched: boolean;
  /** ms. */
  readonly shrink: number;
  readonly grow: number;
}

const MEASURED: readonly Measured[] = [
  { touched: true, shrink: 581, grow: 196.7 },
  { touched: false, shrink: 474, grow: 195 },
];

const WALKS =
  'ten walks over struct pages, 10 ns each, assumed; isolation, draining, notifiers, block devices: cost table';
const GROWING =
  'left out: page tables of the direct map and the map of struct pages, the grace periods of mem_hotplug_lock, user space that hears of 144 blocks';

/** 20 GiB to 2 GiB and back: both figures of memory that was touched, and of memory that was not. */
export function unplugFigures(): PublishedFigure[] {
  return MEASURED.flatMap(({ touched, shrink, grow }) => {
    const model = resize(touched);
    const state = touched ? 'touched' : 'untouched';
    return [
      figure(`shrink by 18 GiB, ${state}`, shrink, model.shrink, touched ? `${WALKS}; hostDiscard2M` : WALKS, ''),
      figure(
        `grow by 18 GiB, ${state}`,
        grow,
        model.grow,
        'structPageInit, memoryBlockDevice, notifiers, requests',
        GROWING,
      ),
    ];
  });
}

function figure(what: string, published: number, model: number, inputs: string, cause: string): PublishedFigure {
  const off = Math.abs(model - published) / published;
  return { source: SOURCE, machine: MACHINE, what, published, model, inputs, reason: off > 0.2 ? cause : '' };
}

/** ms of virtual time. */
function resize(touched: boolean): { shrink: number; grow: number } {
  const clock = new VirtualClock(costsOf(touched));
  using kernel = createKernel({
    machine: parseMachineShorthand('x86-64,2G,cpus=12,kernel=6.1,spare=18G'),
    clock,
    subsystems: [
      buddy(),
      hotplug({ defaultOnlineType: 'online_movable' }),
      virtioMem({ devices: [{ id: 'vm0', size: 18 * GiB }] }),
    ],
  });
  const device = kernel.get(VirtioMemToken).host.device('vm0')!;
  clock.advance(0);
  const ask = (bytes: number): number => {
    const since = clock.now;
    device.setRequestedSize(bytes);
    clock.advance(0);
    return (clock.now - since) / 1e6;
  };
  const grow = ask(18 * GiB);
  const shrink = ask(0);
  return { shrink, grow };
}

/** The cost table with the two checked figures taken apart. */
export function costsOf(touched: boolean): CostTable {
  const request = COSTS.virtioRoundTrip.ns / PIECES_A_REQUEST;
  const walks = (PASSES - CHARGED_PASSES) * PAGES_2M * COSTS.structPagePass.ns;
  const discard = touched ? COSTS.hostDiscard2M.ns : 0;
  return {
    ...COSTS,
    virtioMemPlug2M: { ...COSTS.virtioMemPlug2M, ns: request, source: 'virtioRoundTrip for 128 MiB' },
    virtioMemUnplug2M: {
      ...COSTS.virtioMemUnplug2M,
      ns: request + walks + discard,
      source: 'virtioRoundTrip for 128 MiB, structPagePass, hostDiscard2M',
    },
  };
}
