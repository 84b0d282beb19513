/**
 * Which sub-sections of which sections hold device memory. A section that is not there is added, one that RAM has part of
 * is shared with it; what is taken away leaves the sections as they were.
 *
 * Units: pages; a sub-section is 2 MiB. Errors: RP2410, RP2411, RP2434.
 * Models: mm/sparse.c section_activate(), fill_subsection_map(), section_deactivate(); mm/memory_hotplug.c
 * check_pfn_span(), 6.12. Differs: what a failing device has begun is taken back; the kernel leaves such sections behind.
 */
import { addRangeToZone, pagesPerSection, subsectionPages, type Machine, type Pfn, type Zone } from '@replug/core';
import { misaligned, noSpareRows, subsectionTaken } from './errors.ts';
import type { SectionPart } from './vmemmap-backing.ts';

interface DeviceSection {
  /** It was there before the device. */
  readonly shared: boolean;
  /** Zone (index) that all of it belonged to; -2: its pages said it one by one, -1: none. */
  readonly zone: number;
  /** Sub-sections of devices, and the zone that each belonged to before. */
  readonly before: Map<number, number>;
}

const PAGE_BY_PAGE = -2;

export class SectionUsage {
  private readonly machine: Machine;
  private readonly sections = new Map<number, DeviceSection>();
  private readonly perSection: number;
  private readonly perSubsection: number;

  constructor(machine: Machine) {
    this.machine = machine;
    this.perSection = pagesPerSection(machine.description.arch);
    this.perSubsection = subsectionPages(machine);
  }

  /** A range cut at section borders. Throws where the sections cannot take it; changes nothing. */
  plan(start: Pfn, end: Pfn): SectionPart[] {
    const { perSection: per, perSubsection: sub, machine } = this;
    const align = Math.max(1, sub);
    if (start % align !== 0 || end % align !== 0) throw misaligned(start, end, align);
    const here = new Set(machine.pages.sections());
    let added = 0;
    const parts: SectionPart[] = [];
    for (let at = start; at < end;) {
      const section = Math.floor(at / per);
      const stop = Math.min(end, (section + 1) * per);
      const ours = this.sections.get(section);
      const ram = machine.memory.find((r) => r.start < stop && r.end > at);
      if (ram !== undefined) throw subsectionTaken(Math.max(at, ram.start));
      for (let pfn = at; ours !== undefined && pfn < stop; pfn += sub)
        if (ours.before.has(pfn)) throw subsectionTaken(pfn);
      if (!here.has(section)) added++;
      const shared = ours === undefined ? here.has(section) : ours.shared;
      parts.push({ start: at, end: stop, reused: shared && stop - at < per });
      at = stop;
    }
    const left = machine.pages.capacity / per - here.size;
    if (added > left) throw noSpareRows(added, left);
    return parts;
  }

  /** Puts a planned range into a zone. */
  add(zone: Zone, start: Pfn, end: Pfn): void {
    const { perSection: per, perSubsection: sub, machine } = this;
    const { pages } = machine;
    for (let section = Math.floor(start / per); section * per < end; section++) {
      let ours = this.sections.get(section);
      if (ours === undefined) {
        const shared = pages.pfnToRow(section * per) >= 0;
        if (!shared) pages.addSection(section);
        const slot = Math.floor(pages.pfnToRow(section * per) / per);
        const whole = pages.sectionZone[slot] - 1;
        ours = { shared, zone: whole >= 0 ? whole : shared ? PAGE_BY_PAGE : -1, before: new Map() };
        this.sections.set(section, ours);
      }
      const stop = Math.min(end, (section + 1) * per);
      for (let pfn = Math.max(start, section * per); pfn < stop; pfn += sub)
        ours.before.set(pfn, pages.zoneOf(pages.pfnToRow(pfn)));
    }
    addRangeToZone(machine, zone, start, end);
  }

  /** Takes a range out again. The zone's span stays, as zones of device memory never shrink. */
  remove(start: Pfn, end: Pfn): void {
    const { perSection: per, perSubsection: sub, machine } = this;
    const { pages } = machine;
    for (let section = Math.floor(start / per); section * per < end; section++) {
      const ours = this.sections.get(section)!;
      const from = Math.max(start, section * per);
      const to = Math.min(end, (section + 1) * per);
      for (let pfn = from; pfn < to; pfn += sub) {
        pages.setZone(pfn, pfn + sub, ours.before.get(pfn)!);
        ours.before.delete(pfn);
      }
      // Another device may keep the section: nothing of this one stays in it.
      this.clear(from, to);
      if (ours.before.size > 0) continue;
      if (!ours.shared) pages.removeSection(section);
      else if (ours.zone !== PAGE_BY_PAGE) pages.setZone(section * per, (section + 1) * per, ours.zone);
      this.sections.delete(section);
    }
  }

  /** Sub-sections that hold device memory. */
  get subsections(): number {
    let count = 0;
    for (const { before } of this.sections.values()) count += before.size;
    return count;
  }

  /** What devices wrote of the pages of a section that stays. */
  private clear(start: Pfn, end: Pfn): void {
    const { pages } = this.machine;
    const row = pages.pfnToRow(start);
    pages.pageClass.fill(0, row, row + (end - start));
    pages.state.fill(0, row, row + (end - start));
  }
}
