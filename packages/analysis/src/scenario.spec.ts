import { createKernel, defineSubsystem, KernfsError, parseMachineShorthand } from '@replug/core';
import { buddy } from '@replug/buddy';
import { parseScenario } from '@replug/replay';
import { describe, expect, it } from 'vitest';
import { scenarioReport } from './scenario.ts';

/** A file that counts, one that refuses, and a monitor with a command of two words. */
const device = () =>
  defineSubsystem({
    id: 'device',
    create: (_, scope) => {
      let written = 0;
      scope.control(
        '/sys/device/level',
        (text) => void (written = Number(text)),
        () => `${written}\n`,
      );
      scope.control('/sys/device/busy', () => {
        throw new KernfsError('EBUSY', 'failure to isolate range');
      });
      scope.command('info device', { usage: '', summary: 'its level', run: () => `level ${written}\n` });
      scope.command('info', { usage: 'WHAT', summary: 'others', run: (args) => `nothing known of ${args}\n` });
    },
  });

function report(text: string) {
  using kernel = createKernel({ machine: parseMachineShorthand('s390x,256M'), subsystems: [buddy(), device()] });
  return scenarioReport(kernel, parseScenario(text, 's'), { machine: 's390x,256M', name: 's' });
}

describe('a scenario', () => {
  it('runs commands at their times and keeps what they said', () => {
    const { commands, failed, virtualTime } = report(
      '@2s echo 7 > /sys/device/level\n@+500ms cat /sys/device/level\ninfo device\ninfo weather\n@1s echo late\n',
    );
    expect(commands.map(({ line, begin, errno, output }) => [line, begin, errno, output])).toEqual([
      [1, 2e9, 0, ''],
      [2, 2.5e9, 0, '7\n'],
      [3, 2.5e9, 0, 'level 7\n'],
      [4, 2.5e9, 0, 'nothing known of weather\n'],
      [5, 2.5e9, 0, 'late\n'],
    ]);
    expect([failed, virtualTime]).toEqual([0, 2.5e9]);
  });

  it('reports a refusal with its errno and the words of a shell, and goes on', () => {
    const { commands, failed } = report(
      'echo 1 > /sys/device/busy\necho 1 > /sys/nothing\ncat /sys\nfly\nalloc hog 10G\nalloc hog 1M\nfree nobody\nwait 1\necho on\n',
    );
    expect(commands.map(({ error, errno }) => `${error} ${errno}`)).toEqual([
      'EBUSY 16',
      'ENOENT 2',
      'EISDIR 21',
      'EINVAL 22',
      'ENOMEM 12',
      'EEXIST 17',
      'ENOENT 2',
      'EINVAL 22',
      'null 0',
    ]);
    expect(commands[0].output).toBe('write error: Device or resource busy (failure to isolate range)');
    expect(commands[3].output).toMatch(/^RP1150 kernel: no such command: "fly" \(there are: info, info device/);
    expect(failed).toBe(8);
  });

  it('takes memory and gives a share of it back, evenly spread', () => {
    using kernel = createKernel({ machine: parseMachineShorthand('s390x,256M'), subsystems: [buddy()] });
    const { commands } = scenarioReport(
      kernel,
      parseScenario('alloc hog 64M movable\nalloc slab 1M unmovable order=2\nfree hog 50%\nfree hog\nfree slab\n'),
      { machine: 'm' },
    );
    expect(commands.map(({ output }) => output)).toEqual([
      '64 MiB taken\n',
      '1 MiB taken\n',
      '32 MiB given back\n',
      '32 MiB given back\n',
      '1 MiB given back\n',
    ]);
    expect(kernel.validate()).toEqual([]);
  });

  it('runs nothing of a scenario that has a bad line, and knows no steps without a recording', () => {
    expect(() => report('echo 1 > /sys/device/level\n@')).toThrow(/RP5009 s:2/);
    expect(() => report('@fragmented help')).toThrow(/RP5010 scenario line 1/);
  });
});
