/**
 * The human monitor: one line in, the text that QEMU prints out. Lines that QEMU would refuse are answered as it does and
 * never throw; what the model does not know is an unknown command.
 *
 * Every command lets overdue work happen before and after it: the guest has seen earlier requests, and answers this one
 * before the next is typed.
 *
 * Models: monitor/hmp.c handle_hmp_command(), hw/mem/memory-device-hmp-cmds.c hmp_info_memory_devices(),
 * qom/qom-hmp-cmds.c, QEMU 7.2 to 10.
 */
import { ReplugError } from '@replug/core';
import {
  addDevice,
  addObject,
  getProperty,
  infoOf,
  isSize,
  notASize,
  parseQemuSize,
  setProperty,
} from './host-commands.ts';
import type { VirtioMem } from './virtio-mem.ts';

/** QEMU prints it behind a number that is none. */
const SIZE_HINT =
  'Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\nand exabytes, respectively.\n';
/** Longest line that is read; QEMU's readline has a limit of its own. */
const LINE_LIMIT = 4095;

type Words = readonly string[];

interface HmpCommand {
  /** Names of the arguments; the last one takes the rest of the line. */
  readonly words: readonly string[];
  run(mem: VirtioMem, words: Words): string | MonitorAnswer;
}

export interface MonitorAnswer {
  readonly refused: boolean;
  /** What QEMU prints. */
  readonly text: string;
}

const COMMANDS: Readonly<Record<string, HmpCommand>> = {
  info: { words: ['item'], run: (mem, [item]) => info(mem, item) },
  'qom-get': {
    words: ['path', 'property'],
    run: (mem, [path, property]) => `${JSON.stringify(getProperty(mem, path, property))}\n`,
  },
  'qom-set': {
    words: ['path', 'property', 'value'],
    run: (mem, [path, property, value]) => set(mem, path, property, value),
  },
  device_add: { words: ['device'], run: (mem, [device]) => done(() => addDevice(mem, keyValues(device, 'driver'))) },
  device_del: {
    words: ['id'],
    run: (mem, [id]) => done(() => mem.removeDevice(id.replace(/^\/machine\/peripheral\//, ''))),
  },
  object_add: { words: ['object'], run: (mem, [object]) => done(() => addObject(mem, keyValues(object, 'qom-type'))) },
  object_del: { words: ['id'], run: (mem, [id]) => done(() => mem.host.removeBackend(id)) },
  help: { words: [], run: () => HELP },
};

const HELP = `${[
  'device_add device[,prop=value][,...] -- add device, like -device on the command line',
  'device_del device -- remove device',
  'info memory-devices  -- show memory devices',
  'object_add [qom-type=]type,id=str[,prop=value][,...] -- create QOM object',
  'object_del id -- destroy QOM object',
  'qom-get path property -- print QOM property',
  'qom-set [-j] path property value -- set QOM property.',
].join('\n')}\n`;

export class Monitor {
  private readonly mem: VirtioMem;

  constructor(mem: VirtioMem) {
    this.mem = mem;
  }

  /** Text that the command prints, empty when it prints nothing. A leading prompt is skipped. */
  execute(line: string): string {
    return this.answer(line).text;
  }

  /** The same, and whether the command was refused. */
  answer(line: string): MonitorAnswer {
    this.mem.settle();
    const answer = this.run(line.replace(/^\(qemu\)/, '').trim());
    this.mem.settle();
    return typeof answer === 'string' ? { refused: false, text: answer } : answer;
  }

  private run(line: string): string | MonitorAnswer {
    if (line === '' || line.startsWith('#')) return '';
    if (line.length > LINE_LIMIT) return no(`line too long: ${line.length} of at most ${LINE_LIMIT}\n`);
    const name = /^[^\s]+/.exec(line)![0];
    if (!Object.hasOwn(COMMANDS, name)) return no(`unknown command: '${name}'\n`);
    const command = COMMANDS[name];
    const words = split(
      line.slice(name.length).replace(name === 'qom-set' ? /^\s+-j(?=\s)/ : /^$/, ''),
      command.words.length,
    );
    const hint = `Try "help ${name}" for more information\n`;
    if (words === undefined || words.length < command.words.length) return no(`${name}: string expected\n${hint}`);
    if (words.length > command.words.length) return no(`${name}: extraneous characters at the end of line\n${hint}`);
    try {
      return command.run(this.mem, words);
    } catch (error) {
      if (error instanceof ReplugError && /^RP220[12]$/.test(error.code)) return no(`Error: ${error.what}\n`);
      throw error;
    }
  }
}

const no = (text: string): MonitorAnswer => ({ refused: true, text });

function info(mem: VirtioMem, item: string): string | MonitorAnswer {
  if (item !== 'memory-devices') return no(`unknown command: 'info ${item}'\n`);
  return mem.host.devices
    .map((device) => {
      const { id, memaddr, ...rest } = infoOf(device);
      const lines = [
        `Memory device [virtio-mem]: "${id}"`,
        `memaddr: 0x${memaddr.toString(16)}`,
        `node: ${rest.node}`,
        `requested-size: ${rest['requested-size']}`,
        `size: ${rest.size}`,
        `max-size: ${rest['max-size']}`,
        `block-size: ${rest['block-size']}`,
        `memdev: ${rest.memdev}`,
      ];
      return `${lines.join('\n  ')}\n`;
    })
    .join('');
}

function set(mem: VirtioMem, path: string, property: string, value: string): string | MonitorAnswer {
  const bytes = parseQemuSize(value);
  // The object and the property are looked up first.
  if (bytes === undefined && isSize(property)) {
    getProperty(mem, path, property);
    return no(`Error: ${notASize(property)}\n${SIZE_HINT}`);
  }
  setProperty(mem, path, property, bytes ?? 0);
  return '';
}

function done(act: () => void): string {
  act();
  return '';
}

/** Up to `limit` words, the last of which takes what is left; quotes keep words together. undefined: a quote is open. */
function split(text: string, limit: number): string[] | undefined {
  const words: string[] = [];
  let rest = text.trim();
  while (rest !== '') {
    const match = /^"((?:[^"\\]|\\.)*)"|^([^\s"]\S*)/.exec(rest);
    if (match === null) return undefined;
    words.push(match[1] === undefined ? match[2] : match[1].replace(/\\(.)/g, '$1'));
    rest = rest.slice(match[0].length).trim();
    if (words.length > limit) break;
  }
  return words;
}

/** `type,key=value,…` as QEMU's option lists: two commas stand for one, a key alone is on. */
function keyValues(text: string, first: string): Record<string, string> {
  const values: Record<string, string> = {};
  for (const part of text.split(/(?<!,),(?!,)/)) {
    const equals = part.indexOf('=');
    const implied = equals < 0 && Object.keys(values).length === 0;
    const key = implied ? first : equals < 0 ? part : part.slice(0, equals);
    const value = implied ? part : equals < 0 ? 'on' : part.slice(equals + 1);
    Object.defineProperty(values, key, {
      value: value.replaceAll(',,', ','),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return values;
}
