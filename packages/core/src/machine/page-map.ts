/**
 * Pages as columns. A *row* is the index of a page of a section that is here: sections are packed, row = base of the
 * section's slot + offset, so holes cost nothing and physical addresses may span 2^46 bytes and more. A slot's base is
 * aligned to the section: buddies pair by XOR in rows as they do in pfns.
 *
 * Columns lie on SharedArrayBuffers, which the OS commits page by page when first written. All-zero bytes mean
 * untouched, so a machine's untouched pages cost no memory. Columns have a fixed capacity in rows (present pages plus
 * `sparePages`): hot loops may keep a column in a local.
 *
 * Models: struct page, mm/sparse.c (sections), page_ext (extra columns).
 */
import { pagesPerSection, type ArchProfile } from './arch-profiles.ts';
import { duplicateSection, noSuchColumn, noSuchSection, outOfRows } from './errors.ts';
import type { Pfn, Row } from '../base/units.ts';
import type { Hasher } from '../base/hasher.ts';

export type ColumnType =
  typeof Uint8Array | typeof Uint16Array | typeof Int32Array | typeof Uint32Array | typeof Float64Array;
type ColumnOf<T extends ColumnType> = InstanceType<T>;
type AnyColumn = Uint8Array | Uint16Array | Int32Array | Uint32Array | Float64Array;

interface Column {
  readonly data: AnyColumn;
  /** log2 of the rows that share an entry. */
  readonly shift: number;
  /** Entries are rows: they are hashed as pfns, and mean nothing once the section is gone. */
  readonly link: boolean;
}

export interface ColumnOptions {
  /** One entry for 2^shift rows (a pageblock's type, a side table of maximal blocks). Default 0: one a row. */
  readonly shift?: number;
  /** Values are rows (or sentinels above the capacity). Links are left out of hashes: list order is hashed by its owner. */
  readonly link?: boolean;
  /** Extra entries behind the last row, for list heads. */
  readonly tail?: number;
}

export const ROW_LIMIT = 2 ** 31;

export class PageMap {
  readonly arch: ArchProfile;
  /** Rows that the columns can hold. */
  readonly capacity: number;
  /** log2 rows of a section. */
  readonly sectionShift: number;
  /** See page-state.ts. */
  readonly state: Uint8Array;
  /** See page-state.ts PAGE_CLASS. */
  readonly pageClass: Uint8Array;
  /** Zone of a row + 1, only where the section is shared by zones; 0: as `sectionZone` says. */
  readonly zoneOverride: Uint16Array;
  /** Zone of a section's rows + 1, by slot; 0: none, or mixed. */
  readonly sectionZone: Uint16Array;
  /** 1 where the pages of a slot say their zone one by one. */
  private readonly mixed: Uint8Array;
  /** First pfn of a slot; -1 for a free slot. */
  private readonly slotPfn: Float64Array;
  private readonly slotOfSection = new Map<number, number>();
  private readonly freeSlots: number[] = [];
  private slots = 0;
  private readonly columns = new Map<string, Column>();
  private readonly pagesPerSection: number;

  constructor(arch: ArchProfile, capacityPages: number) {
    this.arch = arch;
    this.pagesPerSection = pagesPerSection(arch);
    this.sectionShift = arch.sectionSizeBits - arch.pageShift;
    const slots = Math.max(1, Math.ceil(capacityPages / this.pagesPerSection));
    this.capacity = slots * this.pagesPerSection;
    if (this.capacity > ROW_LIMIT - 2 ** 20) throw outOfRows(this.capacity);
    this.slotPfn = new Float64Array(slots).fill(-1);
    this.sectionZone = new Uint16Array(slots);
    this.mixed = new Uint8Array(slots);
    this.state = this.extra('core.state', Uint8Array);
    this.pageClass = this.extra('core.class', Uint8Array);
    this.zoneOverride = this.extra('core.zone', Uint16Array);
  }

  /** Sections that are here, in pfn order. */
  sections(): number[] {
    return [...this.slotOfSection.keys()].sort((a, b) => a - b);
  }

  /** Number of slots in use or freed; a slot is an index into `sectionZone`. */
  get slotCount(): number {
    return this.slots;
  }

  /** Makes rows for section `nr`; returns its base row. All of its columns are zero. */
  addSection(nr: number): Row {
    if (this.slotOfSection.has(nr)) throw duplicateSection(nr);
    const slot = this.freeSlots.pop() ?? this.slots++;
    if (slot >= this.slotPfn.length) throw outOfRows((slot + 1) * this.pagesPerSection);
    this.slotPfn[slot] = nr * this.pagesPerSection;
    this.slotOfSection.set(nr, slot);
    this.lastSection = -1;
    return slot * this.pagesPerSection;
  }

  /** Takes section `nr` away and clears every column's entries for its rows, extra columns included. */
  removeSection(nr: number): void {
    const slot = this.slotOfSection.get(nr);
    if (slot === undefined) throw noSuchSection(nr);
    const base = slot * this.pagesPerSection;
    for (const { data, shift } of this.columns.values()) {
      data.fill(0, base >>> shift, (base + this.pagesPerSection) >>> shift);
    }
    this.sectionZone[slot] = 0;
    this.mixed[slot] = 0;
    this.slotPfn[slot] = -1;
    this.slotOfSection.delete(nr);
    this.lastSection = -1;
    this.freeSlots.push(slot);
  }

  private lastSection = -1;
  private lastBase = -1;

  /** Row of a pfn; -1 when its section is not here. */
  pfnToRow(pfn: Pfn): Row {
    const per = this.pagesPerSection;
    const section = Math.floor(pfn / per);
    if (section !== this.lastSection) {
      const slot = this.slotOfSection.get(section);
      if (slot === undefined) return -1;
      this.lastSection = section;
      this.lastBase = slot * per;
    }
    return this.lastBase + (pfn - section * per);
  }

  /** pfn of a row. */
  rowToPfn(row: Row): Pfn {
    return this.slotPfn[row >>> this.sectionShift] + (row & (this.pagesPerSection - 1));
  }

  /** Index into Zones.all of the zone that a row belongs to; -1 for none (a hole between zones). */
  zoneOf(row: Row): number {
    return (this.sectionZone[row >>> this.sectionShift] || this.zoneOverride[row]) - 1;
  }

  /** Puts pages [start, end) into a zone (index into Zones.all; -1 for none). Whole sections cost one store. */
  setZone(start: Pfn, end: Pfn, zone: number): void {
    const per = this.pagesPerSection;
    for (let section = Math.floor(start / per); section * per < end; section++) {
      const slot = this.slotOfSection.get(section);
      if (slot === undefined) continue;
      const from = Math.max(start, section * per);
      const to = Math.min(end, (section + 1) * per);
      const base = slot * per;
      if (to - from === per) {
        if (this.mixed[slot] === 1) this.zoneOverride.fill(0, base, base + per);
        this.mixed[slot] = 0;
        this.sectionZone[slot] = zone + 1;
        continue;
      }
      if (this.mixed[slot] === 0) {
        // From now on each page of the section says its own zone.
        if (this.sectionZone[slot] !== 0) this.zoneOverride.fill(this.sectionZone[slot], base, base + per);
        this.sectionZone[slot] = 0;
        this.mixed[slot] = 1;
      }
      this.zoneOverride.fill(zone + 1, base + (from - section * per), base + (to - section * per));
    }
  }

  /** Adds a column for a subsystem (Linux's page_ext). Asking again for a name returns the same column. */
  extra<T extends ColumnType>(name: string, type: T, options: ColumnOptions = {}): ColumnOf<T> {
    const known = this.columns.get(name);
    if (known !== undefined) return known.data as ColumnOf<T>;
    const { shift = 0, link = false, tail = 0 } = options;
    const entries = Math.ceil(this.capacity / 2 ** shift) + tail;
    // The lib's constructor overloads name ArrayBuffer only; every typed array takes a shared one.
    const buffer = new SharedArrayBuffer(entries * type.BYTES_PER_ELEMENT) as unknown as ArrayBuffer;
    const data = new type(buffer) as ColumnOf<T>;
    this.columns.set(name, { data, shift, link });
    return data;
  }

  /** Drops a column when its subsystem goes. */
  dropExtra(name: string): void {
    if (!this.columns.delete(name)) throw noSuchColumn(name);
  }

  columnNames(): string[] {
    return [...this.columns.keys()];
  }

  /** Bytes a touched page costs: the sum over all columns. */
  bytesPerTouchedPage(): number {
    let bytes = 0;
    for (const { data, shift } of this.columns.values()) bytes += data.BYTES_PER_ELEMENT / 2 ** shift;
    return bytes;
  }

  /** Feeds all columns but links, in pfn order, skipping untouched runs cheaply. */
  hash(hasher: Hasher): void {
    for (const section of this.sections()) {
      const slot = this.slotOfSection.get(section)!;
      hasher.integer(section);
      for (const [name, { data, shift, link }] of this.columns) {
        if (link) continue;
        hasher.text(name);
        hashRange(hasher, data, (slot * this.pagesPerSection) >>> shift, ((slot + 1) * this.pagesPerSection) >>> shift);
      }
    }
  }
}

function hashRange(hasher: Hasher, data: AnyColumn, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    const value = data[i];
    if (value !== 0) hasher.word(i - from).integer(value);
  }
}
