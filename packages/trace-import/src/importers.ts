/** Every format this package reads, one entry a format. A prefix is at most 4096 bytes. */
import { FtraceTextReader } from './ftrace-text/ftrace-text.ts';
import { TRACE_FORMATS, traceFormatOf } from './ftrace-text/sniff.ts';
import { readBuddyinfo } from './buddyinfo/buddyinfo.ts';
import { readDmesg } from './dmesg/dmesg.ts';
import { readIndex } from './frag-index/frag-index.ts';
import { ImporterRegistry, textImporter, wholeReader, type Importer } from './importer.ts';
import { readIomem } from './iomem/iomem.ts';
import { looksLikePageWords } from './kpageflags/kpageflags.ts';
import { readCommandLine, readCpuinfo, readMeta, readUname, readVersion } from './meta/meta.ts';
import { looksLikePageOwner, PageOwnerReader } from './page-owner/page-owner.ts';
import { readPagetypeinfo } from './pagetypeinfo/pagetypeinfo.ts';
import { memoryBytes } from './ring-buffer/bytes.ts';
import { readSysctl } from './sysctl/sysctl.ts';
import { readListing } from './sysfs/tree.ts';
import { isTraceDat } from './trace-dat/file-layout.ts';
import { readTraceDat } from './trace-dat/trace-dat.ts';
import { readMeminfo, readVmstat } from './vmstat-meminfo/vmstat-meminfo.ts';
import { readWhen } from './when/when.ts';
import { readZoneinfo } from './zoneinfo/zoneinfo.ts';

const INDEX_ROW = /^\s*Node\s+\d+,\s*zone\s+\S+\s+-?\d+\.-?\d{3}\s/;
/** The two index files look alike. Only extfrag_index has negative values, and only it is not 0.000 at order 0. */
const isExtfragIndex = (text: string) =>
  INDEX_ROW.test(text) && text.split('\n').some((row) => / -|zone\s+\S+\s+0\.(?!000)/.test(row));
const firstLine = (text: string) => text.slice(0, (text + '\n').indexOf('\n'));

/** One reader for every layout of a trace; its importers differ in the name that tells the layout. */
const traceTexts = TRACE_FORMATS.map((id, i): Importer => ({
  id,
  yields: 'events',
  priority: 104 - i,
  sniff: (prefix) => traceFormatOf(prefix) === id,
  open: (account) => {
    const reader = new FtraceTextReader(account);
    return { push: (chunk) => reader.push(chunk), finish: () => ({ trace: reader.finish() }) };
  },
}));

const traceDat: Importer = {
  id: 'trace-dat',
  yields: 'events',
  priority: 110,
  sniff: isTraceDat,
  open: (account) => wholeReader((bytes) => readTraceDat(memoryBytes(bytes), account)),
  readBytes: readTraceDat,
};

const kpageflags: Importer = {
  id: 'kpageflags',
  yields: 'checkpoint',
  priority: 10,
  sniff: (prefix) => looksLikePageWords(prefix) === 'flags',
  open: (account) =>
    wholeReader((bytes) => {
      account.events = Math.floor(bytes.length / 8);
      return { step: { pageFlagBytes: bytes } };
    }),
};

const kpagecount: Importer = {
  id: 'kpagecount',
  yields: 'checkpoint',
  priority: 9,
  sniff: (prefix) => looksLikePageWords(prefix) === 'counts',
  open: (account) =>
    wholeReader((bytes) => {
      account.events = Math.floor(bytes.length / 8);
      return { step: { pageCountBytes: bytes } };
    }),
};

const pageOwner: Importer = {
  id: 'page-owner',
  yields: 'checkpoint',
  priority: 88,
  streamed: true,
  sniff: (prefix) => !prefix.includes(0) && looksLikePageOwner(new TextDecoder().decode(prefix)),
  open: (account) => {
    const reader = new PageOwnerReader(account);
    return { push: (chunk) => reader.push(chunk), finish: () => ({ step: { pageOwner: reader.finish() } }) };
  },
};

export const IMPORTERS = new ImporterRegistry([
  traceDat,
  ...traceTexts,
  pageOwner,
  textImporter(
    { id: 'zoneinfo', yields: 'machine', priority: 95 },
    (text) => /^Node\s+\d+,\s*zone\s+\S+\s*$/.test(firstLine(text)),
    (text, account) => ({ step: { zoneinfo: readZoneinfo(text, account) } }),
  ),
  textImporter(
    { id: 'buddyinfo', yields: 'checkpoint', priority: 94 },
    (text) => /^\s*Node\s+\d+,\s*zone\s+\S+(\s+\d+)+\s*$/.test(firstLine(text)),
    (text, account) => ({ step: { buddyinfo: readBuddyinfo(text, account) } }),
  ),
  textImporter(
    { id: 'pagetypeinfo', yields: 'checkpoint', priority: 93 },
    (text) => text.startsWith('Page block order:'),
    (text, account) => ({ step: { pagetypeinfo: readPagetypeinfo(text, account) } }),
  ),
  textImporter({ id: 'extfrag-index', yields: 'checkpoint', priority: 92 }, isExtfragIndex, (text, account) => ({
    step: { extfragIndex: readIndex(text, account) },
  })),
  textImporter(
    { id: 'unusable-index', yields: 'checkpoint', priority: 91 },
    (text) => INDEX_ROW.test(text) && !isExtfragIndex(text),
    (text, account) => ({ step: { unusableIndex: readIndex(text, account) } }),
  ),
  textImporter(
    { id: 'iomem', yields: 'machine', priority: 90 },
    (text) => /^\s*[0-9a-f]{8,}-[0-9a-f]{8,} : /.test(text),
    (text, account) => ({ step: { iomem: readIomem(text, account) } }),
  ),
  textImporter(
    { id: 'sysfs-listing', yields: 'machine', priority: 85 },
    (text) => /^\/sys\/devices\/system\/(memory|node)\/\S+(: | -> )/.test(text),
    (text, account) => ({ step: { sysfs: readListing(text, account) } }),
  ),
  textImporter(
    { id: 'when', yields: 'machine', priority: 80 },
    (text) => text.startsWith('monotonic_begin='),
    (text, account) => ({ step: { when: readWhen(text, account) } }),
  ),
  textImporter(
    { id: 'meta', yields: 'machine', priority: 75 },
    (text) => /^(bundle|arch): /.test(text),
    (text, account) => ({ machine: readMeta(text, account) }),
  ),
  textImporter(
    { id: 'dmesg', yields: 'machine', priority: 70 },
    (text) => /^(<\d+>)?\[\s*\d+\.\d+\]/.test(text),
    (text, account) => {
      const { facts, kernel, commandLine } = readDmesg(text, account);
      return { dmesg: facts, machine: { kernel, commandLine } };
    },
  ),
  textImporter(
    { id: 'meminfo', yields: 'checkpoint', priority: 65 },
    (text) => /^MemTotal:\s+\d+ kB/.test(text),
    (text, account) => ({ step: { meminfo: readMeminfo(text, account) } }),
  ),
  textImporter(
    { id: 'version', yields: 'machine', priority: 60 },
    (text) => text.startsWith('Linux version '),
    (text, account) => ({ machine: readVersion(text, account) }),
  ),
  textImporter(
    { id: 'uname', yields: 'machine', priority: 59 },
    (text) => /^Linux (?!version )\S+ \d+\.\d+/.test(text),
    (text, account) => ({ machine: readUname(text, account) }),
  ),
  textImporter(
    { id: 'cpuinfo', yields: 'machine', priority: 58 },
    (text) => /^(processor|vendor_id|Processor)\s*:/.test(text),
    (text, account) => ({ machine: readCpuinfo(text, account) }),
  ),
  textImporter(
    { id: 'trace-clock', yields: 'machine', priority: 55 },
    (text) => /^[\w -]*\[[\w-]+\][\w -]*\n?$/.test(text) && /\bglobal\b/.test(text),
    (text, account) => {
      for (const _ of account.each(text)) account.event();
      return { traceClock: /\[([\w-]+)\]/.exec(text)?.[1] ?? '' };
    },
  ),
  textImporter(
    { id: 'sysctl', yields: 'machine', priority: 50 },
    (text) =>
      /^[\w./-]+ ?= /.test(text) && /^[\w./-]+ ?= ?.*\n?([\w./-]+ ?=|$)/.test(text) && !/^(root|console)=/.test(text),
    (text, account) => ({ step: { sysctl: readSysctl(text, account) } }),
  ),
  textImporter(
    { id: 'vmstat', yields: 'checkpoint', priority: 45 },
    (text) => /^(nr_\w+ \d+\n){2}/.test(text),
    (text, account) => ({ step: { vmstat: readVmstat(text, account) } }),
  ),
  textImporter(
    { id: 'cmdline', yields: 'machine', priority: 40 },
    (text) =>
      /(^|\s)(BOOT_IMAGE|root|console|initrd)=\S+/.test(firstLine(text)) && text.trim().split('\n').length === 1,
    (text, account) => ({ machine: readCommandLine(text, account) }),
  ),
  kpageflags,
  kpagecount,
]);
