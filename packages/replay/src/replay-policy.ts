/**
 * A replay in which the allocator decides, from end to end: on the recorded machine, beside which its answers are held, or
 * on any other, which then serves what the recorded one served.
 */
import {
  Core,
  GFP_MASKS,
  PAGE_CLASS,
  PAGE_STATE,
  PageAllocator,
  STATE_HOLDER_MASK,
  STATE_ORDER_MASK,
  ZoneFreeLists,
  type Kernel,
} from '@replug/core';
import { freeBitmap, type Checkpoint } from './checkpoint.ts';
import { runCourse, type CourseOptions } from './course.ts';
import { otherMachineTooSmall } from './errors.ts';
import { noAnnotations, type Annotations } from './hidden.ts';
import { migratorOf } from './migrator-of.ts';
import type { Divergence, PolicyCounts } from './policy-counts.ts';
import { PolicyReplay } from './policy.ts';
import { prepare, type Prepared, type PrepareOptions } from './prepare.ts';
import { checkpoint } from './replay.ts';
import type { SeriesSampler, Series } from './sampling.ts';
import type { Span } from './span.ts';

export interface PolicyOptions extends PrepareOptions, CourseOptions {
  /** What a prediction of the same span found; without, requests that have no event are missing. */
  readonly annotations?: Annotations;
  /** Told of each event before it is applied. */
  readonly onEvent?: (row: number) => void;
  /** A booted kernel of another machine, its memory free; it serves instead of the recorded one. */
  readonly elsewhere?: Kernel;
}

/** Free blocks by order when the replay ends. */
export interface FinalZone {
  readonly node: number;
  readonly zone: string;
  readonly free: readonly number[];
}

export interface PolicyResult {
  readonly counts: PolicyCounts;
  readonly baseline: Prepared['baseline'];
  /** Requests that both the recorded kernel and the model served; those answered with the recorded frame. */
  readonly total: number;
  readonly exact: number;
  readonly firstDivergence: Divergence | null;
  /** Empty on another machine. */
  readonly checkpoints: readonly Checkpoint[];
  /** Times that a request was served from a foreign list. */
  readonly fallbacks: number;
  readonly zones: readonly FinalZone[];
  readonly stateHash: string;
  readonly series?: Series;
  readonly notes: readonly string[];
}

/** `kernel`: as for replayRecorded(). Errors: RP5007, RP5008. */
export function replayPolicy(kernel: Kernel, span: Span, options: PolicyOptions = {}): PolicyResult {
  const prepared = prepare(kernel, span, options);
  const { machine: recorded } = prepared;
  const serving = options.elsewhere ?? kernel;
  const same = serving === kernel;
  const machine = serving.get(Core.Machine);
  const lists = serving.get(ZoneFreeLists);
  const allocator = serving.get(PageAllocator);
  const { annotations = noAnnotations() } = options;
  const sizesFit = (options.recordedProfile ?? machine.description.profile) === machine.description.profile;
  const replay = new PolicyReplay({
    recorded,
    machine,
    allocator,
    lists,
    clock: serving.get(Core.Clock),
    events: span.events,
    from: span.from,
    annotations: same && sizesFit ? annotations : { ...annotations, sizes: [] },
    fromBoot: same && prepared.fromBoot,
    onEvent: options.onEvent,
  });
  using moves = followMoves(serving, replay);
  void moves;
  if (!same) occupy(prepared, allocator, replay, machine.pages.arch.maxPageOrder);
  const start = freeBitmap(recorded, prepared.lists);
  const checkpoints: Checkpoint[] = [];
  let fallbacks = 0;
  let sampler: SeriesSampler | undefined;
  using listening = serving.get(Core.Tracepoints).mm_page_alloc_extfrag.on((pfn) => {
    fallbacks++;
    sampler?.fallback(pfn);
  });
  const series = runCourse(
    span,
    { ...prepared, machine, lists },
    (first, last) => replay.run(first, last),
    (stop, done) => {
      if (!same) return;
      // Blocks that showed up in the last dump only.
      if (stop === span.stops.at(-1)) replay.giveLate(Infinity);
      checkpoints.push(checkpoint(prepared, start, stop, done));
    },
    options,
    (created) => (sampler = created),
  );
  void listening;
  return {
    counts: replay.counts,
    baseline: prepared.baseline,
    ...replay.agreement,
    checkpoints,
    fallbacks,
    zones: machine.zones.all
      .filter((zone) => zone.populated)
      .map((zone) => ({
        node: zone.nid,
        zone: zone.name,
        free: Array.from({ length: machine.pages.arch.maxPageOrder + 1 }, (_, order) =>
          lists.freeBlocks(zone.index, order),
        ),
      })),
    stateHash: serving.stateHash(),
    series,
    notes: span.notes,
  };
}

/** Frames that move while the replay goes on keep their names. */
function followMoves(kernel: Kernel, replay: PolicyReplay): Disposable {
  return (
    migratorOf(kernel)?.onMove((source, target, order) => replay.moved(source, target, order)) ?? {
      [Symbol.dispose]: () => undefined,
    }
  );
}

/** Allocates on another machine what is in use on the recorded one when the span begins. */
function occupy({ machine }: Prepared, allocator: PageAllocator, replay: PolicyReplay, maxOrder: number): void {
  const { pages } = machine;
  const { names } = replay;
  const rows = names.frameOf.length;
  for (let row = 0; row < rows;) {
    const own = pages.state[row];
    if ((own & STATE_HOLDER_MASK) !== PAGE_STATE.ALLOCATED) {
      row++;
      continue;
    }
    const order = Math.min(own & STATE_ORDER_MASK, maxOrder);
    const end = row + (1 << (own & STATE_ORDER_MASK));
    const gfp = MOVABLE_CLASSES.has(pages.pageClass[row]) ? GFP_MASKS.GFP_HIGHUSER_MOVABLE : GFP_MASKS.GFP_KERNEL;
    for (; row < end; row += 1 << order) {
      const frame = allocator.alloc(gfp, order, 0);
      if (frame < 0) throw otherMachineTooSmall(`page ${row} of ${rows}, order ${order}`);
      names.name(row, frame, 1 << order);
    }
  }
}

const MOVABLE_CLASSES: ReadonlySet<number> = new Set([
  PAGE_CLASS.LRU_ANON,
  PAGE_CLASS.LRU_FILE,
  PAGE_CLASS.THP,
  PAGE_CLASS.MOVABLE,
  PAGE_CLASS.MOVABLE_OPS,
]);
