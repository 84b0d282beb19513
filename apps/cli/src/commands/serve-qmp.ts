/**
 * `replug serve-qmp`: the guest's devices behind a QMP socket, so that what talks to QEMU can talk to the model. Virtual time
 * runs along with the wall clock, so that retry timers and delayed events come when they would.
 */
import { virtioMemKernel } from '@replug/analysis';
import { parseSize, type Kernel, type OnlineType } from '@replug/core';
import { QmpSession, VirtioMemToken, type DeviceOptions } from '@replug/virtio-mem';
import type { Command } from 'commander';
import { createServer, type Server, type Socket } from 'node:net';
import { badSize, badVirtioMemDevice, noSocket, unknownOnlineType } from '../errors.ts';
import { machineOf } from '../machine.ts';
import { print } from '../output.ts';

const ONLINE = ['offline', 'online', 'online_kernel', 'online_movable'] as const;
/** How often virtual time catches up, ms. */
const TICK = 50;

interface Options {
  readonly socket: string;
  readonly device: readonly string[];
  readonly online: string;
  readonly spare: string;
}

export function addServeQmp(program: Command): void {
  program
    .command('serve-qmp')
    .description('serve a guest with virtio-mem devices on a QMP socket, as QEMU does')
    .argument('<machine>', 'a shorthand such as x86-64,4G,nodes=2,cpus=4, or a machine file')
    .requiredOption('--socket <path>', 'UNIX socket to listen on')
    .option(
      '--device <spec>',
      'a device, may be given again: id=vm0,size=8G[,node=0][,requested-size=128M][,block-size=2M]',
      collect,
      [],
    )
    .option('--online <type>', `what added memory becomes: ${ONLINE.join(', ')}`, 'online')
    .option('--spare <size>', 'what devices that are added later may have', '0')
    .addHelpText(
      'after',
      '\nExample:\n  $ replug serve-qmp x86-64,4G,nodes=2,cpus=4 --socket /tmp/qmp.sock --device id=vm0,size=8G,requested-size=128M',
    )
    .action(async (machine: string, options: Options) => {
      const kernel = kernelOf(machine, options);
      const server = await serveQmp(kernel, options.socket);
      print(`listening on ${options.socket}\n`);
      process.once('SIGINT', () => server.close());
      process.once('SIGTERM', () => server.close());
    });
}

function kernelOf(machine: string, options: Options): Kernel {
  if (!(ONLINE as readonly string[]).includes(options.online)) throw unknownOnlineType(options.online, ONLINE);
  const spare = parseSize(options.spare);
  if (spare === undefined) throw badSize(options.spare);
  return virtioMemKernel({
    machine: machineOf(machine),
    devices: options.device.map(deviceOf),
    online: options.online as OnlineType,
    epoch: Math.floor(Date.now() / 1000),
    spare,
  });
}

/** Listens; resolves when the socket is there. Closing the server ends its connections and disposes the kernel. */
export async function serveQmp(kernel: Kernel, path: string): Promise<Server> {
  const mem = kernel.get(VirtioMemToken);
  mem.settle();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setEncoding('utf8');
    const session = new QmpSession(mem, (line) => void (socket.destroyed || socket.write(`${line}\r\n`)));
    socket.on('data', (text: string) => session.feed(text));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      session.close();
      sockets.delete(socket);
    });
  });
  const begun = Date.now() - kernel.clock.now / 1e6;
  const timer = setInterval(() => kernel.clock.advanceTo((Date.now() - begun) * 1e6), TICK);
  server.on('close', () => {
    clearInterval(timer);
    kernel.dispose();
  });
  const { close } = server;
  server.close = (callback) => {
    for (const socket of sockets) socket.destroy();
    return close.call(server, callback);
  };
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: Error) => {
      clearInterval(timer);
      kernel.dispose();
      reject(noSocket(path, cause));
    });
    server.listen(path, resolve);
  });
  return server;
}

const KEYS: Readonly<Record<string, keyof DeviceOptions>> = {
  id: 'id',
  size: 'size',
  node: 'node',
  memdev: 'memdev',
  'requested-size': 'requestedSize',
  'block-size': 'blockSize',
  memaddr: 'addr',
};

function deviceOf(text: string): DeviceOptions & { size: number } {
  const device: Record<string, string | number> = {};
  for (const part of text.split(',')) {
    const [key, value] = part.split('=', 2);
    if (!Object.hasOwn(KEYS, key) || value === undefined || value === '') throw badVirtioMemDevice(text, part);
    device[KEYS[key]] = value;
  }
  const size = parseSize(String(device.size ?? ''));
  const node = Number(device.node ?? 0);
  if (typeof device.id !== 'string' || size === undefined) throw badVirtioMemDevice(text, 'id or size');
  if (!Number.isInteger(node) || node < 0) throw badVirtioMemDevice(text, 'node');
  return { ...device, id: device.id, size, node };
}

function collect(value: string, earlier: string[]): string[] {
  return [...earlier, value];
}
