/**
 * Events of a firmware or hypervisor that moves backing memory under a running guest: which logical memory blocks (LMBs),
 * and which CPUs, belong to which node from now on. The file format; a record a line or between semicolons, `#` begins a
 * comment:
 *
 *   lmb-size 16M                     size of an LMB: a power of two, 1M to 1G; before the first lmb
 *   lmb 0x10000000+4 node 2          four LMBs from a physical address on
 *   cpu 3 node 2                     as H_HOME_NODE_ASSOCIATIVITY would answer
 *   distance 0 2 40                  both ways
 *
 * Models: pseries' PRRN (RTAS event 0xA0, ibm,update-nodes with scope -2): an LMB's associativity index changes. The event
 * itself names devices of a tree; here it has what a kernel gets out of them.
 */
import { parseSize, type Machine } from '@replug/core';
import { badEvent } from './errors.ts';
import type { LayoutRange } from './layout.ts';
import type { CpuMove, DistanceChange } from './topology.ts';

export interface FirmwareEvent {
  /** In the order given; a later one of the same pages counts. */
  readonly ranges: readonly LayoutRange[];
  readonly cpus: readonly CpuMove[];
  readonly distances: readonly DistanceChange[];
}

/** Records of an event. */
export const MAX_RECORDS = 2 ** 20;

/** Throws RP2310 with the record's number. Numbers are checked against the machine when the event is applied. */
export function parseFirmwareEvent(text: string, machine: Machine): FirmwareEvent {
  const page = 2 ** machine.description.arch.pageShift;
  const ranges: LayoutRange[] = [];
  const cpus: CpuMove[] = [];
  const distances: DistanceChange[] = [];
  const limit = 2 ** machine.description.arch.maxPhysmemBits;
  let size = 0;
  const records = text.split(/[\n;]/);
  if (records.length > MAX_RECORDS) throw badEvent(MAX_RECORDS, `more than ${MAX_RECORDS} records`, '');
  records.forEach((raw, index) => {
    const record = raw.replace(/#.*/, '').trim();
    if (record === '') return;
    const fail = (why: string): never => {
      throw badEvent(index + 1, why, record.slice(0, 80));
    };
    const words = record.split(/\s+/);
    if (words[0] === 'lmb-size' && words.length === 2) {
      size = parseSize(words[1]) ?? 0;
      if (size < 2 ** 20 || size > 2 ** 30 || Math.log2(size) % 1 !== 0) fail('an LMB has 1M to 1G, a power of two');
    } else if (words[0] === 'lmb' && words.length === 4 && words[2] === 'node') {
      if (size === 0) fail('lmb-size must come first');
      const match = /^(0x[0-9a-f]{1,14}|\d{1,16})(?:\+(\d{1,9}))?$/i.exec(words[1]);
      if (match === null) return fail('not ADDRESS or ADDRESS+COUNT');
      const start = Number(match[1]);
      const count = Number(match[2] ?? 1);
      if (start % size !== 0) fail('the address is not that of an LMB');
      if (count < 1 || start + count * size > limit) fail('outside the address space');
      ranges.push({ start: start / page, end: (start + count * size) / page, nid: number(words[3]) });
    } else if (words[0] === 'cpu' && words.length === 4 && words[2] === 'node') {
      cpus.push({ cpu: number(words[1]), nid: number(words[3]) });
    } else if (words[0] === 'distance' && words.length === 4) {
      distances.push({ from: number(words[1]), to: number(words[2]), value: number(words[3]) });
    } else fail('not a record');
    function number(word: string): number {
      return /^\d{1,9}$/.test(word) ? Number(word) : fail(`${word} is no number`);
    }
  });
  if (ranges.length + cpus.length + distances.length === 0) throw badEvent(1, 'nothing in it', text.slice(0, 80));
  return { ranges, cpus, distances };
}
