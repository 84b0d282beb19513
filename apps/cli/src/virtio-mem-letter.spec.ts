/**
 * The example of the virtio-mem cover letter as an operator runs it: what each command prints, literally. The same on the
 * library is in analysis/src/virtio-mem.spec.ts.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const example = join(root, 'examples/virtio-mem-letter.scenario');
const MACHINE = 'x86-64,4G,nodes=2,cpus=4';

const BEFORE = `Memory device [virtio-mem]: "vm0"
  memaddr: 0x140000000
  node: 0
  requested-size: 134217728
  size: 134217728
  max-size: 8589934592
  block-size: 2097152
  memdev: /objects/mem0
Memory device [virtio-mem]: "vm1"
  memaddr: 0x340000000
  node: 1
  requested-size: 83886080
  size: 83886080
  max-size: 8589934592
  block-size: 2097152
  memdev: /objects/mem1
`;
const AFTER = `Memory device [virtio-mem]: "vm0"
  memaddr: 0x140000000
  node: 0
  requested-size: 67108864
  size: 67108864
  max-size: 8589934592
  block-size: 2097152
  memdev: /objects/mem0
Memory device [virtio-mem]: "vm1"
  memaddr: 0x340000000
  node: 1
  requested-size: 1073741824
  size: 1073741824
  max-size: 8589934592
  block-size: 2097152
  memdev: /objects/mem1
`;

interface Command {
  readonly text: string;
  readonly errno: number;
  readonly output: string;
}

function run(scenario: string, input = ''): { commands: Command[]; failed: number } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(root, 'apps/cli/bin/replug.mjs'),
      'run',
      scenario,
      ...(scenario === '-' ? ['--machine', MACHINE] : []),
      '--json',
    ],
    { encoding: 'utf8', cwd: tmpdir(), input },
  );
  expect([status, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as { commands: Command[]; failed: number };
}

describe('the example of the cover letter', () => {
  it('prints its listings, and nothing else', () => {
    const { commands, failed } = run(example);
    expect(failed).toBe(0);
    expect(commands.map(({ text, output }) => [text.split(',')[0], output])).toEqual([
      ['echo online > /sys/devices/system/memory/auto_online_blocks', ''],
      ['object_add memory-backend-ram', ''],
      ['device_add virtio-mem-pci', ''],
      ['object_add memory-backend-ram', ''],
      ['device_add virtio-mem-pci', ''],
      ['info memory-devices', BEFORE],
      ['qom-set vm1 requested-size 1G', ''],
      ['qom-set vm0 requested-size 64M', ''],
      ['info memory-devices', AFTER],
    ]);
  });

  const letters = join(process.env.REPLUG_SHARED ?? join(root, '../shared'), 'letters');
  const name = existsSync(letters) ? readdirSync(letters).find((file) => file.startsWith('001')) : undefined;
  it.skipIf(name === undefined)('whose lines are those of the letter', () => {
    const lines = readFileSync(join(letters, name!), 'utf8')
      .split('\n')
      .map((line) => line.replace(/^>\s*/, '').trimEnd());
    const listings: string[][] = [];
    lines.forEach((line, i) => {
      if (line === '(qemu) info memory-devices') listings.push(lines.slice(i + 1, i + 17));
    });
    const plain = (text: string): string[] => text.split('\n').map((line) => line.trim());
    expect(listings).toEqual([plain(BEFORE).slice(0, 16), plain(AFTER).slice(0, 16)]);
  });
});

it('what the monitor refuses goes into the report with its words', () => {
  const { commands, failed } = run(
    '-',
    'qom-set vm9 requested-size 1G\ndevice_add e1000,id=n\nqom-set vm0\ninfo registers\nqom-get mem0 size\n',
  );
  expect(failed).toBe(5);
  expect(commands.map(({ errno, output }) => `${errno} ${output}`)).toEqual([
    "22 RP2209 QEMU monitor: Device 'vm9' not found",
    "22 RP2209 QEMU monitor: 'e1000' is not a valid device model name",
    '22 RP2209 QEMU monitor: qom-set: string expected\nTry "help qom-set" for more information',
    expect.stringContaining('22 RP1150 kernel: no such command: "info"'),
    "22 RP2209 QEMU monitor: Device 'mem0' not found",
  ]);
});
