/**
 * QMP: the protocol in which management programs talk to QEMU, as one connection's state. Synchronous: characters in, lines
 * of JSON out; who moves the characters (a socket) is not its business.
 *
 * Answers and events are for virtio-mem alone; every other command is CommandNotFound, as in a QEMU built without it.
 *
 * Models: docs/interop/qmp-spec.rst, monitor/qmp.c, qapi/qmp-dispatch.c, QEMU 10.
 */
import { ReplugError } from '@replug/core';
import { addDevice, addObject, getProperty, infoOf, isSize, setProperty } from './host-commands.ts';
import { JsonStream } from './json-stream.ts';
import { Monitor } from './monitor.ts';
import type { SizeChange } from './size-events.ts';
import type { VirtioMem } from './virtio-mem.ts';

type Arguments = Readonly<Record<string, unknown>>;

interface QmpCommand {
  /** Types by name; a `?` at the end: may be missing. `*`: any names. */
  readonly takes: Readonly<Record<string, string>>;
  run(session: QmpSession, args: Arguments): unknown;
}

export const QMP_VERSION = { qemu: { micro: 0, minor: 0, major: 10 }, package: 'replug' } as const;

const COMMANDS: Readonly<Record<string, QmpCommand>> = {
  'query-version': { takes: {}, run: () => QMP_VERSION },
  'query-commands': {
    takes: {},
    run: () => ['qmp_capabilities', ...Object.keys(COMMANDS)].map((name) => ({ name })),
  },
  'query-memory-devices': {
    takes: {},
    run: ({ mem }) => mem.host.devices.map((device) => ({ type: 'virtio-mem', data: infoOf(device) })),
  },
  'qom-get': {
    takes: { path: 'string', property: 'string' },
    run: ({ mem }, args) => getProperty(mem, args.path as string, args.property as string),
  },
  'qom-set': {
    takes: { path: 'string', property: 'string', value: 'any' },
    run: ({ mem }, args) => setValue(mem, args),
  },
  device_add: {
    takes: { driver: 'string', id: 'string?', '*': 'any' },
    run: ({ mem }, args) => nothing(addDevice(mem, args)),
  },
  device_del: { takes: { id: 'string' }, run: ({ mem }, args) => nothing(mem.removeDevice(args.id as string)) },
  'object-add': {
    takes: { 'qom-type': 'string', id: 'string', '*': 'any' },
    run: ({ mem }, args) => nothing(addObject(mem, args)),
  },
  'object-del': { takes: { id: 'string' }, run: ({ mem }, args) => nothing(mem.host.removeBackend(args.id as string)) },
  'human-monitor-command': {
    takes: { 'command-line': 'string', 'cpu-index': 'number?' },
    run: ({ mem }, args) => new Monitor(mem).execute(args['command-line'] as string).replaceAll('\n', '\r\n'),
  },
};

export class QmpSession {
  readonly mem: VirtioMem;
  private readonly send: (line: string) => void;
  private readonly stream = new JsonStream();
  private readonly subscription: Disposable;
  private negotiated = false;

  /** Greets at once. `send` is given lines without their end. */
  constructor(mem: VirtioMem, send: (line: string) => void) {
    this.mem = mem;
    this.send = send;
    this.subscription = mem.events.on((event) => this.event(event));
    this.reply({ QMP: { version: QMP_VERSION, capabilities: [] } });
  }

  /** Characters from the other side; answers are sent before it returns. */
  feed(chunk: string): void {
    for (const piece of this.stream.feed(chunk)) {
      if ('error' in piece) this.fail('GenericError', piece.error);
      else this.request(piece.text);
    }
  }

  close(): void {
    this.subscription[Symbol.dispose]();
  }

  private request(text: string): void {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return this.fail('GenericError', 'JSON parse error, invalid keyword or structure');
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return this.fail('GenericError', 'QMP input must be a JSON object');
    const { execute, arguments: args = {}, id, ...rest } = value as Record<string, unknown>;
    const bad = malformed(execute, args, rest);
    if (bad !== undefined) return this.fail('GenericError', bad, id);
    this.mem.settle();
    this.dispatch(execute as string, args as Arguments, id);
    this.mem.settle();
  }

  private dispatch(name: string, args: Arguments, id: unknown): void {
    if (!this.negotiated) {
      if (name !== 'qmp_capabilities')
        return this.fail('CommandNotFound', "Expecting capabilities negotiation with 'qmp_capabilities'", id);
      this.negotiated = true;
      return this.reply({ return: {}, id });
    }
    if (name === 'qmp_capabilities')
      return this.fail('CommandNotFound', 'Capabilities negotiation is already complete, command ignored', id);
    if (!Object.hasOwn(COMMANDS, name))
      return this.fail('CommandNotFound', `The command ${name} has not been found`, id);
    const command = COMMANDS[name];
    const bad = badArgument(command.takes, args);
    if (bad !== undefined) return this.fail('GenericError', bad, id);
    try {
      this.reply({ return: command.run(this, args), id });
    } catch (error) {
      if (!(error instanceof ReplugError)) throw error;
      this.fail(error.code === 'RP2202' ? 'DeviceNotFound' : 'GenericError', error.what, id);
    }
  }

  private event({ ns, id, size }: SizeChange): void {
    if (!this.negotiated) return;
    this.reply({
      timestamp: {
        seconds: this.mem.epoch + Math.floor(ns / 1e9),
        microseconds: Math.floor((ns % 1e9) / 1000),
      },
      event: 'MEMORY_DEVICE_SIZE_CHANGE',
      data: { size, 'qom-path': `/machine/peripheral/${id}`, id },
    });
  }

  private fail(errorClass: string, desc: string, id?: unknown): void {
    this.reply({ error: { class: errorClass, desc }, id });
  }

  private reply(value: Readonly<Record<string, unknown>>): void {
    this.send(JSON.stringify(value));
  }
}

function malformed(execute: unknown, args: unknown, rest: Readonly<Record<string, unknown>>): string | undefined {
  const [unexpected] = Object.keys(rest);
  if (unexpected !== undefined) return `QMP input member '${unexpected}' is unexpected`;
  if (execute === undefined) return "QMP input lacks member 'execute'";
  if (typeof execute !== 'string') return "QMP input member 'execute' must be a string";
  if (typeof args !== 'object' || args === null || Array.isArray(args))
    return "QMP input member 'arguments' must be an object";
  return undefined;
}

function badArgument(takes: Readonly<Record<string, string>>, args: Arguments): string | undefined {
  for (const [name, type] of Object.entries(takes)) {
    if (name === '*') continue;
    const value = Object.hasOwn(args, name) ? args[name] : undefined;
    if (value === undefined) {
      if (!type.endsWith('?')) return `Parameter '${name}' is missing`;
    } else if (type !== 'any' && typeof value !== type.replace('?', ''))
      return `Invalid parameter type for '${name}', expected: ${type.replace('?', '')}`;
  }
  const unexpected = '*' in takes ? undefined : Object.keys(args).find((name) => !Object.hasOwn(takes, name));
  return unexpected === undefined ? undefined : `Parameter '${unexpected}' is unexpected`;
}

function setValue(mem: VirtioMem, { path, property, value }: Arguments): Record<string, never> {
  const name = property as string;
  if (isSize(name) && !(typeof value === 'number' && Number.isSafeInteger(value) && value >= 0)) {
    getProperty(mem, path as string, name);
    throw invalidType(name);
  }
  setProperty(mem, path as string, name, typeof value === 'number' ? value : 0);
  return {};
}

const invalidType = (name: string): ReplugError =>
  new ReplugError({
    code: 'RP2201',
    who: 'virtio-mem',
    what: `Invalid parameter type for '${name}', expected: uint64`,
  });

const nothing = (_: void): Record<string, never> => ({});
