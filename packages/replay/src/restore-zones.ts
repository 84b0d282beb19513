/**
 * Puts what a recorded zoneinfo prints – marks, boost, reserves, list sizes and limits – back into the machine's zones:
 * they are state, last computed at a time that no file tells, and so not computed anew.
 */
import type { Machine, ZoneFreeLists } from '@replug/core';
import type { Step } from '@replug/workload';

/** `sizes: false` leaves the per-CPU lists as the machine's own kernel computed them. */
export function restoreZones(
  machine: Machine,
  lists: ZoneFreeLists,
  step: Step,
  { sizes }: { readonly sizes: boolean } = { sizes: true },
): void {
  for (const recorded of step.zoneinfo?.zones ?? []) {
    const zone = machine.zones.find(recorded.node, recorded.name);
    if (zone === undefined) continue;
    const boost = recorded.boost ?? 0;
    zone.watermarkBoost = boost;
    zone.watermark.min = recorded.min - boost;
    zone.watermark.low = recorded.low - boost;
    zone.watermark.high = recorded.high - boost;
    // 6.1 has the mark and does not print it.
    zone.watermark.promo = (recorded.promo ?? 2 * recorded.high - recorded.low) - boost;
    zone.cmaPages = recorded.cma ?? 0;
    // A zone without present pages (Device) prints a span and no start.
    if (recorded.startPfn === undefined) zone.spannedPages = recorded.spanned;
    recorded.protection.forEach((pages, type) => (zone.lowmemReserve[type] = pages));
    const [first] = recorded.pagesets;
    if (first === undefined || !sizes) continue;
    zone.pcpBatch = first.batch;
    zone.statThreshold = first.statThreshold ?? 0;
    if (machine.description.profile === '6.1') {
      zone.pcpHighMin = zone.pcpHighMax = first.high;
      continue;
    }
    // The limits are not printed, but computed; what the CPUs have reached lies between them.
    const highs = recorded.pagesets.map((p) => p.high);
    zone.pcpHighMin = Math.min(zone.pcpHighMin, ...highs);
    zone.pcpHighMax = Math.max(zone.pcpHighMax, ...highs);
    for (const set of recorded.pagesets)
      if (set.cpu < machine.description.cpus) lists.setCpuHigh(zone.index, set.cpu, set.high);
  }
}
