/** Memory that came and went in captures, done again: states, zones, spans and counts exact after every step and write. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nameOf, shared } from './captures.spec-kit.ts';
import {
  blocksOfModel,
  blocksOfStep,
  emptyMachineAt,
  openWithoutTrace,
  plug,
  timelineOf,
  unplug,
  write,
  zonesOfModel,
  zonesOfStep,
} from './hotplug-captures.spec-kit.ts';

const NAMES = [
  'x86_64-6.12-dimm',
  'x86_64-6.12-exact-dimm-auto-movable',
  'ppc64le-6.1-dimm',
  'ppc64le-6.1-offline',
  's390x-6.1-offline',
];
const captures = shared.filter((path) => NAMES.includes(nameOf(path)));

describe.skipIf(captures.length === 0)('states, zones and spans', () => {
  it.each(captures.map((path) => [nameOf(path), path]))('%s', async (_, path) => {
    const recording = await openWithoutTrace(path, false);
    const first = recording.steps[0];
    using kernel = emptyMachineAt(recording, first);
    expect(zonesOfModel(kernel)).toEqual(zonesOfStep(first));
    expect(blocksOfModel(kernel)).toEqual(blocksOfStep(first));
    const table: string[] = [];
    for (const action of timelineOf(path)) {
      switch (action.kind) {
        case 'plug':
          plug(kernel, action);
          break;
        case 'unplug': {
          // The device stays where the kernel could not empty it: its blocks are in the last step.
          const left = new Set(recording.steps.at(-1)!.memoryBlocks!.blocks.map((b) => b.id));
          if (!action.ids.some((id) => left.has(id))) unplug(kernel, action);
          break;
        }
        case 'write': {
          // Whether an attempt fails depends on the pages: hotplug-errno.captures has that.
          const errno = action.rc === 0 ? write(kernel, action.id, action.text) : 'left out';
          const after = `/sys/devices/system/memory/memory${action.id}`;
          const model = `${kernel.read(`${after}/state`).trim()} [${kernel.read(`${after}/valid_zones`).trim()}]`;
          table.push(`memory${action.id} ${action.text} ${errno} ${model}`);
          expect([action.id, action.text, model]).toEqual([
            action.id,
            action.text,
            `${action.state} [${action.zones}]`,
          ]);
          break;
        }
        case 'step': {
          const step = recording.steps.find((s) => s.number === action.number)!;
          expect([step.name, ...zonesOfModel(kernel)]).toEqual([step.name, ...zonesOfStep(step)]);
          expect([step.name, ...blocksOfModel(kernel)]).toEqual([step.name, ...blocksOfStep(step)]);
          expect(kernel.validate().filter((problem) => problem.owner === 'hotplug')).toEqual([]);
        }
      }
    }
    expect(table.length).toBeGreaterThan(0);
    const said = (text: string): string[] => [...text.matchAll(/Built .*$/gm)].map(([line]) => line);
    const log = kernel.log
      .lines()
      .map((line) => line.text)
      .join('\n');
    expect(said(log)).toEqual(said(readFileSync(join(path, 'dmesg.txt'), 'utf8')).slice(1));
  });
});
