/**
 * What the formulas take as input from a recording: architecture, kernel, CPUs, huge pages, and the zones as they were when
 * the kernel sized itself at boot.
 *
 * The zones of the first dump hold more than that moment: initrd and init memory came back later. Their amounts are in the
 * boot log; the zone is found by address (RAMDISK line, `Kernel code` in iomem) or, where nothing prints it, by the place
 * where the architecture puts it.
 *
 * Models: mm/khugepaged.c and arch has_transparent_hugepage(); init/initramfs.c, arch free_initmem(), 6.1 and 6.12.
 */
import type { SizingProfileId, SizingZone, SizingZoneKind, ThpMode } from '@replug/buddy';
import type { Recording, Step, ZoneinfoZone } from '@replug/workload';
import type { CaptureLogs } from './fidelity-static-logs.ts';

const KINDS: readonly string[] = ['DMA', 'DMA32', 'Normal', 'HighMem', 'Movable', 'Device'];

export interface StaticFacts {
  readonly profile: SizingProfileId;
  readonly pageShift: number;
  readonly pageblockPages: number;
  readonly thp: ThpMode;
}

/** A step that can be judged. */
export type DumpStep = Step & { readonly zoneinfo: NonNullable<Step['zoneinfo']> };

export function isDump(step: Step): step is DumpStep {
  return (
    step.zoneinfo !== undefined && step.zoneinfo.zones.every((z) => z.managed !== undefined && KINDS.includes(z.name))
  );
}

/** Self-tuned limits came in 6.7; of the versions between the two that are modelled the nearer behaviour is taken. */
export function sizingProfile(kernel: string): SizingProfileId {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(kernel) ?? ['', '6', '12'];
  return Number(major) * 1000 + Number(minor) >= 6007 ? '6.12' : '6.1';
}

export function staticFacts(recording: Recording, first: DumpStep, logs: CaptureLogs): StaticFacts {
  const pageShift = Math.log2(recording.pageSize);
  const order =
    recording.steps.find((s) => s.pagetypeinfo)?.pagetypeinfo?.pageblockOrder ?? defaultPageblockOrder(recording);
  return {
    profile: sizingProfile(recording.kernel),
    pageShift,
    pageblockPages: 2 ** order,
    thp: hugePages(recording, first, order, logs),
  };
}

function defaultPageblockOrder({ arch, pageSize }: Recording): number {
  if (arch === 's390x') return 8;
  return arch === 'ppc64le' || arch === 'ppc64' ? 21 - Math.log2(pageSize) : 9;
}

/** Whether PMD-sized huge pages exist: built in (meminfo counts them), offered by the MMU, not switched off. */
function hugePages(recording: Recording, first: DumpStep, pageblockOrder: number, logs: CaptureLogs): ThpMode {
  const { meminfo } = first;
  if (meminfo !== undefined && meminfo.AnonHugePages === undefined) return 'absent';
  if (recording.arch === 's390x') {
    // EDAT1 maps the kernel's own memory with large pages too.
    const large = Object.entries(meminfo ?? {}).some(([key, kB]) => /^DirectMap(1M|2G)$/.test(key) && kB > 0);
    if (!large) return 'absent';
  }
  if (recording.arch === 'ppc64le' || recording.arch === 'ppc64') {
    const pageShift = Math.log2(recording.pageSize);
    const radix = pageblockOrder + pageShift === 21;
    // The hash MMU needs 16 MiB pages inside segments of the base page size.
    if (!radix && !logs.hashPageShifts?.some((s) => s.base === pageShift && s.shift === 24)) return 'absent';
  }
  return /\btransparent_hugepage=never\b/.test(recording.commandLine) ? 'never' : 'enabled';
}

export function sizingZone(zone: ZoneinfoZone): SizingZone {
  return {
    nid: zone.node,
    kind: zone.name as SizingZoneKind,
    managed: zone.managed!,
    present: zone.present,
    spanned: zone.spanned,
  };
}

/** CPUs that are online in a dump: those with per-CPU lists, each with its node. */
export function onlineCpus(step: DumpStep): { readonly cpu: number; readonly nid: number }[] {
  const cpus = new Set(step.zoneinfo.zones.flatMap((z) => z.pagesets.map((p) => p.cpu)));
  return [...cpus].map((cpu) => ({ cpu, nid: step.nodes?.find((n) => n.cpus.includes(cpu))?.nid ?? 0 }));
}

/** Pages by zone index that were given to the allocator after the boot-time sizing. */
export function givenBack(recording: Recording, first: DumpStep): Map<number, number> {
  const pages = new Map<number, number>();
  const { zones } = first.zoneinfo;
  const add = (index: number, count: number) => pages.set(index, (pages.get(index) ?? 0) + count);
  for (const { what, kilobytes } of recording.dmesg?.freed ?? []) {
    const count = kilobytes / (recording.pageSize / 1024);
    if (/initrd/.test(what)) {
      for (const [index, part] of initrdZones(recording, zones, count)) add(index, part);
    } else if (/unused/.test(what)) {
      add(kernelZone(first, recording.pageSize), count);
    }
  }
  return pages;
}

/** The initrd's pages by zone: a range may cross zones. */
function initrdZones(recording: Recording, zones: readonly ZoneinfoZone[], pages: number): [number, number][] {
  const range = recording.dmesg?.initrd;
  if (range !== undefined) {
    const start = Math.floor(range.start / recording.pageSize);
    const end = start + pages;
    const parts = zones.map((z, i): [number, number] => [i, overlap(z, start, end)]).filter(([, part]) => part > 0);
    if (parts.reduce((sum, [, part]) => sum + part, 0) === pages) return parts;
  }
  // Not printed: loaders put it behind the kernel at the bottom; the s390x boot code of newer kernels moves it to the top.
  const top = recording.arch === 's390x' && sizingProfile(recording.kernel) === '6.12';
  const populated = zones.map((z, i) => ({ z, i })).filter(({ z }) => z.present > 0);
  const byPlace = populated.sort((a, b) => (a.z.startPfn ?? 0) - (b.z.startPfn ?? 0));
  return [[byPlace.at(top ? -1 : 0)!.i, pages]];
}

function overlap(zone: ZoneinfoZone, start: number, end: number): number {
  if (zone.present === 0 || zone.startPfn === undefined) return 0;
  return Math.max(0, Math.min(end, zone.startPfn + zone.spanned) - Math.max(start, zone.startPfn));
}

/** The zone of the kernel image: by iomem, else the lowest that is not the small DMA zone of x86. */
function kernelZone(first: DumpStep, pageSize: number): number {
  const { zones } = first.zoneinfo;
  const code = first.iomem?.find((range) => range.name === 'Kernel code');
  if (code !== undefined && code.end > 0) {
    const pfn = Math.floor(code.start / pageSize);
    const index = zones.findIndex((z) => overlap(z, pfn, pfn + 1) > 0);
    if (index >= 0) return index;
  }
  const above = zones.findIndex((z) => z.present > 0 && z.name === 'DMA32');
  return above >= 0 ? above : zones.findIndex((z) => z.present > 0);
}
