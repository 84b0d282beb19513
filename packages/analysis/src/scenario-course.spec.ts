/** Operator commands in the middle of a recorded load that the allocator serves by its own policy. */
import { buddy } from '@replug/buddy';
import { createKernel } from '@replug/core';
import { describeRecorded, findSpan, parseScenario, replayPolicy } from '@replug/replay';
import { openRecording } from '@replug/trace-import';
import { beforeAll, describe, expect, it } from 'vitest';
import { shipped } from './captures.spec-kit.ts';
import { operatorSubsystems } from './operator-kernel.ts';
import { replayRecording } from './replay.ts';
import { courseOf, courseReport } from './scenario-course.ts';

const capture = shipped.find((path) => path.includes('x86_64'))!;
/** A block is added, the load allocates from it, and it is taken away again under the load: all of it moves. */
const ADD = parseScenario(`
echo online_movable > /sys/devices/system/memory/auto_online_blocks
echo 0x100000000 > /sys/devices/system/memory/probe
@8s cat /sys/devices/system/memory/memory32/valid_zones
@+1s echo offline > /sys/devices/system/memory/memory32/state
cat /sys/devices/system/memory/memory32/state
echo offline > /sys/devices/system/memory/memory0/state
@after cat /sys/devices/system/memory/memory31/state
@900s help
`);

describe('a scenario during a replay', () => {
  let recording: Awaited<ReturnType<typeof openRecording>>;
  beforeAll(async () => {
    recording = await openRecording(capture);
  });

  it('runs its commands at their instants, while the load goes on', () => {
    const { scenario, unknownFrees, reallocations, counts } = replayRecording(recording, {
      frames: 'policy',
      scenario: ADD,
    });
    expect(scenario).toMatchObject({ failed: 2, notReached: 1 });
    expect(scenario!.commands.map(({ line, errno, output }) => [line, errno, output.trim()])).toEqual([
      [2, 0, ''],
      [3, 0, ''],
      [4, 0, 'Movable'],
      [5, 0, ''],
      [6, 0, 'offline'],
      // DMA and DMA32 share it.
      [7, 22, 'write error: Invalid argument (several zones or nodes)'],
      [8, 2, expect.stringContaining('No such file or directory')],
    ]);
    const begins = scenario!.commands.map(({ begin }) => begin / 1e9);
    expect(begins.slice(2, 4)).toEqual([8, 9]);
    expect(begins[4]).toBeGreaterThan(9);
    expect({ unknownFrees, reallocations, outside: counts.outside }).toEqual({
      unknownFrees: 0,
      reallocations: 0,
      outside: 0,
    });
  });

  it('gives every block back from where it was moved to', () => {
    const span = findSpan(recording);
    const machine = { ...describeRecorded(recording, span.machineStep, []), sparePages: 2 ** 18 };
    const moves: number[] = [];
    using kernel = createKernel({ machine, subsystems: [buddy({ start: 'nothing' }), ...operatorSubsystems()] });
    kernel.tracepoints.mm_migrate_pages.on((succeeded) => moves.push(succeeded));
    const course = courseOf(recording, span, ADD, kernel);
    const { counts } = replayPolicy(kernel, span, { onEvent: (row) => course.reach(span.events.time[row]) });
    expect(courseReport(course)).toMatchObject({ failed: 2, notReached: 1 });
    expect(moves.reduce((sum, n) => sum + n, 0)).toBeGreaterThan(100);
    // Bulk allocations, which have no event; the same without a scenario.
    const plain = replayRecording(recording, { frames: 'policy', annotate: false });
    expect(counts.unknownFrees).toBe(plain.unknownFrees);
    expect(kernel.validate()).toEqual([]);
  });

  it('needs an allocator that decides', () => {
    expect(() => replayRecording(recording, { scenario: ADD })).toThrow('RP6014');
  });

  it('refuses an instant that the recording does not have, before anything runs', () => {
    const scenario = parseScenario('@nowhere help');
    expect(() => replayRecording(recording, { frames: 'policy', scenario })).toThrow('RP3002');
  });
});
