/**
 * Raw pages as trace_pipe_raw gives them, one file a cpu, with the files of the same boot that say how to read them:
 * events/header_page, the format files, saved_cmdlines. The byte order is the machine's; where nothing tells, the pages do.
 */
import type { Account } from '../account.ts';
import { badPageHeader, noFormats } from '../errors.ts';
import { readFormat } from '../event-format/format-text.ts';
import type { Facts, Note } from '../facts.ts';
import { feedOf, type Bytes } from './bytes.ts';
import { Cmdlines } from './cmdlines.ts';
import type { TraceContext } from './context.ts';
import { isPageSize, probeLayout, readPageHeader } from './page-layout.ts';
import { readRingBuffers } from './ring-buffer.ts';

export interface RawPages {
  readonly cpus: readonly { readonly cpu: number; readonly bytes: Bytes }[];
  /** Text of events/header_page; '' when it is not there. */
  readonly headerPage: string;
  /** Texts of the format files. */
  readonly formats: readonly string[];
  /** Text of saved_cmdlines; '' when it is not there. */
  readonly cmdlines: string;
  /** per_cpu/cpuN/stats of all cpus, each under `== cpuN`; '' when it is not there. */
  readonly stats: string;
}

/** Throws RP4015 for a header_page that is none, RP4016 for too many cpus, RP4018 without formats. */
export function readRawPages(raw: RawPages, account: Account, context: TraceContext = {}): Facts {
  const formats = raw.formats.map(readFormat).filter((format) => format !== undefined);
  const bad = raw.formats.length - formats.length;
  if (bad > 0) account.detail('format files that are none', bad);
  if (formats.length === 0) throw noFormats(account.path);
  const header = readPageHeader(raw.headerPage, 8);
  if (!isPageSize(header.pageSize)) throw badPageHeader(`page size ${header.pageSize}`);
  const orders = context.bigEndian === undefined ? [true, false] : [!context.bigEndian];
  const candidates = orders.map((little) => ({ ...header, little }));
  const first = raw.cpus.find(({ bytes }) => bytes.size > 0);
  const layout = first === undefined ? candidates[0] : probeLayout(first.bytes, 0, first.bytes.size, candidates);
  const stats = readStats(raw.stats);
  const trace = readRingBuffers(
    {
      cpus: raw.cpus.map(({ cpu, bytes }) => ({ cpu, feed: feedOf(bytes), size: bytes.size })),
      layout,
      formats,
      cmdlines: new Cmdlines(raw.cmdlines),
      kernel: context.kernel,
      variables: context.variables,
      overrun: stats.reduce((sum, { overrun }) => sum + overrun, 0),
    },
    account,
  );
  return { trace, notes: missingPages(raw, stats) };
}

interface CpuStats {
  readonly cpu: number;
  readonly entries: number;
  /** Overwritten, or dropped because there was no room. */
  readonly overrun: number;
}

function readStats(text: string): CpuStats[] {
  return text
    .split(/^(?=== cpu\d)/m)
    .slice(0, 65536)
    .flatMap((part) => {
      const cpu = /^== cpu(\d{1,5})\s*$/m.exec(part)?.[1];
      if (cpu === undefined) return [];
      const count = (name: string) => Number(new RegExp(`^${name}: (\\d{1,15})$`, 'm').exec(part)?.[1] ?? 0);
      return [{ cpu: Number(cpu), entries: count('entries'), overrun: count('overrun') + count('dropped events') }];
    });
}

/** Cpus that recorded events and whose pages are not there. */
function missingPages({ cpus }: RawPages, stats: readonly CpuStats[]): Note[] {
  const missing = stats.filter(({ cpu, entries }) => entries > 0 && !cpus.some((one) => one.cpu === cpu));
  if (missing.length === 0) return [];
  const text = missing.map(({ cpu, entries }) => `cpu ${cpu} (${entries} events)`).join(', ');
  return [{ name: 'pages-missing', text: `the raw pages of ${text} are not there` }];
}
