/** What a recorded machine asked for, served by machines of other architectures. */
import { buddy } from '@replug/buddy';
import { Core, createKernel, parseMachineShorthand } from '@replug/core';
import { findSpan, replayPolicy } from '@replug/replay';
import { openRecording } from '@replug/trace-import';
import { expect, it } from 'vitest';
import { nameOf, shipped } from './captures.spec-kit.ts';
import { recordedKernel } from './replay.ts';

const path = shipped.find((one) => nameOf(one).startsWith('ppc64le'))!;

it.each([
  ['larger', 's390x,1G', 262144],
  // Page 0 and [0x9f, 0x100) are no memory on a PC.
  ['smaller', 'x86-64,40M', 10240 - 98],
])('a %s machine serves what a recorded one of 16384 pages was asked for', async (_, machine, pages) => {
  const recording = await openRecording(path);
  const span = findSpan(recording);
  using kernel = recordedKernel(recording, span);
  using elsewhere = createKernel({ machine: parseMachineShorthand(machine), subsystems: [buddy()] });
  const { memory } = elsewhere.get(Core.Machine).description;
  expect(memory.reduce((sum, m) => sum + m.end - m.start, 0)).toBe(pages);
  const { counts, total, firstDivergence, checkpoints, zones } = replayPolicy(kernel, span, { elsewhere });
  // Lines of the trace: 44605, of which 9776 requests and 10626 frees.
  expect(counts).toMatchObject({ events: 44605, applied: 20402, failed: 0, outside: 0, impossible: 0 });
  expect(counts.informative).toBe(44605 - 20402);
  expect(total + counts.failedInModel).toBe(9776);
  // What the smaller one has no room for is counted, and so are the frees of it.
  expect(counts.failedInModel > 0).toBe(pages < 16384);
  expect(counts.unknownFrees).toBeLessThanOrEqual(counts.failedInModel);
  expect(counts.reallocations).toBe(0);
  expect(firstDivergence!.requests).toBeLessThan(10);
  expect(checkpoints).toEqual([]);
  expect(elsewhere.validate()).toEqual([]);
  expect(zones.length).toBeGreaterThan(0);
});

it('a machine too small for what is in use: RP5008', async () => {
  const recording = await openRecording(path);
  const span = findSpan(recording);
  using kernel = recordedKernel(recording, span);
  using elsewhere = createKernel({ machine: parseMachineShorthand('s390x,4M'), subsystems: [buddy()] });
  expect(() => replayPolicy(kernel, span, { elsewhere })).toThrow('RP5008');
});
