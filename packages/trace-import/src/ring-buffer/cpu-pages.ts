/**
 * The pages of one cpu, and the records in them, one at a time:
 *
 *   u64 time, long commit, data …      data: u32 header, payload; header: type_len (5 bits), time_delta (27)
 *
 *   type_len  1–28   payload of type_len × 4 bytes
 *             0      payload of array[0] − 4 bytes behind array[0]
 *             29     padding: to the page's end when time_delta is 0, else array[0] bytes
 *             30     time extend: array[0] << 27 is added too
 *             31     absolute time: array[0] << 27 | time_delta, 59 bits; those above come from the time before
 *
 * type_len is in the low bits of a little-endian header, in the high ones of a big-endian one. Padding adds no time, as in the
 * kernel's own reader. A page that contradicts itself is left where it does; how much was left is counted.
 *
 * HOT: `advance` runs once a record.
 *
 * Models: kernel/trace/ring_buffer.c rb_update_read_stamp(), rb_event_length(), ring_buffer_read_page().
 */
import type { Account } from '../account.ts';
import type { Feed } from './bytes.ts';
import { COMMIT_MASK, commitOf, MISSED_EVENTS, MISSED_STORED, timeOf, type PageLayout } from './page-layout.ts';

const TWO_27 = 134217728;
const TWO_32 = 4294967296;
const TWO_59 = 2 ** 59;
const MAX_DATA_TYPE = 28;
const PADDING = 29;
const EXTEND = 30;

export class CpuPages {
  readonly cpu: number;
  readonly view: DataView;
  readonly block: Uint8Array;
  /** Time of the record, ns or what the clock counts. */
  time = 0;
  /** Where its payload lies in the block, and how many bytes it has. */
  record = 0;
  length = 0;
  /** Events that marks on pages say were lost before them. */
  lost = 0;

  /** Where the next header is, and where the page's data ends. */
  next = 0;
  end = 0;
  /** The time is the sum of a whole one and of what went by since. */
  base = 0;
  since = 0;

  private readonly feed: Feed;
  private readonly layout: PageLayout;
  private readonly account: Account;
  private readonly offset: number;
  private filled = 0;
  private page = 0;
  /** Bytes of the feed before the block. */
  private before = 0;

  /** `blockSize`: a multiple of the page's; `offset` is added to each time. */
  constructor(cpu: number, feed: Feed, layout: PageLayout, blockSize: number, account: Account, offset = 0) {
    this.cpu = cpu;
    this.offset = offset;
    this.feed = feed;
    this.layout = layout;
    this.account = account;
    this.block = new Uint8Array(blockSize);
    this.view = new DataView(this.block.buffer);
    this.page = -layout.pageSize;
  }

  /** For those who go on within a page by themselves: the record where they are. */
  moveTo(record: number, length: number, time: number, next: number, since: number): void {
    this.record = record;
    this.length = length;
    this.time = time;
    this.next = next;
    this.since = since;
  }

  /** HOT. Goes to the next record; false when there is none. */
  advance(): boolean {
    const { view } = this;
    const { little } = this.layout;
    for (;;) {
      let at = this.next;
      const end = this.end;
      while (at + 4 <= end) {
        const header = view.getUint32(at, little);
        const type = little ? header & 31 : header >>> 27;
        const delta = little ? header >>> 5 : header & 0x7ffffff;
        if (type > 0 && type <= MAX_DATA_TYPE) {
          const length = type * 4;
          if (at + 4 + length > end) break;
          this.since += delta;
          this.time = this.base + this.since;
          this.record = at + 4;
          this.length = length;
          this.next = at + 4 + length;
          return true;
        }
        if (type === PADDING && delta === 0) {
          at = end;
          break;
        }
        if (at + 8 > end) break;
        const value = view.getUint32(at + 4, little);
        if (type === EXTEND) {
          this.since += delta + value * TWO_27;
          at += 8;
        } else if (type > EXTEND) {
          this.setTime(value * TWO_27 + delta);
          at += 8;
        } else {
          const size = 4 + Math.ceil(value / 4) * 4;
          if (value < 4 || at + size > end) break;
          if (type === 0) {
            this.since += delta;
            this.time = this.base + this.since;
            this.record = at + 8;
            this.length = value - 4;
            this.next = at + size;
            return true;
          }
          at += size;
        }
      }
      if (at < end) this.account.skip('torn-page', `cpu ${this.cpu}: ${end - at} bytes from ${this.placeOf(at)} on`, 0);
      if (!this.nextPage()) return false;
    }
  }

  /** Where in this cpu's data a place in the block is. */
  placeOf(at: number): string {
    return `byte 0x${(this.before + at).toString(16)}`;
  }

  /** An absolute time has 59 bits; the kernel takes those above from the time before. */
  private setTime(low: number): void {
    const before = this.base + this.since - this.offset;
    let time = low + Math.floor(before / TWO_59) * TWO_59;
    if (time < before && before >= TWO_59) time += TWO_59;
    this.base = time + this.offset;
    this.since = 0;
  }

  /** Begins the next page that holds data; false at the end. */
  private nextPage(): boolean {
    const { layout, view, account } = this;
    for (;;) {
      this.page += layout.pageSize;
      this.next = this.end = 0;
      if (this.page + layout.pageSize > this.filled && !this.fill()) return false;
      const { page } = this;
      const commit = commitOf(view, page, layout);
      const bytes = commit & COMMIT_MASK;
      if (commit === -1 || bytes > layout.pageSize - layout.dataAt) {
        account.skip('bad-page', `cpu ${this.cpu}: the page at ${this.placeOf(page)} counts more data than it has`, 0);
        continue;
      }
      account.detail('pages');
      this.base = timeOf(view, page, layout) + this.offset;
      this.since = 0;
      this.next = page + layout.dataAt;
      this.end = this.next + bytes;
      if ((commit & MISSED_EVENTS) !== 0) this.addLost(commit);
      if (bytes > 0) return true;
    }
  }

  /** The count stands behind the data, if there was room for it; without one at least one event is lost. */
  private addLost(commit: number): void {
    const { view, account, layout } = this;
    const { commitSize, little } = layout;
    let count = 0;
    if ((commit & MISSED_STORED) !== 0 && this.end + commitSize <= this.page + layout.pageSize) {
      const at = this.end;
      if (commitSize === 4) count = view.getUint32(at, little);
      else
        count = view.getUint32(at + (little ? 0 : 4), little) + view.getUint32(at + (little ? 4 : 0), little) * TWO_32;
    }
    if (count <= 0 || count > Number.MAX_SAFE_INTEGER) {
      count = 1;
      account.detail('marks of lost events without a number');
    }
    account.detail('marks of lost events');
    this.lost += count;
  }

  private fill(): boolean {
    this.before += this.filled;
    const count = this.feed.read(this.block);
    const whole = count - (count % this.layout.pageSize);
    if (whole < count) this.account.skip('cut-page', `cpu ${this.cpu}: ${count - whole} bytes at its end`, 0);
    this.filled = whole;
    this.page = 0;
    return whole > 0;
  }
}
