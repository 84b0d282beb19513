/**
 * The events of a capture in every layout of a trace. Takes the capture's text apart and prints it anew with expressions of
 * its own, so it shares nothing with the reader that is tested against it.
 */
/** One event line of a capture, by its columns. */
export interface PrintedEvent {
  readonly comm: string;
  readonly pid: string;
  readonly cpu: number;
  readonly flags: string;
  /** As printed, with six digits after the point. */
  readonly time: string;
  readonly name: string;
  readonly fields: string;
}

const LINE = /^ *(.*)-(\d+) +\[(\d+)\] (\S+) +(\d+\.\d{6}): (\w+): (.*)$/;

/** The event lines of a text as the captures have it. */
export function printedEvents(text: string): PrintedEvent[] {
  const events: PrintedEvent[] = [];
  for (const line of text.split('\n')) {
    const match = LINE.exec(line);
    if (match === null) continue;
    const [, comm, pid, cpu, flags, time, name, fields] = match;
    events.push({ comm, pid, cpu: Number(cpu), flags, time, name, fields });
  }
  return events;
}

/** Events by name. */
export function countsOf(events: readonly PrintedEvent[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { name } of events) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

export type Printer = (events: readonly PrintedEvent[], random: () => number) => string;

const micros = (time: string) => BigInt(time.replace('.', ''));
const cpuColumn = (cpu: number) => `[${String(cpu).padStart(3, '0')}]`;
const SYMBOLS = ['__alloc_pages+0x1c8', 'free_unref_page+0x9', '[unknown]', 'main+0x69a', 'do_syscall_64+0x5b'];
const pick = (random: () => number) => SYMBOLS[Math.floor(random() * SYMBOLS.length)];
const address = (random: () => number) => `ffffffff${Math.floor(random() * 0x7fffffff + 0x10000000).toString(16)}`;

/** Printers by the id of the importer that has to recognise what they print; trace_pipe is a second ftrace-text. */
export const PRINTERS: Readonly<Record<string, Printer>> = {
  'ftrace-text': (events) =>
    [
      '# tracer: nop',
      '#',
      `# entries-in-buffer/entries-written: ${events.length}/${events.length}   #P:2`,
      ...events.map(
        (e) =>
          `${e.comm.padStart(16)}-${e.pid.padEnd(7)} ${cpuColumn(e.cpu)} ${e.flags} ${e.time.padStart(12)}: ${e.name}: ${e.fields}`,
      ),
    ].join('\n'),
  'ftrace-text trace_pipe': (events, random) =>
    events
      .flatMap((e) => [
        ...(random() < 0.02 ? [`CPU:${e.cpu} [LOST 3 EVENTS]`] : []),
        `${e.comm.padStart(16)}-${e.pid.padEnd(5)} (-------) ${cpuColumn(e.cpu)} ${e.flags.slice(0, 4)} ${e.time.padStart(12)}: ${e.name}: ${e.fields}`,
        ...(random() < 0.1 ? [' => __alloc_pages', ' => do_page_fault'] : []),
      ])
      .join('\n'),
  'ftrace-latency': (events) =>
    [
      '# tracer: nop',
      '#',
      '# nop latency trace v1.1.5 on 6.1.0',
      `# latency: 0 us, #${events.length}/${events.length}, CPU#0 | (M:desktop VP:0, KP:0, SP:0 HP:0 #P:2)`,
      ...events.map((e, i) => {
        const since = (micros(e.time) - micros(events[0].time)).toString().padStart(4);
        const comm = e.comm.slice(0, 8).padStart(8);
        return `${comm}-${e.pid.padEnd(7)} ${String(e.cpu).padStart(3)}${e.flags} ${since}us${' +!#'[i % 4]}: ${e.name}: ${e.fields}`;
      }),
    ].join('\n'),
  'trace-cmd-report': (events) =>
    [
      'cpus=2',
      ...events.map((e, i) => {
        const task = `${e.comm.padStart(16)}-${e.pid.padEnd(5)}`;
        return `${task} ${cpuColumn(e.cpu)} ${e.flags} ${e.time.padStart(12)}${i % 2 === 0 ? '000' : ''}: ${`${e.name}:`.padEnd(21)} ${e.fields}`;
      }),
    ].join('\n'),
  'perf-script': (events, random) =>
    events
      .map((e) => {
        const chain = Array.from({ length: Math.floor(random() * 4) }, () => {
          return `${random() < 0.5 ? '\t' : '    '}${address(random)} ${pick(random)} (/lib/modules/vmlinux)\n`;
        });
        return `${e.comm} ${e.pid.padStart(5)} ${cpuColumn(e.cpu)} ${e.time.padStart(12)}:             kmem:${e.name}: ${e.fields}\n${chain.join('')}`;
      })
      .join('\n'),
  'function-graph': (events, random) =>
    [
      '# tracer: function_graph',
      '#',
      ...events.flatMap((e) => {
        const head = `${e.time.padStart(12)} |   ${e.cpu})  ${e.comm}-${e.pid}  |`;
        const name = pick(random).replace(/\W.*/, '');
        return [
          ...(random() < 0.5 ? [`${head}               |  ${name}() {`] : []),
          `${head}               |  /* ${e.name}: ${e.fields} */`,
          ...(random() < 0.5 ? [`${head}   3.328 us    |  }`] : []),
        ];
      }),
    ].join('\n'),
};
