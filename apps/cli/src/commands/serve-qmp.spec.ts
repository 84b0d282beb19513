/** A client on the real socket: greeting, negotiation, commands, an event, errors. */
import { virtioMemKernel } from '@replug/analysis';
import { parseMachineShorthand } from '@replug/core';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { serveQmp } from './serve-qmp.ts';

it('talks QMP on a socket', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'replug-qmp-'));
  const path = join(folder, 'qmp.sock');
  const kernel = virtioMemKernel({
    machine: parseMachineShorthand('x86-64,1G'),
    devices: [{ id: 'vm0', size: 2 ** 30, requestedSize: 0 }],
  });
  const server = await serveQmp(kernel, path);
  const client = connect(path).setEncoding('utf8');
  const lines: unknown[] = [];
  let rest = '';
  client.on('data', (text: string) => {
    rest += text;
    const whole = rest.split('\r\n');
    rest = whole.pop()!;
    for (const line of whole) lines.push(JSON.parse(line));
  });
  const until = async (count: number): Promise<void> => {
    while (lines.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  await until(1);
  client.write('{"execute":"qmp_capabilities","id":1}{"execute":"qom-set",');
  client.write('"arguments":{"path":"vm0","property":"requested-size","value":134217728}}\n{"execute":"quit"}\n');
  await until(5);
  expect(lines.slice(1)).toMatchObject([
    { return: {}, id: 1 },
    { return: {} },
    { event: 'MEMORY_DEVICE_SIZE_CHANGE', data: { size: 134217728, id: 'vm0', 'qom-path': '/machine/peripheral/vm0' } },
    { error: { class: 'CommandNotFound', desc: 'The command quit has not been found' } },
  ]);
  await new Promise((resolve) => server.close(resolve));
  await expect(
    serveQmp(virtioMemKernel({ machine: parseMachineShorthand('x86-64,1G'), devices: [] }), join(folder, 'no', 'such')),
  ).rejects.toThrow('RP7031');
  rmSync(folder, { recursive: true });
});
