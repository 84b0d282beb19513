/**
 * Reads one section: head, checksum, unpacking, message. Whatever is wrong with it is a named reason and never an exception;
 * what a file may make a reader hold in memory is limited by the size of the file.
 */
import { crc32 } from './crc32.ts';
import { IN_COLUMNS, LONGEST_SECTION, PACKING, readSectionHead, SECTION_HEAD } from './format.ts';
import { BadMessage, checkNumbers } from './messages.ts';
import type { Packer } from './packer.ts';
import { decodeMessage, type EntryMessage, type MessageName, type Messages } from './schema.ts';
import type { ByteSource } from './source.ts';
import { upgrade } from './upgrade.ts';

/** Why a section, or a chunk in it, could not be used. */
export type Reason = 'checksum' | 'malformed' | 'over-limit';

export type Section<T> = { readonly ok: true; readonly message: T } | { readonly ok: false; readonly reason: Reason };

/**
 * Bytes of memory that a file may ask for: 64 MiB, and 1,000 times its own size, which is about what deflate can reach. The
 * traces of real machines need 60 times their size.
 */
const FREE_BYTES = 1 << 26;
const BYTES_PER_BYTE = 1000;
/** What a byte of a message takes as objects, about; columns stay bytes. */
const OBJECT_BYTES = 32;

export class Budget {
  private left: number;

  constructor(fileSize: number) {
    this.left = FREE_BYTES + BYTES_PER_BYTE * fileSize;
  }

  allows(bytes: number): boolean {
    return bytes <= this.left;
  }

  /** False when so much is not left. */
  take(bytes: number): boolean {
    if (!this.allows(bytes)) return false;
    this.left -= bytes;
    return true;
  }
}

export class SectionReader {
  private readonly source: ByteSource;
  private readonly packer: Packer;
  private readonly budget: Budget;
  private readonly version: number;

  constructor(source: ByteSource, packer: Packer, budget: Budget, version: number) {
    this.source = source;
    this.packer = packer;
    this.budget = budget;
    this.version = version;
  }

  /** `kept` false: what is read is given up again before the next, so it counts nothing. */
  async read<N extends MessageName>(entry: EntryMessage, name: N, kept = true): Promise<Section<Messages[N]>> {
    if (entry.length > LONGEST_SECTION) return bad('malformed');
    const bytes = await this.source.read(entry.offset, entry.length);
    const head = readSectionHead(bytes);
    if (head === undefined || head.type !== entry.type || SECTION_HEAD + head.stored !== entry.length)
      return bad('checksum');
    if (bytes.length !== entry.length) return bad('checksum');
    const stored = bytes.subarray(SECTION_HEAD);
    if (crc32(stored) !== head.checksum) return bad('checksum');
    const inColumns = IN_COLUMNS.has(head.type);
    const bytesInMemory = head.length * (inColumns ? 1 : OBJECT_BYTES);
    if (kept && !this.budget.take(bytesInMemory)) return bad('over-limit');
    try {
      const content = head.packing === PACKING.none ? stored : this.inflate(stored, head.packing, head.length);
      if (content.length !== head.length) return bad('malformed');
      const message = upgrade(name, decodeMessage(name, content), this.version);
      checkNumbers(message);
      return { ok: true, message };
    } catch {
      return bad('malformed');
    }
  }

  private inflate(stored: Uint8Array, packing: number, length: number): Uint8Array {
    if (packing !== PACKING.deflateRaw) throw new BadMessage('unknown packing');
    return this.packer.inflate(stored, length);
  }
}

function bad(reason: Reason): { readonly ok: false; readonly reason: Reason } {
  return { ok: false, reason };
}
