/**
 * Recognises ftrace text and its layout: by the header, or by an event line among the first lines. Every prefix has one
 * layout or none, so no two of the importers of this folder take the same file.
 *
 *   ftrace-text        trace, trace_pipe; also a trace-cmd report without its first lines, which looks the same
 *   ftrace-latency     the latency format of any tracer
 *   function-graph     events as comments among function calls
 *   trace-cmd-report   `cpus=4` first
 *   perf-script        the pid after a space, events with their system: `kmem:mm_page_alloc:`
 */
import { readHead, type Layout } from './event-head.ts';
import { lastGuess } from './other-lines.ts';

export const TRACE_FORMATS = [
  'ftrace-text',
  'ftrace-latency',
  'function-graph',
  'trace-cmd-report',
  'perf-script',
] as const;
export type TraceFormat = (typeof TRACE_FORMATS)[number];

const FORMAT_OF: Readonly<Record<Layout, TraceFormat>> = {
  trace: 'ftrace-text',
  latency: 'ftrace-latency',
  graph: 'function-graph',
  perf: 'perf-script',
};
/** Lines that are tried as events. A header may stand before them, perf's is long. */
const LINES_LOOKED_AT = 24;

const decoder = new TextDecoder();

/** The layout of a trace that begins so; undefined when it is no trace. */
export function traceFormatOf(prefix: Uint8Array): TraceFormat | undefined {
  // What a crash left behind may end in zeros.
  const zero = prefix.indexOf(0);
  const text = decoder.decode(zero === -1 ? prefix : prefix.subarray(0, zero));
  const lines = text.split('\n').map((line) => line.replace(/^(?:> ?)+/, '').replace(/\r$/, ''));
  const found = layoutOf(lines.filter((line) => !line.startsWith('#') && line.trim() !== '').slice(0, LINES_LOOKED_AT));
  if (lines[0].startsWith('# tracer: ')) {
    if (lines.some((line) => /^# \S+ latency trace v/.test(line))) return 'ftrace-latency';
    if (lines[0].startsWith('# tracer: function_graph')) return 'function-graph';
    // The heading of the latency format is optional, and the prefix may end before the first event.
    return found ?? 'ftrace-text';
  }
  if (/^(?:version = \d+|cpus=\d+)$/.test(lines[0]) && found !== undefined) return 'trace-cmd-report';
  return found ?? (/^CPU:\d+ \[LOST/.test(lines[0]) ? 'ftrace-text' : undefined);
}

/** Layout of the first event line; a mail program may have broken it in two. */
function layoutOf(lines: readonly string[]): TraceFormat | undefined {
  for (const [i, line] of lines.entries()) {
    let head = readHead(line);
    if (typeof head === 'string' && i + 1 < lines.length) head = readHead(`${line.trimEnd()} ${lines[i + 1].trim()}`);
    if (typeof head === 'object') return FORMAT_OF[head.layout];
  }
  return lines.filter((line) => lastGuess(line) === 'graph lines').length > lines.length / 2
    ? 'function-graph'
    : undefined;
}
