/**
 * Hand-made traces on a small machine, run event by event through the recorded replay over the naive lists.
 *
 *   taken 5 o2 t0 c1    mm_page_alloc_zone_locked of row 5, order 2, type 0, on CPU 1 (default: order 0, movable, CPU 0)
 *   got 5               mm_page_alloc; g: a gfp text
 *   freed 5 irq         mm_page_free, from an interrupt
 *   batched 5           mm_page_free_batched
 *   drained 5           mm_page_pcpu_drain
 *   failed              mm_page_alloc without a page
 *
 * `by:NAME` names the task; init has pid 1, all others 7. Events are 1 ms apart.
 */
import { Core, createKernel, KIND, MIGRATE, TRACEPOINT_KIND, type Kernel, type KernelProfile } from '@replug/core';
import { sizeLists, smallMachine } from '@replug/core/testing';
import { EventColumnsBuilder, packUnit, type EventColumns } from '@replug/workload';
import { FATE, fates } from './fates.ts';
import { lookAhead, noLookahead, type Lookahead } from './lookahead.ts';
import { naive, type NaiveLists } from './naive-lists.spec-kit.ts';
import { Predictor } from './predict.ts';
import { migratetypeTable, RecordedReplay } from './recorded.ts';
import { TypeCounts } from './type-counts.ts';

/** pfn of row 0. */
export const BASE = 0x8000;

const KINDS: Readonly<Record<string, number>> = {
  taken: KIND.mm_page_alloc_zone_locked,
  got: KIND.mm_page_alloc,
  freed: KIND.mm_page_free,
  batched: KIND.mm_page_free_batched,
  drained: KIND.mm_page_pcpu_drain,
};

/** An event of several fields: its name, and its values in catalogue order. */
export type FieldEvent = readonly [name: string, ...values: (number | string)[]];

export function trace(...lines: readonly (string | FieldEvent)[]): EventColumns {
  const builder = new EventColumnsBuilder();
  const plain = builder.flagTexts.intern('d..2.');
  const interrupt = builder.flagTexts.intern('d.s3.');
  lines.forEach((line, i) => {
    const time = (i + 1) * 1e6;
    if (typeof line !== 'string') {
      const [name, ...values] = line;
      const numbers = values.map((v) => (typeof v === 'string' ? builder.words.intern(v) : v));
      builder.pushArgs(TRACEPOINT_KIND.get(name)!, time, 0, plain, builder.internTask('task', 7), numbers);
      return;
    }
    const [what, ...words] = line.split(' ');
    const number = (letter: string, otherwise: number) => {
      const word = words.find((w) => new RegExp(`^${letter}\\d+$`).test(w));
      return word === undefined ? otherwise : Number(word.slice(1));
    };
    const row = words.find((w) => /^\d+$/.test(w));
    const gfp = words.find((w) => w.startsWith('g:'))?.slice(2) ?? 'GFP_HIGHUSER_MOVABLE';
    const task = words.find((w) => w.startsWith('by:'))?.slice(3) ?? 'task';
    builder.pushPage(
      what === 'failed' ? KIND.mm_page_alloc : KINDS[what],
      time,
      number('c', 0),
      words.includes('irq') ? interrupt : plain,
      builder.internTask(task, task === 'init' ? 1 : 7),
      row === undefined ? -1 : BASE + Number(row),
      packUnit(number('o', 0), number('t', MIGRATE.MOVABLE), what === 'taken' ? 1 : 0),
      builder.gfpTexts.intern(gfp),
    );
  });
  return builder.finish();
}

export interface Rig {
  readonly kernel: Kernel;
  readonly lists: NaiveLists;
  /** The one zone with memory. */
  readonly zone: number;
}

/** A kernel of 4096 pages over lists that know nothing; batches of `batch`, limits of `high`. */
export function rig(profile: KernelProfile = '6.1', batch = 4, high = 1000, pages = 4096): Rig {
  let lists: NaiveLists | undefined;
  const kernel = createKernel({
    machine: smallMachine({ profile, pages, startPfn: BASE }),
    subsystems: [naive((made) => (lists = made))],
  });
  sizeLists(kernel, batch, high);
  return { kernel, lists: lists!, zone: lists!.populated };
}

export function look({ kernel }: Rig, events: EventColumns, onlyRequests = false): Lookahead {
  const { pages, description } = kernel.get(Core.Machine);
  return lookAhead(events, pages, {
    from: 0,
    to: events.length,
    migratetype: migratetypeTable(true),
    typesOfLists: description.profile === '6.12',
    onlyRequests,
  });
}

export interface PredictOptions {
  readonly fromBoot?: boolean;
  /** False: online. */
  readonly hindsight?: boolean;
  readonly madeUp?: boolean;
}

/** Replays a trace with a predictor. */
export function predict(on: Rig, events: EventColumns, options: PredictOptions = {}) {
  const { kernel, lists } = on;
  const machine = kernel.get(Core.Machine);
  const { hindsight = true, fromBoot = false, madeUp = false } = options;
  const lookahead = hindsight ? look(on, events) : noLookahead(machine.pages, 0, events.length);
  const predictor = new Predictor({
    machine,
    lists,
    preview: lists,
    events,
    from: 0,
    fates: hindsight
      ? fates(events, machine.pages, 0, events.length)
      : new Uint8Array(events.length).fill(FATE.UNKNOWN),
    blockType: lookahead.blockType,
    typeCounts: new TypeCounts(machine, undefined),
    fromBoot,
    madeUp,
    refresh: lists.refresh,
  });
  const replay = new RecordedReplay({
    machine,
    lists,
    tracepoints: kernel.get(Core.Tracepoints),
    events,
    lookahead,
    from: 0,
    migratetype: migratetypeTable(true),
    infers: false,
    predictor,
  });
  replay.run(0, events.length);
  const { hidden, early, sizes, corrections } = predictor.annotations;
  /** Bulk allocations as `row@event`. */
  const bulk = [...hidden.inOrder()].map((k) => `${hidden.row[k]}@${hidden.at[k]}`);
  return { ...predictor.predictions, predictor, bulk, early, sizes, corrections, counts: replay.counts };
}
