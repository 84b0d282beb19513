/**
 * Class bytes of a machine at any instant of a trace: replayed up to it from the last dump before, as `view` does.
 *
 * The dump does not tell pages on a CPU's list from kernel memory; events up to the instant do, where they name the page.
 */
import {
  Core,
  PAGE_CLASS,
  PAGE_STATE,
  STATE_HOLDER_MASK,
  STATE_ORDER_MASK,
  ZoneFreeLists,
  PageAllocator,
} from '@replug/core';
import { findSpan, freeBitmap, replayRecorded } from '@replug/replay';
import { DOUBT, pageClassBytes, type Recording, type Time } from '@replug/workload';
import { recordedKernel } from '../replay.ts';

export interface ReplayedPages {
  /** Pages in ascending pieces. */
  each(onPages: (pfn: number, bytes: Uint8Array, pages: number) => void): void;
  /** Free pages by zone, key `node name`. */
  readonly free: ReadonlyMap<string, number>;
  readonly notes: readonly string[];
}

/** Errors: RP5001–RP5004, RP3xxx. */
export function replayedPages(
  recording: Recording,
  at: Time,
  onProgress?: (done: number, total: number) => void,
): ReplayedPages {
  const span = findSpan(recording, undefined, at);
  const kernel = recordedKernel(recording, span);
  try {
    const { notes } = replayRecorded(kernel, span, { onProgress });
    const machine = kernel.get(Core.Machine);
    const allocator = kernel.get(PageAllocator);
    const { pages } = machine;
    const bytes = classBytes(pages, freeBitmap(machine, kernel.get(ZoneFreeLists)));
    const flags = span.baseline?.hasPageFlags === true ? span.baseline.pageFlags() : undefined;
    doubtKernel(pages, bytes, flags === undefined ? new Uint8Array(0) : pageClassBytes(flags));
    const per = 2 ** pages.sectionShift;
    const places = pages.sections().map((section) => [section * per, pages.pfnToRow(section * per)] as const);
    return {
      each: (onPages) => {
        for (const [pfn, row] of places) onPages(pfn, bytes.subarray(row, row + per), per);
      },
      free: new Map(machine.zones.all.map((z) => [`${z.nid} ${z.kind.name}`, allocator.freePages(z.index)])),
      notes,
    };
  } finally {
    kernel.dispose();
  }
}

interface Columns {
  readonly slotCount: number;
  readonly sectionShift: number;
  readonly state: Uint8Array;
  readonly pageClass: Uint8Array;
  zoneOf(row: number): number;
  rowToPfn(row: number): number;
}

/** Classes that a page has by itself, held by nobody. */
const BY_ITSELF: ReadonlySet<number> = new Set([
  PAGE_CLASS.RESERVED,
  PAGE_CLASS.OFFLINE,
  PAGE_CLASS.HWPOISON,
  PAGE_CLASS.HOLE,
  PAGE_CLASS.DEVICE,
]);

/**
 * Bytes by row. A page that is neither free nor in anybody's hands lies on a CPU's list: which one is not always told, and then
 * the replay places it on none.
 */
function classBytes(pages: Columns, free: Uint8Array): Uint8Array {
  const { state, pageClass } = pages;
  const rows = pages.slotCount << pages.sectionShift;
  const bytes = new Uint8Array(rows);
  let heldUntil = 0;
  for (let row = 0; row < rows; row++) {
    if ((state[row] & STATE_HOLDER_MASK) === PAGE_STATE.ALLOCATED)
      heldUntil = row + (1 << (state[row] & STATE_ORDER_MASK));
    const use = pageClass[row];
    if (pages.zoneOf(row) < 0) bytes[row] = PAGE_CLASS.HOLE;
    else if (free[row] === 1) bytes[row] = PAGE_CLASS.FREE;
    else if (BY_ITSELF.has(use)) bytes[row] = use;
    else bytes[row] = row < heldUntil ? byteOf(use) : PAGE_CLASS.PCP;
  }
  return bytes;
}

/** Kernel memory that the dump at the start told by no flag may lie on a CPU's list, unless events tell otherwise. */
function doubtKernel(pages: Columns, bytes: Uint8Array, before: Uint8Array): void {
  for (let row = 0; row < bytes.length; row++) {
    if (bytes[row] === PAGE_CLASS.KERNEL && before[pages.rowToPfn(row)] !== PAGE_CLASS.KERNEL)
      bytes[row] = PAGE_CLASS.KERNEL | DOUBT.NO_FLAGS;
  }
}

function byteOf(use: number): number {
  if (use === PAGE_CLASS.MOVABLE) return use | DOUBT.BY_GFP;
  return use === PAGE_CLASS.UNKNOWN ? use | DOUBT.NOT_TOLD : use;
}
