/**
 * HOT. The books of zones while pages change their node: every page is counted where it is, at every instant. What a zone
 * derives from its counters (marks, per-CPU list sizes) follows when `settle()` is called; a zone that gets its first page
 * has its lists at once.
 *
 * Zones are indices into Zones.all.
 */
import type { Machine, Zone, ZoneSizing } from '@replug/core';
import type { DnumaCounts } from './parts.ts';

export class ZoneBooks {
  private readonly machine: Machine;
  private readonly sizing: ZoneSizing;
  private readonly counts: DnumaCounts;
  /** present pages that Zone has and ZoneSizing has not been told of. */
  private readonly owed: Float64Array;
  /** 1: lost pages since spans were last made right. */
  private readonly lost: Uint8Array;
  /** 1: had managed pages when zonelists were last built. */
  private readonly listed: Uint8Array;

  constructor(machine: Machine, sizing: ZoneSizing, counts: DnumaCounts) {
    this.machine = machine;
    this.sizing = sizing;
    this.counts = counts;
    const zones = machine.zones.all.length;
    this.owed = new Float64Array(zones);
    this.lost = new Uint8Array(zones);
    this.listed = new Uint8Array(zones);
  }

  /** Notes which zones the zonelists have. */
  noteListed(): void {
    for (const zone of this.machine.zones.all) this.listed[zone.index] = Number(zone.managed);
  }

  /** True when zonelists miss a zone that has pages, or have one that has none. */
  get stale(): boolean {
    return this.machine.zones.all.some((zone) => Number(zone.managed) !== this.listed[zone.index]);
  }

  /** True for a zone that has pages and is in no zonelist. */
  isNew(zone: number): boolean {
    return this.listed[zone] === 0 && this.machine.zones.all[zone].managed;
  }

  /** `pages` at pfn went from one zone to another; `managed` of them are the allocator's. */
  move(from: number, to: number, pfn: number, pages: number, managed: number, early: boolean): void {
    const { all } = this.machine.zones;
    const source = all[from];
    const target = all[to];
    // A recorded zone's counters are what its zoneinfo said, and may be less than its pages: pages of a hole below 1 MiB are
    // reserved for /proc/kpageflags, and not present.
    const owned = Math.min(managed, source.managedPages);
    const present = Math.min(pages, source.presentPages - source.managedPages + owned);
    this.counts.unaccounted += pages - present + (managed - owned);
    if (early) {
      source.presentEarlyPages -= present;
      target.presentEarlyPages += present;
    }
    grow(target, pfn, pfn + pages);
    this.sizing.adjustManaged(from, -owned);
    source.presentPages -= present;
    this.owed[from] -= present;
    if (target.presentPages === 0) {
      this.pay(to);
      this.sizing.adjustPresent(to, present);
    } else {
      target.presentPages += present;
      this.owed[to] += present;
    }
    this.sizing.adjustManaged(to, owned);
    this.lost[from] = 1;
  }

  /** Spans, marks, reserves and list sizes follow the counters. */
  settle(): void {
    const { all } = this.machine.zones;
    for (const zone of all) {
      this.pay(zone.index);
      if (this.lost[zone.index] === 1) this.shrink(zone);
    }
    this.sizing.recompute();
    for (const zone of all) {
      if (this.lost[zone.index] === 1 && zone.presentPages === 0) this.sizing.resetPagesets(zone.index);
      this.lost[zone.index] = 0;
    }
  }

  private pay(zone: number): void {
    const owed = this.owed[zone];
    if (owed === 0) return;
    this.owed[zone] = 0;
    this.machine.zones.all[zone].presentPages -= owed;
    this.sizing.adjustPresent(zone, owed);
  }

  /** A span ends at the zone's last page and begins at its first, whatever else lies between. */
  private shrink(zone: Zone): void {
    if (zone.presentPages === 0) {
      zone.startPfn = 0;
      zone.spannedPages = 0;
      return;
    }
    const { pages } = this.machine;
    const per = 2 ** pages.sectionShift;
    const own = (pfn: number): boolean => {
      const row = pages.pfnToRow(pfn);
      return row >= 0 && pages.zoneOf(row) === zone.index;
    };
    const end = zone.endPfn;
    let start = zone.startPfn;
    while (start < end && !own(start)) start = skip(pages, start, per, 1);
    let stop = end;
    while (stop > start && !own(stop - 1)) stop = skip(pages, stop, per, -1);
    zone.startPfn = start;
    zone.spannedPages = Math.max(stop - start, zone.presentPages);
  }
}

/** The next pfn worth a look: past a section that is not here, or that is of one other zone. */
function skip(pages: Machine['pages'], pfn: number, per: number, step: 1 | -1): number {
  const at = step > 0 ? pfn : pfn - 1;
  const row = pages.pfnToRow(at);
  if (row >= 0 && pages.sectionZone[row >>> pages.sectionShift] === 0) return pfn + step;
  const section = Math.floor(at / per);
  return step > 0 ? (section + 1) * per : section * per;
}

function grow(zone: Zone, start: number, end: number): void {
  if (zone.spannedPages === 0) {
    zone.startPfn = start;
    zone.spannedPages = end - start;
    return;
  }
  const stop = zone.endPfn;
  if (start < zone.startPfn) zone.startPfn = start;
  zone.spannedPages = (end > stop ? end : stop) - zone.startPfn;
}
