/**
 * Lines after the stack: why the page was migrated last, and which memory cgroup pays for it.
 *
 *   Page has been migrated, last migrate reason: compaction
 *   Slab cache page
 *   Charged to memcg NAME, Charged (via objcg) to offline memcg NAME
 */
import { PAGE_OWNER_MARK } from '@replug/workload';
import type { PageOwnerSink } from './sink.ts';

const RETURN = 13;
const encoder = new TextEncoder();
const MIGRATED = encoder.encode('Page has been migrated, last migrate reason: ');
const SLAB = encoder.encode('Slab cache page');
const CHARGED = encoder.encode('Charged ');
const VIA = encoder.encode('(via objcg) ');
const TO = encoder.encode('to ');
const OFFLINE = encoder.encode('offline ');
/** Seen in what 5.17 prints. */
const OFFLINED = encoder.encode('offlined ');
const MEMCG = encoder.encode('memcg ');

/** HOT. Reads the line [at, eol) into `row`; false when it is none of these. */
export function readTrailer(
  view: DataView,
  bytes: Uint8Array,
  from: number,
  eol: number,
  row: number,
  sink: PageOwnerSink,
): boolean {
  const { builder } = sink;
  const end = bytes[eol - 1] === RETURN ? eol - 1 : eol;
  let at = from;
  if (stands(bytes, at, CHARGED)) {
    at += CHARGED.length;
    let marks = 0;
    if (stands(bytes, at, VIA)) {
      marks |= PAGE_OWNER_MARK.viaObjcg;
      at += VIA.length;
    }
    if (!stands(bytes, at, TO)) return false;
    at += TO.length;
    const offline = stands(bytes, at, OFFLINE) ? OFFLINE : stands(bytes, at, OFFLINED) ? OFFLINED : undefined;
    if (offline !== undefined) {
      marks |= PAGE_OWNER_MARK.offlineMemcg;
      at += offline.length;
    }
    if (!stands(bytes, at, MEMCG)) return false;
    builder.marks[row] |= marks;
    builder.memcg[row] = sink.memcgs.index(view, Math.min(end, at + MEMCG.length), end);
    return true;
  }
  if (stands(bytes, at, MIGRATED)) {
    builder.moved[row] = sink.reasons.index(view, Math.min(end, at + MIGRATED.length), end);
    return true;
  }
  if (!stands(bytes, at, SLAB) || at + SLAB.length !== end) return false;
  builder.marks[row] |= PAGE_OWNER_MARK.slab;
  return true;
}

/** No literal holds a newline, so one that stands there stands in the line. */
function stands(bytes: Uint8Array, at: number, literal: Uint8Array): boolean {
  for (let i = 0; i < literal.length; i++) if (bytes[at + i] !== literal[i]) return false;
  return true;
}
