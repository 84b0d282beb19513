/**
 * Finds the sections of a file: by the directory at its end, or, where that is missing or damaged, by reading from section to
 * section. A section head carries its own checksum, so after a damaged stretch the next good head is found.
 */
import { notRpw, rpwHeaderDamaged, rpwVersion } from '../errors.ts';
import type { Warning } from '../recording.ts';
import {
  FILE_HEAD,
  isRpw,
  readFileHead,
  readSectionHead,
  readTrailer,
  SECTION,
  SECTION_HEAD,
  SECTION_MAGIC,
  TRAILER,
  VERSION,
} from './format.ts';
import type { SectionReader } from './section-reader.ts';
import type { EntryMessage } from './schema.ts';
import type { ByteSource } from './source.ts';

/** Bytes looked through for the next section: few at first, for it is mostly near. */
const FIRST_SEARCH = 256;
const LONGEST_SEARCH = 1 << 16;

export interface SectionList {
  readonly version: number;
  readonly entries: readonly EntryMessage[];
  /** The entries come from the directory: rows and times are in them. */
  readonly indexed: boolean;
  /** The file ends in the middle of a section, or has damaged stretches between sections. */
  readonly warnings: readonly Warning[];
}

/** Checks the head of the file. Throws RP3101, RP3102, RP3103. */
export async function readVersion(source: ByteSource): Promise<number> {
  const bytes = await source.read(0, FILE_HEAD);
  if (!isRpw(bytes)) throw notRpw(source.name);
  const version = readFileHead(bytes);
  if (version === undefined) throw rpwHeaderDamaged(source.name, 'its head has a wrong checksum');
  if (version < 1 || version > VERSION) throw rpwVersion(source.name, version, VERSION);
  return version;
}

export async function listSections(source: ByteSource, version: number, reader: SectionReader): Promise<SectionList> {
  const entries = await readDirectory(source, reader);
  if (entries !== undefined) return { version, entries, indexed: true, warnings: [] };
  const warnings: Warning[] = [
    {
      name: 'rpw-index-missing',
      text: 'the directory at the end is missing or damaged: the file was read from front to back',
    },
  ];
  return { version, entries: await scan(source, warnings), indexed: false, warnings };
}

async function readDirectory(source: ByteSource, reader: SectionReader): Promise<readonly EntryMessage[] | undefined> {
  const at = source.size - TRAILER;
  if (at < FILE_HEAD) return undefined;
  const offset = readTrailer(await source.read(at, TRAILER));
  if (offset === undefined || offset < FILE_HEAD || offset + SECTION_HEAD > at) return undefined;
  const length = at - offset;
  const found = await reader.read({ ...NOTHING, type: SECTION.directory, offset, length }, 'Directory');
  if (!found.ok) return undefined;
  let end = FILE_HEAD;
  for (const entry of found.message.entries) {
    // In file order and apart from each other: a file cannot make a reader take the same bytes twice.
    if (entry.offset < end || entry.length < SECTION_HEAD || entry.offset + entry.length > offset) return undefined;
    end = entry.offset + entry.length;
  }
  return found.message.entries;
}

const NOTHING = { firstRow: 0, rows: 0, leastTime: 0, greatestTime: 0 } as const;

async function scan(source: ByteSource, warnings: Warning[]): Promise<EntryMessage[]> {
  const entries: EntryMessage[] = [];
  let damaged = 0;
  let firstDamaged = 0;
  let at = FILE_HEAD;
  while (at < source.size) {
    const bytes = await source.read(at, SECTION_HEAD);
    const head = readSectionHead(bytes);
    const length = SECTION_HEAD + (head?.stored ?? 0);
    if (head !== undefined && at + length <= source.size) {
      entries.push({ ...NOTHING, type: head.type, offset: at, length });
      at += length;
      continue;
    }
    if (source.size - at === TRAILER && readTrailer(bytes) !== undefined) break;
    const next = await findSection(source, at + 1);
    if (next === undefined) {
      warnings.push({
        name: 'rpw-truncated',
        text: `the file ends in the middle of a section that begins at byte ${at}: ${source.size - at} bytes were not used`,
      });
      break;
    }
    if (damaged === 0) firstDamaged = at;
    damaged += next - at;
    at = next;
  }
  if (damaged > 0) {
    warnings.push({
      name: 'rpw-bytes-skipped',
      text: `${damaged} bytes that are no section were skipped, the first at byte ${firstDamaged}`,
    });
  }
  return entries;
}

/** The next place from `from` on with a good section head. */
async function findSection(source: ByteSource, from: number): Promise<number | undefined> {
  let search = FIRST_SEARCH;
  for (let at = from; at + SECTION_HEAD <= source.size; at += search, search = Math.min(LONGEST_SEARCH, search * 2)) {
    const bytes = await source.read(at, Math.min(search + SECTION_HEAD - 1, source.size - at));
    for (let i = bytes.indexOf(SECTION_MAGIC[0]); i !== -1; i = bytes.indexOf(SECTION_MAGIC[0], i + 1)) {
      const head = readSectionHead(bytes, i);
      if (head !== undefined && at + i + SECTION_HEAD + head.stored <= source.size) return at + i;
    }
  }
  return undefined;
}
