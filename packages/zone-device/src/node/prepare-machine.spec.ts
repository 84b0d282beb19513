import { createKernel } from '@replug/core';
import { describe, expect, it } from 'vitest';
import { bumpAllocator, GiB, machineWithRoom, MiB } from '../device.spec-kit.ts';
import {
  FIELD,
  FLAG,
  initRecords,
  RECORD_WORDS,
  recordWords,
  type PreparedRecords,
  type RecordPlan,
} from '../page-records.ts';
import { PageMaps, zoneDevice } from '../plugin.ts';
import type { NamespaceOptions } from '../namespaces.ts';
import { prepareMachine, RecordThreads } from './prepare-machine.ts';

const PAGES = 64 * 256;
const AT = 2 ** 21;
const plan = (shift = 0): RecordPlan => ({
  start: AT,
  end: AT + PAGES,
  data: AT,
  nid: 0,
  type: shift > 0 ? 4 : 3,
  shift,
});
const namespace = (shift: number): NamespaceOptions & { enable: boolean } => ({
  name: 'namespace0.0',
  nid: 0,
  start: 8 * GiB,
  size: 64 * MiB,
  mode: shift > 0 ? 'devdax' : 'raw',
  legacy: true,
  enable: true,
});

function hashWith(records: boolean | readonly PreparedRecords[], shift: number, mode: 'sync' | 'async' = 'sync') {
  using kernel = createKernel({
    machine: machineWithRoom(GiB),
    subsystems: [bumpAllocator(), zoneDevice({ namespaces: [namespace(shift)], records, init: { mode } })],
  });
  kernel.write('/sys/bus/nd/devices/namespace0.0/memmap_state', 'sync');
  expect(kernel.get(PageMaps).initialised).toBe(PAGES);
  return kernel.stateHash();
}

describe('page records', () => {
  it('say what the kernel would: reserved, linked to zone and node, used once, not mapped', () => {
    const words = recordWords(plan());
    initRecords(words, plan(), AT + 3, AT + 5);
    const at = (page: number, field: number) => words[page * RECORD_WORDS + field];
    expect([
      at(2, FIELD.FLAGS),
      at(3, FIELD.FLAGS),
      at(4, FIELD.COUNT),
      at(4, FIELD.MAPCOUNT),
      at(5, FIELD.COUNT),
    ]).toEqual([0, FLAG.RESERVED, 1, 0xffffffff, 0]);
    expect([at(3, FIELD.PAGEMAP), at(3, FIELD.LINKS)]).toEqual([AT, 4 << 24]);
  });

  it('of compound pages: a head, and tails that know it, in pieces of any cut', () => {
    const whole = recordWords(plan(3));
    initRecords(whole, plan(3), AT, AT + PAGES);
    const cut = recordWords(plan(3));
    for (let at = AT; at < AT + PAGES; at += 7) initRecords(cut, plan(3), at, Math.min(AT + PAGES, at + 7));
    expect(Buffer.compare(Buffer.from(whole.buffer), Buffer.from(cut.buffer))).toBe(0);
    const tail = whole.subarray(13 * RECORD_WORDS, 14 * RECORD_WORDS);
    expect([tail[FIELD.PAGEMAP], tail[FIELD.COUNT]]).toEqual([((AT + 8) << 1) | 1, 0]);
    expect(whole[8 * RECORD_WORDS] & FLAG.HEAD).toBe(FLAG.HEAD);
  });
});

describe('prepareMachine', () => {
  it('leaves the same state for any number of threads, and for none', { timeout: 60_000 }, async () => {
    const expected = hashWith(true, 0);
    expect(hashWith(true, 0, 'async')).toBe(expected);
    for (const threads of [1, 2, 3, 5]) {
      const prepared = await prepareMachine([plan()], { threads });
      expect(hashWith(prepared, 0)).toBe(expected);
    }
    // The hash sees the records: one that is wrong tells.
    const [{ words }] = await prepareMachine([plan()]);
    words[FIELD.COUNT] = 7;
    expect(hashWith([{ plan: plan(), words }], 0)).not.toBe(expected);
    // Records of something else are not taken over.
    expect(hashWith([{ plan: plan(9), words }], 0)).toBe(expected);
  });

  it('serves a page in the middle while the rest is being written', { timeout: 60_000 }, async () => {
    const pool = await RecordThreads.start(2);
    try {
      const underWay = pool.begin(plan(), 16);
      const middle = AT + PAGES / 2 + 5;
      underWay.sync(middle, 3);
      const { words } = await underWay.finished;
      const alone = recordWords(plan());
      initRecords(alone, plan(), AT, AT + PAGES);
      expect(Buffer.compare(Buffer.from(words.buffer), Buffer.from(alone.buffer))).toBe(0);
    } finally {
      await pool.close();
    }
  });

  it('refuses threads and sizes that are none, and tells a thread that ends', { timeout: 60_000 }, async () => {
    await expect(prepareMachine([plan()], { threads: 0 })).rejects.toThrow(/RP2470/);
    await expect(prepareMachine([plan()], { threads: 1000 })).rejects.toThrow(/RP2470/);
    await expect(prepareMachine([{ ...plan(), end: AT + 2 ** 28 }])).rejects.toThrow(/RP2471/);
    await expect(prepareMachine([{ ...plan(), end: AT }])).rejects.toThrow(/RP2435/);
    const pool = await RecordThreads.start(1);
    // Too little memory for its records: the thread falls over it.
    await expect(pool.begin(plan(), 16, new Uint32Array(RECORD_WORDS)).finished).rejects.toThrow(/RP2472/);
    await pool.close();
  });
});
