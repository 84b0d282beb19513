/**
 * What stands before an event's fields, in every layout, off the hot path:
 *
 *              sh-612   [004] ...1    14.520417: mm_page_alloc: …                 trace, trace_pipe, trace-cmd report
 *     perf  5170/5170 [000]    33.125450:    1 kmem:mm_page_alloc: …               perf script; any column may be missing
 *       <idle>-0         0d.h2.    12us+: mm_page_alloc: …                         latency format
 *      14.520417 |   0)    sh-612    |  d..1. |   0.3 us  |  /* mm_page_alloc: …   function_graph, the same
 *
 * Columns are looked for in the first 320 characters only, so no line costs more than its length.
 *
 * Models: kernel/trace/trace_output.c, trace_functions_graph.c; tools/perf/builtin-script.c.
 */
import { TRACEPOINT_KIND } from '@replug/core';
import { splitTask } from './task-column.ts';

export type Layout = 'trace' | 'perf' | 'latency' | 'graph';

export interface EventHead {
  readonly layout: Layout;
  /** Name and pid as `comm-pid`; undefined when the line does not tell. */
  readonly task?: string;
  readonly cpu?: number;
  /** As printed; '' when the line has none. */
  readonly flags: string;
  /** ns on the trace clock; undefined when the line does not tell. */
  readonly time?: number;
  readonly name: string;
  /** What follows `name:`. */
  readonly fields: string;
}

/** Why a line with a task and a cpu is no event. `stack` says that it heads a call chain. */
export type HeadFailure = 'no-cpu' | 'no-time' | 'no-event-name' | 'stack';

const HEAD_LENGTH = 320;
const CPU = /\[(\d+)\]/g;
const FLAGS_AND_TIME = /^\s*(?:([^\s\d]\S{0,15})\s+)?(\d+)(?:\.(\d+))?:/;
/** perf prints a period between time and name on request, and the event's system before the name. */
const NAME = /^\s*(?:\d+\s+)?(?:([\w.-]+):)?(\w{1,64}):(?=\s|$)/;
const PERF =
  /^\s*(?:(\S.{0,30}?)\s+)??(?:(?:\d+\/)?(\d{1,10})\s+)?(?:\[(\d{1,5})\]\s+)?(?:(\d+)\.(\d{6}|\d{9}):\s+)?(?:\d+\s+)?[\w-]+:(\w{1,64}):(?=\s|$)/;
/** Of perf's lines alone: most others need not be tried. */
const SYSTEM_AND_NAME = /[\w-]:\w{1,64}:(?:\s|$)/;
const LATENCY =
  /^\s*(\S.{0,30}?)?-(\d{1,10})\s+(\d{1,5})([^\s\d]\S{0,15})?\s+(\d+)(?:\.(\d{6}|\d{9}))?(us)?[$@*#!+ ]?:\s*(\w{1,64}):(?=\s|$)/;
const GRAPH =
  /^\s*(?:(\d+)\.(\d{6})\s+\|\s+)?(?:(\d{1,5})\)\s+)?(?:(\S.{0,30}?)-(\d{1,10})\s+\|\s+)?(?:([^\s\d|/]\S{3,7})\s+\|\s+)?(?:[+!#*@$]?\s*[\d.]+ us\s+)?(\|\s+)?\/\*\s(\w{1,64}):(?=\s|$)/;

/** Of the latency format. */
const STACK = /:\s<(?:user )?stack trace ?>\s*$/;

/** The head of an event line; a failure when the line only begins as one; undefined when it does not even that. */
export function readHead(line: string): EventHead | HeadFailure | undefined {
  if (!line.includes(':')) return undefined;
  const head = line.slice(0, HEAD_LENGTH);
  const common = readCommon(line, head);
  if (typeof common === 'object' || common === 'stack') return common;
  if (head.includes('/* ')) return readGraph(line, head) ?? common;
  return readPerf(line, head) ?? common ?? readLatency(line, head) ?? (STACK.test(head) ? 'stack' : undefined);
}

function readCommon(line: string, head: string): EventHead | HeadFailure | undefined {
  for (const { 0: bracket, 1: cpuText, index } of head.matchAll(CPU)) {
    const { comm, pid } = splitTask(head.slice(0, index));
    if (pid === -1) continue;
    const cpu = Number(cpuText);
    if (cpu > 65535) return 'no-cpu';
    const rest = line.slice(index + bracket.length);
    const columns = FLAGS_AND_TIME.exec(rest.slice(0, HEAD_LENGTH));
    const time = columns === null ? undefined : nanoseconds(columns[2], columns[3]);
    if (columns === null || time === undefined) return 'no-time';
    const event = rest.slice(columns[0].length);
    if (/^\s*</.test(event)) return 'stack';
    const name = NAME.exec(event.slice(0, HEAD_LENGTH));
    if (name === null) return 'no-event-name';
    const layout = name[1] !== undefined && !/-\d+\s*(\(|$)/.test(head.slice(0, index)) ? 'perf' : 'trace';
    const fields = event.slice(name[0].length);
    return { layout, task: `${comm}-${pid}`, cpu, flags: columns[1] ?? '', time, name: name[2], fields };
  }
  return undefined;
}

function readPerf(line: string, head: string): EventHead | undefined {
  const match = SYSTEM_AND_NAME.test(head) ? PERF.exec(head) : null;
  if (match === null) return undefined;
  const [all, comm, pid, cpu, seconds, fraction, name] = match;
  // Without a time, words with colons may be anything: the name decides.
  if (seconds === undefined && !TRACEPOINT_KIND.has(name)) return undefined;
  const task = pid === undefined ? (comm === undefined ? undefined : `${comm}-0`) : `${comm ?? ''}-${pid}`;
  const time = seconds === undefined ? undefined : nanoseconds(seconds, fraction);
  if (cpu !== undefined && Number(cpu) > 65535) return undefined;
  return { layout: 'perf', task, cpu: numberOf(cpu), flags: '', time, name, fields: line.slice(all.length) };
}

function readLatency(line: string, head: string): EventHead | undefined {
  const match = LATENCY.exec(head);
  if (match === null) return undefined;
  const [all, comm = '', pid, cpu, flags = '', whole, fraction, micro, name] = match;
  if ((flags === '' && micro === undefined) || Number(cpu) > 65535) return undefined;
  const time = micro === undefined ? nanoseconds(whole, fraction) : Number(whole) * 1000;
  const fields = line.slice(all.length);
  return { layout: 'latency', task: `${comm}-${pid}`, cpu: Number(cpu), flags, time, name, fields };
}

function readGraph(line: string, head: string): EventHead | undefined {
  const match = GRAPH.exec(head);
  if (match === null) return undefined;
  const [all, seconds, fraction, cpu, comm, pid, flags = '', bar, name] = match;
  if (bar === undefined && cpu === undefined && !TRACEPOINT_KIND.has(name)) return undefined;
  const close = line.lastIndexOf('*/');
  if (close < all.length || (cpu !== undefined && Number(cpu) > 65535)) return undefined;
  return {
    layout: 'graph',
    task: pid === undefined ? undefined : `${comm}-${pid}`,
    cpu: numberOf(cpu),
    flags,
    time: seconds === undefined ? undefined : nanoseconds(seconds, fraction),
    name,
    fields: line.slice(all.length, close).trimEnd(),
  };
}

/** From seconds with 6 or 9 digits after the point; a number without a point is of a clock that counts by itself. */
function nanoseconds(whole: string, fraction: string | undefined): number | undefined {
  if (fraction === undefined) return Number(whole);
  if (fraction.length === 6) return Number(whole) * 1e9 + Number(fraction) * 1e3;
  return fraction.length === 9 ? Number(whole) * 1e9 + Number(fraction) : undefined;
}

const numberOf = (text: string | undefined) => (text === undefined ? undefined : Number(text));
