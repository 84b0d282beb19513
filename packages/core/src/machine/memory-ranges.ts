/**
 * The list of memory by node as it changes when memory comes and goes: ascending, not overlapping, touching ranges of one
 * node joined.
 *
 * Models: mm/memblock.c memblock_add_node(), memblock_remove(), as far as ranges and nodes go.
 */
import type { MemoryRange } from './machine-description.ts';

/** Index of the first range that ends after a pfn. */
function firstAfter(memory: readonly MemoryRange[], pfn: number): number {
  let low = 0;
  let high = memory.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (memory[middle].end > pfn) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Adds a range; false, and nothing changed, when it overlaps memory that is there. */
export function insertMemory(memory: MemoryRange[], added: MemoryRange): boolean {
  const at = firstAfter(memory, added.start);
  if (at < memory.length && memory[at].start < added.end) return false;
  const before = memory[at - 1];
  const after = memory[at];
  const joinsBefore = before !== undefined && before.end === added.start && before.nid === added.nid;
  const joinsAfter = after !== undefined && after.start === added.end && after.nid === added.nid;
  const start = joinsBefore ? before.start : added.start;
  const end = joinsAfter ? after.end : added.end;
  const from = joinsBefore ? at - 1 : at;
  memory.splice(from, Number(joinsBefore) + Number(joinsAfter), { nid: added.nid, start, end });
  return true;
}

/** Takes [start, end) out, whatever of it is there. */
export function removeMemory(memory: MemoryRange[], start: number, end: number): void {
  let at = firstAfter(memory, start);
  while (at < memory.length && memory[at].start < end) {
    const range = memory[at];
    const left: MemoryRange[] = [];
    if (range.start < start) left.push({ nid: range.nid, start: range.start, end: start });
    if (range.end > end) left.push({ nid: range.nid, start: end, end: range.end });
    memory.splice(at, 1, ...left);
    at += left.length;
  }
}

/** Pages of [start, end) that are memory. */
export function pagesInside(memory: readonly MemoryRange[], start: number, end: number): number {
  let pages = 0;
  for (let at = firstAfter(memory, start); at < memory.length && memory[at].start < end; at++) {
    pages += Math.min(end, memory[at].end) - Math.max(start, memory[at].start);
  }
  return pages;
}

/** Node of the range that a pfn lies in; -1 for none. */
export function nodeOfPfn(memory: readonly MemoryRange[], pfn: number): number {
  const range = memory[firstAfter(memory, pfn)];
  return range !== undefined && range.start <= pfn ? range.nid : -1;
}
