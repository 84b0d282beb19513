/**
 * The trace of a capture: its text, a trace.dat, or raw pages of the ring buffer, whichever is there; where there are several,
 * the text unless something else is asked for.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { RawPaths } from './read-binary.ts';
import type { RecordingBuilder } from './recording-builder.ts';

/** Kinds of a trace, the one that is taken first in front. */
export const TRACE_KINDS = ['text', 'dat', 'raw'] as const;
export type TraceKind = (typeof TRACE_KINDS)[number];

type Names = ReadonlyMap<string, string>;

/** `top`, `files`: entries of the capture and of its trace folder, by name without compression. */
export async function readTrace(builder: RecordingBuilder, top: Names, files: Names): Promise<void> {
  if (files.has('trace_clock')) await builder.readInto({}, join('trace', files.get('trace_clock')!), 'trace-clock');
  const inside = files.get('trace.txt') ?? files.get('trace');
  const text = inside === undefined ? top.get('trace.txt') : join('trace', inside);
  const dat = files.has('trace.dat') ? join('trace', files.get('trace.dat')!) : top.get('trace.dat');
  const raw = await rawPaths(builder.path, files);
  const readers: Readonly<Record<TraceKind, (() => Promise<void>) | undefined>> = {
    text: text === undefined ? undefined : () => builder.readInto({}, text, 'ftrace-text'),
    dat: dat === undefined ? undefined : () => builder.readInto({}, dat, 'trace-dat'),
    raw: raw === undefined ? undefined : () => builder.readRaw(raw, 'trace'),
  };
  const { wantedTrace } = builder;
  const kind = [wantedTrace, ...TRACE_KINDS].find((one) => one !== undefined && readers[one] !== undefined);
  if (kind !== undefined && wantedTrace !== undefined && kind !== wantedTrace) {
    builder.warn('other-trace-used', `there is no trace of the kind ${wantedTrace}: ${kind} is used`);
  }
  if (kind !== undefined) return readers[kind]!();
  const partial = [...files.values()].filter((name) => /^trace-.*\.txt/.test(name));
  if (partial.length > 0)
    builder.warn('partial-trace-not-used', `${partial.join(', ')}: only a part of the trace, not used`);
}

/** `raw.cpu0` or `per_cpu/cpu0/trace_pipe_raw`, with format files beside them; undefined when there is none of either. */
async function rawPaths(capture: string, files: Names): Promise<RawPaths | undefined> {
  const trace = join(capture, 'trace');
  const cpus = [...files].flatMap(([name, file]) => {
    const match = /^raw\.cpu(\d{1,5})$/.exec(name);
    return match === null ? [] : [{ cpu: Number(match[1]), path: join(trace, file) }];
  });
  for (const path of await below(trace, 'per_cpu')) {
    const match = /^cpu(\d{1,5})\/trace_pipe_raw(?:\.(?:xz|gz|zst))?$/.exec(path);
    if (match !== null) cpus.push({ cpu: Number(match[1]), path: join(trace, 'per_cpu', path) });
  }
  if (cpus.length === 0) return undefined;
  const events = await below(trace, 'events');
  const formats = events
    .filter((path) => /^[^/]+\/[^/]+\/format$/.test(path))
    .map((path) => join(trace, 'events', path));
  if (formats.length === 0) return undefined;
  const beside = (name: string) => (files.has(name) ? join(trace, files.get(name)!) : undefined);
  return {
    cpus: cpus.sort((a, b) => a.cpu - b.cpu),
    headerPage: events.includes('header_page') ? join(trace, 'events/header_page') : undefined,
    formats,
    cmdlines: beside('saved_cmdlines'),
    stats: beside('stats'),
  };
}

/** All paths below a folder, sorted; none when there is no such folder. */
async function below(folder: string, name: string): Promise<string[]> {
  try {
    return (await readdir(join(folder, name), { recursive: true })).sort();
  } catch {
    return [];
  }
}
