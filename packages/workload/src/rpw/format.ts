/**
 * The frame of a .rpw file: how it begins, how a section begins, how a finished file ends. All integers are little-endian.
 * FORMATS.md is the specification; this file is its numbers.
 *
 *   file      "\x89RPW\r\n\x1a\n", u32 version, u32 CRC-32 of the 12 bytes before
 *   section   "RPWS", u16 type, u16 packing, u32 stored length, u32 length, u32 CRC-32 of what is stored,
 *             u32 CRC-32 of the 20 bytes before; then what is stored
 *   trailer   u64 offset of the directory, u32 version, u32 CRC-32 of the 12 bytes before, "RPWEND\r\n"
 */
import { crc32 } from './crc32.ts';

export const VERSION = 1;

export const SECTION = {
  header: 1,
  step: 2,
  pageFlags: 3,
  pageFlagsEnd: 4,
  dictionary: 5,
  events: 6,
  trace: 7,
  dmesg: 8,
  files: 9,
  warnings: 10,
  directory: 11,
  pageOwnerTexts: 12,
  pageOwner: 13,
  pageOwnerEnd: 14,
} as const;

/** Sections that are not packed: their columns are, one by one, so that a reader can take some and leave others. */
export const IN_COLUMNS: ReadonlySet<number> = new Set([SECTION.events, SECTION.pageFlags, SECTION.pageOwner]);

export const SECTION_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(SECTION).map(([name, type]) => [type, name]),
);

export const PACKING = { none: 0, deflateRaw: 1 } as const;

export const FILE_HEAD = 16;
export const SECTION_HEAD = 24;
export const TRAILER = 24;

const FILE_MAGIC = [0x89, 0x52, 0x50, 0x57, 0x0d, 0x0a, 0x1a, 0x0a];
export const SECTION_MAGIC = [0x52, 0x50, 0x57, 0x53];
const TRAILER_MAGIC = [0x52, 0x50, 0x57, 0x45, 0x4e, 0x44, 0x0d, 0x0a];

/** Rows of a chunk as it is written. */
export const CHUNK_ROWS = 65536;
/** Rows of a chunk that a reader takes. */
export const MAX_CHUNK_ROWS = 1 << 20;
/** Bytes of a section, packed or not, that a reader takes. */
export const MAX_SECTION = 1 << 26;
/** The same with its head. */
export const LONGEST_SECTION = SECTION_HEAD + MAX_SECTION;

export interface SectionHead {
  readonly type: number;
  readonly packing: number;
  /** Bytes that follow the head. */
  readonly stored: number;
  /** Bytes once they are unpacked. */
  readonly length: number;
  readonly checksum: number;
}

/** True when a file that begins so is a .rpw file of any version. */
export function isRpw(prefix: Uint8Array): boolean {
  return prefix.length >= FILE_MAGIC.length && startsWith(prefix, FILE_MAGIC);
}

export function fileHead(version = VERSION): Uint8Array {
  const bytes = new Uint8Array(FILE_HEAD);
  bytes.set(FILE_MAGIC);
  const view = viewOf(bytes);
  view.setUint32(8, version, true);
  view.setUint32(12, crc32(bytes, 0, 12), true);
  return bytes;
}

/** The version; undefined when the head is damaged. */
export function readFileHead(bytes: Uint8Array): number | undefined {
  if (bytes.length < FILE_HEAD || !isRpw(bytes)) return undefined;
  const view = viewOf(bytes);
  return view.getUint32(12, true) === crc32(bytes, 0, 12) ? view.getUint32(8, true) : undefined;
}

/** A section as it lies in the file. `length` is that of the unpacked content. */
export function sectionBytes(type: number, packing: number, content: Uint8Array, length: number): Uint8Array {
  const bytes = new Uint8Array(SECTION_HEAD + content.length);
  bytes.set(SECTION_MAGIC);
  const view = viewOf(bytes);
  view.setUint16(4, type, true);
  view.setUint16(6, packing, true);
  view.setUint32(8, content.length, true);
  view.setUint32(12, length, true);
  view.setUint32(16, crc32(content), true);
  view.setUint32(20, crc32(bytes, 0, 20), true);
  bytes.set(content, SECTION_HEAD);
  return bytes;
}

/** The head of the section at `at`; undefined when there is none, it is damaged or claims too much. */
export function readSectionHead(bytes: Uint8Array, at = 0): SectionHead | undefined {
  if (bytes.length - at < SECTION_HEAD || !startsWith(bytes, SECTION_MAGIC, at)) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(at + 20, true) !== crc32(bytes, at, at + 20)) return undefined;
  const stored = view.getUint32(at + 8, true);
  const length = view.getUint32(at + 12, true);
  if (stored > MAX_SECTION || length > MAX_SECTION) return undefined;
  return {
    type: view.getUint16(at + 4, true),
    packing: view.getUint16(at + 6, true),
    stored,
    length,
    checksum: view.getUint32(at + 16, true),
  };
}

export function trailer(directoryOffset: number, version = VERSION): Uint8Array {
  const bytes = new Uint8Array(TRAILER);
  const view = viewOf(bytes);
  view.setBigUint64(0, BigInt(directoryOffset), true);
  view.setUint32(8, version, true);
  view.setUint32(12, crc32(bytes, 0, 12), true);
  bytes.set(TRAILER_MAGIC, 16);
  return bytes;
}

/** Where the directory begins; undefined when this is no whole trailer. */
export function readTrailer(bytes: Uint8Array): number | undefined {
  if (bytes.length !== TRAILER || !startsWith(bytes, TRAILER_MAGIC, 16)) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(12, true) !== crc32(bytes, 0, 12)) return undefined;
  const offset = view.getBigUint64(0, true);
  return offset <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(offset) : undefined;
}

function startsWith(bytes: Uint8Array, magic: readonly number[], at = 0): boolean {
  return magic.every((byte, i) => bytes[at + i] === byte);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
