/**
 * The sizing state of a machine and its operator files: marks, reserves and per-CPU list sizes are computed by MemoryTuning
 * when the kernel would, and written to the zones, from where the allocator takes them.
 *
 * Models: /proc/sys/vm/{min_free_kbytes,watermark_scale_factor,watermark_boost_factor,lowmem_reserve_ratio,
 * percpu_pagelist_high_fraction}, mm/page_alloc.c page_alloc_sysctl_table[], 6.12.
 */
import type { Machine, SubsystemScope } from '@replug/core';
import { KernfsError } from '@replug/core';
import { MemoryTuning, type SizingSysctl } from './sizing/index.ts';

const FILES = [
  'min_free_kbytes',
  'watermark_scale_factor',
  'watermark_boost_factor',
  'lowmem_reserve_ratio',
  'percpu_pagelist_high_fraction',
] as const satisfies readonly SizingSysctl[];

/** The sizing state of a machine as described, not booted yet. */
export function tuningOf(machine: Machine): MemoryTuning {
  const { description, zones } = machine;
  const { arch, profile, khugepaged } = description;
  return new MemoryTuning({
    profile,
    pageShift: arch.pageShift,
    pageblockPages: 2 ** arch.pageblockOrder,
    zones: zones.all.map((z) => ({
      nid: z.nid,
      kind: z.kind.name as 'Normal',
      managed: z.managedPages,
      present: z.presentPages,
      spanned: z.spannedPages,
    })),
    cpus: Array.from({ length: description.cpus }, (_, cpu) => ({ cpu, nid: machine.nodeOfCpu(cpu) })),
    thp: khugepaged ? 'enabled' : 'absent',
  });
}

/** Writes what was computed to the zones. */
export function applyTuning(machine: Machine, tuning: MemoryTuning): void {
  tuning.zones.forEach((tuned, i) => {
    const zone = machine.zones.all[i];
    Object.assign(zone.watermark, tuned.marks);
    zone.watermarkBoost = tuned.boost;
    tuned.reserve.forEach((pages, type) => (zone.lowmemReserve[type] = pages));
    zone.pcpBatch = tuned.pageset.batch;
    zone.pcpHighMin = tuned.pageset.highMin;
    zone.pcpHighMax = tuned.pageset.highMax;
    zone.statThreshold = tuned.statThreshold;
  });
}

/** /proc/sys/vm files. `changed` is called after a write that recomputed something. */
export function publishSysctls(scope: SubsystemScope, tuning: MemoryTuning, changed: () => void): void {
  for (const name of FILES) {
    const path = `/proc/sys/vm/${name}`;
    scope.view(path, {
      read: () => {
        const value = tuning.readSysctl(name);
        changed();
        return `${typeof value === 'number' ? value : value.join('\t')}\n`;
      },
      write: (text) => {
        const words = text.trim().split(/\s+/);
        const numbers = words.map(Number);
        if (words[0] === '' || numbers.some((n) => !Number.isInteger(n)))
          throw new KernfsError('EINVAL', `not a value of ${name}: ${text.trim()}`, path);
        if (!tuning.writeSysctl(name, numbers.length === 1 ? numbers[0] : numbers))
          throw new KernfsError('EINVAL', `not a value of ${name}: ${text.trim()}`, path);
        changed();
      },
    });
  }
}
