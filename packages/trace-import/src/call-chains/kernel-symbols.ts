/**
 * Functions by address, from the text of /proc/kallsyms that a trace.dat carries. Without one an address is its own name.
 *
 *   ffffffff81234560 T __alloc_pages_noprof
 *   ffffffffc0123000 t virtio_mem_probe\t[virtio_mem]
 *
 * Models: kernel/kallsyms.c s_show(), sprint_symbol_no_offset().
 */
import { ReplugError } from '@replug/core';

const SYMBOL = /^([\da-f]{8,16}) [A-Za-z] (\S{1,512})(?:[ \t]+(\[\S{1,64}\]))?/gm;
/** Distance beyond which an address is nobody's: what stands behind the last symbol. */
const FARTHEST = 1n << 24n;
const MAX_SYMBOLS = 1 << 20;
/** Names that are found once only. */
const MAX_KNOWN = 1 << 16;

export class KernelSymbols {
  private readonly text: () => string;
  private addresses: BigUint64Array | undefined;
  private names: readonly string[] = [];
  /** The text could not be read. */
  failed = false;
  private readonly known = new Map<bigint, string>();

  /** `text` is asked once, with the first address. */
  constructor(text: () => string) {
    this.text = text;
  }

  nameOf(address: bigint): string {
    let name = this.known.get(address);
    if (name === undefined) {
      name = this.find(address) ?? `0x${address.toString(16)}`;
      if (this.known.size < MAX_KNOWN) this.known.set(address, name);
    }
    return name;
  }

  private find(address: bigint): string | undefined {
    if (this.addresses === undefined) this.read();
    const addresses = this.addresses!;
    let low = 0;
    let high = addresses.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (addresses[middle] <= address) low = middle + 1;
      else high = middle;
    }
    return low > 0 && address - addresses[low - 1] < FARTHEST ? this.names[low - 1] : undefined;
  }

  private told(): string {
    try {
      return this.text();
    } catch (error) {
      if (!(error instanceof ReplugError)) throw error;
      this.failed = true;
      return '';
    }
  }

  private read(): void {
    const found: { address: bigint; name: string }[] = [];
    for (const [, address, name, module] of this.told().matchAll(SYMBOL)) {
      found.push({ address: BigInt(`0x${address}`), name: module === undefined ? name : `${name} ${module}` });
      if (found.length === MAX_SYMBOLS) break;
    }
    // Of several names for one address the first in the file counts: sorting is stable.
    found.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
    const kept = found.filter(({ address }, i) => i === 0 || address !== found[i - 1].address);
    this.addresses = BigUint64Array.from(kept, ({ address }) => address);
    this.names = kept.map(({ name }) => name);
  }
}
