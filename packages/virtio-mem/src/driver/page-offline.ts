/**
 * Pages that are logically offline: what the kernel says with PageOffline, PageDirty and the reference count, said with
 * columns.
 *
 *   PageOffline      class OFFLINE
 *   count 1          state ALLOCATED, order 0: held, so that nobody may take the page or offline its block
 *   count 0          state UNTOUCHED: going offline, the page may be stepped over
 *   PageDirty        the page was kept back when its block came online and never reached the allocator. All pages of a
 *                    pageblock are alike, so it is one byte a pageblock, in a column of its own
 *
 * Models: drivers/virtio/virtio_mem.c virtio_mem_set_fake_offline(), virtio_mem_clear_fake_offline(),
 * virtio_mem_fake_offline_going_offline(), 6.12.
 * HOT: fills of ranges of columns, no object or closure a page.
 */
import { ByteRuns, PAGE_CLASS, PAGE_STATE, type Machine, type PageMap } from '@replug/core';

const DIRTY = 'virtio-mem.dirty';

export class PageOffline {
  private readonly pages: PageMap;
  private readonly state: Uint8Array;
  private readonly classes: Uint8Array;
  private readonly stateRuns: ByteRuns;
  private readonly classRuns: ByteRuns;
  private readonly dirty: Uint8Array;
  private readonly shift: number;

  constructor(machine: Machine) {
    this.pages = machine.pages;
    this.shift = machine.description.arch.pageblockOrder;
    this.state = machine.pages.state;
    this.classes = machine.pages.pageClass;
    this.stateRuns = new ByteRuns(this.state);
    this.classRuns = new ByteRuns(this.classes);
    this.dirty = machine.pages.extra(DIRTY, Uint8Array, { shift: this.shift });
  }

  /** Takes the column back; call it once, when the subsystem goes. */
  static drop(machine: Machine): void {
    if (machine.pages.columnNames().includes(DIRTY)) machine.pages.dropExtra(DIRTY);
  }

  /** Pages become PageOffline with count 1. `onlined` false: kept back while coming online (Dirty). */
  set(pfn: number, pages: number, onlined: boolean): void {
    this.fill(this.classRuns, pfn, pages, PAGE_CLASS.OFFLINE);
    this.fill(this.stateRuns, pfn, pages, PAGE_STATE.ALLOCATED);
    this.mark(pfn, pages, onlined ? 0 : 1);
  }

  /** Pages are ordinary again. Those that were kept back are as if never seen; the others stay allocated. */
  clear(pfn: number, pages: number): void {
    const kept = this.isDirty(pfn);
    this.fill(this.classRuns, pfn, pages, PAGE_CLASS.UNKNOWN);
    if (kept) this.fill(this.stateRuns, pfn, pages, PAGE_STATE.UNTOUCHED);
    this.mark(pfn, pages, 0);
  }

  /** GOING_OFFLINE: the last reference goes. Returns how many pages were not held as they should (a WARN each). */
  dropReferences(pfn: number, pages: number): number {
    const wrong = this.pagesUnlike(pfn, pages, PAGE_STATE.ALLOCATED);
    this.fill(this.stateRuns, pfn, pages, PAGE_STATE.UNTOUCHED);
    return wrong;
  }

  /** CANCEL_OFFLINE: the references come back. */
  takeReferences(pfn: number, pages: number): void {
    this.fill(this.stateRuns, pfn, pages, PAGE_STATE.ALLOCATED);
  }

  isDirty(pfn: number): boolean {
    const row = this.pages.pfnToRow(pfn);
    return row >= 0 && this.dirty[row >>> this.shift] === 1;
  }

  /** True when all pages of a range were kept back, or none was. */
  alike(pfn: number, pages: number): boolean {
    const first = this.isDirty(pfn);
    for (let at = pfn + (1 << this.shift); at < pfn + pages; at += 1 << this.shift)
      if (this.isDirty(at) !== first) return false;
    return true;
  }

  /** memmap_init_range(): pages that come online are as new, whatever they were before their block went offline. */
  renew(pfn: number, pages: number): void {
    this.fill(this.classRuns, pfn, pages, PAGE_CLASS.UNKNOWN);
    this.fill(this.stateRuns, pfn, pages, PAGE_STATE.UNTOUCHED);
    this.mark(pfn, pages, 0);
  }

  /** Pages of a range that are not PageOffline; those of sections that are gone count as well. */
  notOffline(pfn: number, pages: number): number {
    let other = 0;
    const per = 1 << this.pages.sectionShift;
    for (let at = pfn; at < pfn + pages;) {
      const stop = Math.min(pfn + pages, (Math.floor(at / per) + 1) * per);
      const row = this.pages.pfnToRow(at);
      if (row < 0) other += stop - at;
      const end = row + (stop - at);
      for (let i = row; row >= 0 && i < end;) {
        const alike = this.classRuns.end(i, end);
        if (this.classes[i] !== PAGE_CLASS.OFFLINE) other += alike - i;
        i = alike;
      }
      at = stop;
    }
    return other;
  }

  /** Pages of a range that are PageOffline. */
  offline(pfn: number, pages: number): number {
    return pages - this.notOffline(pfn, pages);
  }

  private pagesUnlike(pfn: number, pages: number, state: number): number {
    let wrong = 0;
    const per = 1 << this.pages.sectionShift;
    for (let at = pfn; at < pfn + pages;) {
      const stop = Math.min(pfn + pages, (Math.floor(at / per) + 1) * per);
      const row = this.pages.pfnToRow(at);
      const end = row + (stop - at);
      for (let i = row; i < end;) {
        const alike = this.stateRuns.end(i, this.classRuns.end(i, end));
        if (this.state[i] !== state || this.classes[i] !== PAGE_CLASS.OFFLINE) wrong += alike - i;
        i = alike;
      }
      at = stop;
    }
    return wrong;
  }

  private mark(pfn: number, pages: number, value: 0 | 1): void {
    const block = 1 << this.shift;
    for (let at = pfn; at < pfn + pages; at += block) {
      const row = this.pages.pfnToRow(at);
      if (row >= 0 && this.dirty[row >>> this.shift] !== value) this.dirty[row >>> this.shift] = value;
    }
  }

  /** Fills the entries of pages that are here; sections lie apart in rows. */
  private fill(column: ByteRuns, pfn: number, pages: number, value: number): void {
    const per = 1 << this.pages.sectionShift;
    for (let at = pfn; at < pfn + pages;) {
      const stop = Math.min(pfn + pages, (Math.floor(at / per) + 1) * per);
      const row = this.pages.pfnToRow(at);
      if (row >= 0) column.fill(value, row, row + (stop - at));
      at = stop;
    }
  }
}
