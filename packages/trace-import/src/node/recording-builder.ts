/**
 * Collects what the importers find in the files of one recording and settles what no file tells outright: architecture,
 * byte order, page size. Whatever is missing or was guessed becomes a named warning.
 */
import { basename, join } from 'node:path';
import { stat } from 'node:fs/promises';
import { ReplugError } from '@replug/core';
import {
  alignClocks,
  stepLabel,
  type ArchName,
  type FileAccount,
  type PageFlags,
  type Recording,
  type Step,
  type TraceFile,
  type Warning,
} from '@replug/workload';
import { mergeMachine, mergeStep, type Facts, type StepFacts } from '../facts.ts';
import { IMPORTERS } from '../importers.ts';
import type { Importer } from '../importer.ts';
import { isHiddenIomem } from '../iomem/iomem.ts';
import { possibleByteOrders, readPageWords, saturatedCounts } from '../kpageflags/kpageflags.ts';
import { archOfRelease, type MachineFacts } from '../meta/meta.ts';
import type { TraceContext } from '../ring-buffer/context.ts';
import { memoryBlocksOf } from '../sysfs/memory.ts';
import { nodesOf } from '../sysfs/nodes.ts';
import type { TraceKind } from './open-trace.ts';
import { readPrefix } from './read-bytes.ts';
import { readRaw, type RawPaths } from './read-binary.ts';
import { readFile } from './read-file.ts';

export interface Progress {
  /** The file being read, relative to the recording. */
  readonly path: string;
  /** Bytes of the file read so far, and its size on disk; 0 where the size is not known (procfs). */
  readonly read: number;
  readonly size: number;
}

export interface OpenOptions {
  readonly onProgress?: (progress: Progress) => void;
  /** False leaves kpageflags and kpagecount unread: they are large and only baselines and checkpoints need them. */
  readonly pageFlags?: boolean;
  /** False leaves page_owner unread; by default it is read when page flags are. */
  readonly pageOwner?: boolean;
  /** Which trace of a capture that has several; its text by default. */
  readonly trace?: TraceKind;
  /** Name of the buffer of a trace.dat that is the trace; the top one by default. */
  readonly buffer?: string;
  /** Threads that parse a trace's text; 1, the default, parses it in this one. */
  readonly jobs?: number;
  /** Most bytes of content of any one file; by default 64 GiB of a trace, 1 GiB of a file that is held as a whole. */
  readonly maxBytes?: number;
}

export interface StepDraft {
  readonly number: number;
  readonly name: string;
  readonly path: string;
  readonly facts: StepFacts;
}

const BIG_ENDIAN: ReadonlySet<ArchName> = new Set(['s390x', 'ppc64']);
const PAGE_SIZES = [4096, 16384, 65536];

export class RecordingBuilder {
  readonly machine: MachineFacts = {};
  readonly warnings: Warning[] = [];
  readonly files: FileAccount[] = [];
  private readonly steps: StepDraft[] = [];
  private dmesg: Facts['dmesg'];
  private trace: Facts['trace'];
  private tracePath = '';
  private traceClock = '';
  /** Why the last file that could not be read could not. */
  failure: unknown;
  readonly path: string;
  private readonly options: OpenOptions;

  constructor(path: string, options: OpenOptions) {
    this.path = path;
    this.options = options;
  }

  get readsPageFlags(): boolean {
    return this.options.pageFlags !== false;
  }

  get readsPageOwner(): boolean {
    return this.options.pageOwner ?? this.readsPageFlags;
  }

  get wantedTrace(): TraceKind | undefined {
    return this.options.trace;
  }

  /** What other files have told that a binary trace does not. */
  private traceContext(): TraceContext {
    const { kernel, arch } = this.machine;
    const order = this.steps.find(({ facts }) => facts.pagetypeinfo !== undefined)?.facts.pagetypeinfo?.pageblockOrder;
    return {
      kernel,
      bigEndian: arch === undefined ? undefined : BIG_ENDIAN.has(arch),
      variables: order === undefined ? undefined : new Map([['pageblock_order', order]]),
      buffer: this.options.buffer,
    };
  }

  warn(name: string, text: string): void {
    this.warnings.push({ name, text });
  }

  addStep(number: number, name: string, path: string, facts: StepFacts = {}): StepFacts {
    this.steps.push({ number, name, path, facts });
    return facts;
  }

  /** The importer that recognises the content of `relative`; undefined for an unknown or unreadable file. */
  async detect(relative: string): Promise<Importer | undefined> {
    try {
      return IMPORTERS.detect(await readPrefix(join(this.path, relative)));
    } catch (error) {
      this.unreadable(relative, error);
      return undefined;
    }
  }

  /** Reads a file with the importer of that id; undefined with a warning when it is empty or cannot be read. */
  async read(relative: string, importerId: string): Promise<Facts | undefined> {
    const full = relative === '' ? this.path : join(this.path, relative);
    const shown = relative === '' ? basename(this.path) : relative;
    const { onProgress, jobs, maxBytes } = this.options;
    try {
      const { size } = await stat(full);
      const { facts, account, bytes, trailing } = await readFile(full, shown, IMPORTERS.byId(importerId)!, {
        jobs,
        maxBytes,
        onRead: (read) => onProgress?.({ path: shown, read, size }),
        context: this.traceContext(),
      });
      if (trailing > 0) this.warn('bytes-after-end', `${shown}: ${trailing} bytes after the compressed data, not read`);
      if (bytes === 0) {
        this.warn('empty-file', `${shown} is empty`);
        return undefined;
      }
      if ('file-truncated' in account.details) this.warn('file-truncated', `${shown} was cut: what was whole is used`);
      this.files.push(account.finish(bytes));
      return facts;
    } catch (error) {
      this.unreadable(shown, error);
      return undefined;
    }
  }

  /** Reads a file and takes over all that it tells. */
  async readInto(step: StepFacts, relative: string, importerId: string): Promise<void> {
    const facts = await this.read(relative, importerId);
    if (facts !== undefined) this.takeOver(step, facts, relative);
  }

  /** Reads the raw pages of a trace; `folder` is shown as their path. */
  async readRaw(paths: RawPaths, folder: string): Promise<void> {
    try {
      const { facts, account, bytes } = await readRaw(paths, folder, this.traceContext(), this.options.maxBytes);
      if ('file-truncated' in account.details)
        this.warn('file-truncated', `${folder}: pages were cut, the rest is used`);
      this.files.push(account.finish(bytes));
      this.takeOver({}, facts, folder);
    } catch (error) {
      this.unreadable(folder, error);
    }
  }

  private takeOver(step: StepFacts, facts: Facts, relative: string): void {
    if (facts.step !== undefined) mergeStep(step, facts.step);
    if (facts.machine !== undefined) mergeMachine(this.machine, facts.machine);
    this.dmesg ??= facts.dmesg;
    this.traceClock ||= facts.traceClock ?? '';
    for (const { name, text } of facts.notes ?? []) this.warn(name, text);
    if (facts.trace === undefined) return;
    if (this.trace === undefined) {
      this.trace = facts.trace;
      this.tracePath = relative === '' ? basename(this.path) : relative;
    } else {
      this.warn('second-trace-not-used', `${relative} is a second trace; the first, ${this.tracePath}, is used`);
    }
  }

  private unreadable(path: string, error: unknown): void {
    this.failure = error;
    const text = error instanceof ReplugError ? error.message : String(error);
    this.warn('file-unreadable', `${path} could not be read: ${text}`);
  }

  /** `expected`: what a recording of this kind should have; each missing one is a warning. */
  finish(expected: readonly Expected[]): Recording {
    const { machine } = this;
    machine.arch ??= machine.kernel === undefined ? undefined : archOfRelease(machine.kernel);
    const arch = machine.arch ?? 'unknown';
    if (machine.arch === undefined && expected.length > 0) {
      this.warn('arch-unknown', 'no file names the architecture');
    }
    const pageSize = this.decidePageSize(arch);
    const bigEndian = this.decideByteOrder(arch);
    for (const draft of this.steps) this.checkStep(draft);
    const steps = this.steps.map((draft) => this.finishStep(draft, bigEndian));
    const trace = this.finishTrace(steps);
    this.warnMissing(expected, steps, trace);
    if (trace !== undefined && steps.length > 0 && alignClocks({ steps, trace }) === undefined) {
      this.warn('clock-not-aligned', 'nothing ties the trace clock to CLOCK_MONOTONIC on both sides');
    }
    return {
      name: basename(this.path) || this.path,
      path: this.path,
      arch,
      pageSize,
      kernel: machine.kernel ?? '',
      commandLine: machine.commandLine ?? '',
      bigEndian,
      steps,
      dmesg: this.dmesg,
      trace,
      files: this.files,
      warnings: this.warnings,
    };
  }

  private decidePageSize(arch: ArchName): number {
    if (this.machine.pageSize !== undefined) return this.machine.pageSize;
    const measured = this.steps.map((s) => measuredPageSize(s.facts)).find((size) => size !== undefined);
    if (measured !== undefined) return measured;
    if (arch === 'x86_64' || arch === 's390x') return 4096;
    const guess = arch === 'ppc64le' || arch === 'ppc64' ? 65536 : 4096;
    if (this.steps.length > 0) this.warn('page-size-guessed', `no file tells the page size: ${guess} is assumed`);
    return guess;
  }

  private decideByteOrder(arch: ArchName): boolean {
    if (arch !== 'unknown') return BIG_ENDIAN.has(arch);
    for (const { facts, path } of this.steps) {
      if (facts.pageFlagBytes === undefined) continue;
      const { little, big } = possibleByteOrders(facts.pageFlagBytes);
      const bigEndian = big && !little;
      const why = little === big ? 'both byte orders fit; little-endian is assumed' : 'only it gives possible flags';
      this.warn('byte-order-guessed', `kpageflags of ${path} read as ${bigEndian ? 'big' : 'little'}-endian: ${why}`);
      return bigEndian;
    }
    return false;
  }

  private checkStep({ facts, path }: StepDraft): void {
    if (facts.iomem !== undefined && isHiddenIomem(facts.iomem)) {
      this.warn('iomem-hidden', `iomem of ${path} was read without privileges: all addresses are 0`);
      facts.iomem = undefined;
    }
  }

  private finishStep({ number, name, path, facts }: StepDraft, bigEndian: boolean): Step {
    const { sysfs, pageFlagBytes, pageCountBytes, pageOwner, ...fields } = facts;
    return {
      number,
      name,
      path,
      ...fields,
      memoryBlocks: sysfs === undefined ? undefined : memoryBlocksOf(sysfs),
      nodes: sysfs === undefined ? undefined : nodesOf(sysfs),
      hasPageFlags: pageFlagBytes !== undefined,
      pageFlags: () => (pageFlagBytes === undefined ? undefined : splitFlags(pageFlagBytes, pageCountBytes, bigEndian)),
      ...(pageOwner !== undefined && { pageOwner: () => pageOwner }),
    };
  }

  private finishTrace(steps: readonly Step[]): TraceFile | undefined {
    const { trace } = this;
    if (trace === undefined) return undefined;
    if (trace.lost > 0) this.warn('events-lost', `${this.tracePath}: ${trace.lost} events were lost while recording`);
    const switchedOn = steps.some((s) => s.when?.tracing === 'started-after-reading');
    return {
      path: this.tracePath,
      events: trace.events,
      counts: trace.counts,
      lost: trace.lost,
      clock: this.traceClock,
      fromBoot: !switchedOn && /(^|\s)trace_event=/.test(this.machine.commandLine ?? ''),
    };
  }

  private warnMissing(expected: readonly Expected[], steps: readonly Step[], trace: TraceFile | undefined): void {
    for (const what of expected) {
      if (what === 'trace') {
        if (trace === undefined) this.warn('no-trace', 'there is no trace');
      } else if (what === 'dmesg') {
        if (this.dmesg === undefined) this.warn('no-dmesg', 'there is no boot log');
      } else {
        const { field, warning } = EXPECTED_OF_STEP[what];
        const without = steps.filter((step) => !field(step));
        if (without.length === 0) continue;
        const which = without.length === steps.length ? '' : `: ${without.map(stepLabel).join(', ')}`;
        this.warn(warning, `${without.length} of ${steps.length} steps have no ${what}${which}`);
      }
    }
  }
}

export type Expected = 'trace' | 'dmesg' | keyof typeof EXPECTED_OF_STEP;

const EXPECTED_OF_STEP = {
  zoneinfo: { warning: 'no-zoneinfo', field: (s: Step) => s.zoneinfo !== undefined },
  buddyinfo: { warning: 'no-buddyinfo', field: (s: Step) => s.buddyinfo !== undefined },
  pagetypeinfo: { warning: 'no-pagetypeinfo', field: (s: Step) => s.pagetypeinfo !== undefined },
  'memory blocks': { warning: 'no-memory-blocks', field: (s: Step) => s.memoryBlocks !== undefined },
  'page flags': { warning: 'no-page-flags', field: (s: Step) => s.hasPageFlags },
} as const;

function splitFlags(flagBytes: Uint8Array, countBytes: Uint8Array | undefined, bigEndian: boolean): PageFlags {
  const flags = readPageWords(flagBytes, bigEndian);
  const count = countBytes === undefined ? undefined : saturatedCounts(readPageWords(countBytes, bigEndian));
  return { ...flags, count };
}

/** MemTotal counts the managed pages of all zones, so the two tell the page size. */
function measuredPageSize({ meminfo, zoneinfo }: StepFacts): number | undefined {
  const kilobytes = meminfo?.MemTotal;
  const pages = zoneinfo?.zones.reduce((sum, z) => sum + (z.managed ?? 0), 0) ?? 0;
  if (kilobytes === undefined || pages === 0) return undefined;
  const bytes = (kilobytes * 1024) / pages;
  return PAGE_SIZES.find((size) => Math.abs(bytes / size - 1) < 0.02);
}
