/**
 * QEMU's own client against the server: qmp-shell of the Python package qemu.qmp, as QMP and as HMP shell. Skipped, and said so,
 * where Python has no qemu.qmp (`pip install qemu.qmp`, or PYTHONPATH=…/python of QEMU's sources, 6.2 to 8.0).
 */
import { virtioMemKernel } from '@replug/analysis';
import { parseMachineShorthand } from '@replug/core';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveQmp } from './serve-qmp.ts';

const installed = spawnSync('python3', ['-c', 'import qemu.qmp.qmp_shell']).status === 0;
const title = `qmp-shell of qemu.qmp${installed ? '' : ' (skipped: python3 has no qemu.qmp)'}`;

describe.skipIf(!installed)(title, () => {
  const folder = mkdtempSync(join(tmpdir(), 'replug-qmp-'));
  const path = join(folder, 'qmp.sock');
  let server: Server;
  beforeAll(async () => {
    const kernel = virtioMemKernel({
      machine: parseMachineShorthand('x86-64,4G,nodes=2,cpus=4'),
      devices: [{ id: 'vm0', size: 8 * 2 ** 30, requestedSize: '128M' }],
      spare: 4 * 2 ** 30,
    });
    server = await serveQmp(kernel, path);
  });
  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  });

  /** What the shell prints for lines that are typed, without its prompts. */
  async function shell(lines: readonly string[], ...flags: string[]): Promise<string[]> {
    const program = 'from qemu.qmp.qmp_shell import main; main()';
    const child = spawn('python3', ['-c', program, ...flags, path], { stdio: ['pipe', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    child.stdin.end(`${lines.join('\n')}\n`);
    await new Promise((resolve) => child.on('close', resolve));
    return text
      .replaceAll('\r', '')
      .split('\n')
      .map((line) => line.replace(/^\s?\(QEMU\) /, ''));
  }

  it('connects, sets a size, is refused, adds a device and removes it', async () => {
    const lines = await shell([
      'qom-set path=vm0 property=requested-size value=1073741824',
      'qom-get path=vm0 property=size',
      'device_add driver=e1000 id=n',
      'object-add qom-type=memory-backend-ram id=mem9 size=1073741824',
      'device_add driver=virtio-mem-pci id=vm9 memdev=mem9 node=1 requested-size=134217728',
      'qom-get path=vm9 property=size',
      'device_del id=vm9',
      'qom-set path=vm9 property=requested-size value=0',
      'device_del id=vm9',
      'object-del id=mem9',
      'qom-get path=vm9 property=size',
      'quit-now',
    ]);
    expect(lines.slice(0, 2)).toEqual(['Welcome to the QMP low-level shell!', 'Connected to QEMU 10.0.0']);
    const answers = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as object);
    expect(answers.filter((answer) => !('event' in answer))).toEqual([
      { return: {} },
      { return: 1073741824 },
      { error: { class: 'GenericError', desc: "'e1000' is not a valid device model name" } },
      { return: {} },
      { return: {} },
      { return: 134217728 },
      {
        error: {
          class: 'GenericError',
          desc: 'virtio-mem device cannot get unplugged while some of its memory is still plugged',
        },
      },
      { return: {} },
      { return: {} },
      { return: {} },
      { error: { class: 'DeviceNotFound', desc: "Device 'vm9' not found" } },
      { error: { class: 'CommandNotFound', desc: 'The command quit-now has not been found' } },
    ]);
  });

  it('shows the human monitor', async () => {
    const lines = await shell(['info memory-devices'], '-H');
    expect(lines).toContain('Memory device [virtio-mem]: "vm0"');
    expect(lines).toContain('  requested-size: 1073741824');
    expect(lines).toContain('  memdev: /objects/mem0');
  });
});
