/**
 * Page owners of the steps: texts, then columns, which stay packed until somebody asks. A step of which any part is missing has
 * none: a page without its owner would pass for a free one.
 */
import { rpwPageOwnerDamaged } from '../errors.ts';
import type { PageOwner, PageOwnerTexts } from '../page-owner.ts';
import { BadColumn, deltaColumn, planesColumn, readNumbers, readUints } from './column.ts';
import { MAX_CHUNK_ROWS } from './format.ts';
import type { Packer } from './packer.ts';
import { PAGE_OWNER_COLUMNS, type PageOwnerEndMessage } from './schema.ts';
import type { ColumnMessage, PageOwnerColumnName, PageOwnerMessage, PageOwnerTextsMessage } from './schema.ts';

/** By `list`; its place in the schema, so only added to. */
const LISTS = ['types', 'gfpTexts', 'comms', 'flagTexts', 'stacks', 'reasons', 'memcgs'] as const;
const GFP = LISTS.indexOf('gfpTexts');
/** Columns of indices and what they point into. */
const POINTS_INTO: Readonly<Partial<Record<PageOwnerColumnName, (typeof LISTS)[number]>>> = {
  type: 'types',
  blockType: 'types',
  gfp: 'gfpTexts',
  comm: 'comms',
  flagNames: 'flagTexts',
  stack: 'stacks',
  moved: 'reasons',
  memcg: 'memcgs',
};
/** Characters of texts in one section, about. */
const PART_LENGTH = 1 << 22;
/** Bytes that the rows of one step may take: 64 MiB, and 10,000 times the size of the file, as for page flags. */
const FREE_BYTES = 1 << 26;
const BYTES_PER_BYTE = 10_000;
const ROW_BYTES = 64;
const MAX_ROWS = 2 ** 28;
const MAX_ORDER = 63;

/** The texts of a step in parts. */
export function* ownerTexts(ordinal: number, owner: PageOwnerTexts): Generator<PageOwnerTextsMessage> {
  for (const [list, name] of LISTS.entries()) {
    const texts = owner[name];
    for (let first = 0; first < texts.length;) {
      let to = first;
      for (let length = 0; to < texts.length && length < PART_LENGTH; to++) length += texts[to].length;
      const masks = list === GFP ? owner.gfpMasks.slice(first, to) : [];
      yield { ordinal, list, first, texts: texts.slice(first, to), masks };
      first = to;
    }
  }
}

export function textCounts(owner: PageOwnerTexts): number[] {
  return LISTS.map((name) => owner[name].length);
}

export function ownerChunk(
  ordinal: number,
  owner: PageOwner,
  from: number,
  to: number,
  packer: Packer,
): PageOwnerMessage {
  const { groups } = owner;
  const columns = Object.fromEntries(
    PAGE_OWNER_COLUMNS.map((name): [string, ColumnMessage] => {
      const column = owner[name].subarray(from, to);
      if (column instanceof Float64Array) return [name, deltaColumn(column, packer)];
      if (column instanceof Int32Array)
        return [
          name,
          planesColumn(
            Uint32Array.from(column, (id) => id + 1),
            packer,
          ),
        ];
      return [name, planesColumn(column, packer)];
    }),
  ) as Record<PageOwnerColumnName, ColumnMessage>;
  return {
    ordinal,
    firstRow: from,
    rows: to - from,
    ...columns,
    times: groups && deltaColumn(groups.times.subarray(from, to), packer),
    pages: groups && deltaColumn(groups.pages.subarray(from, to), packer),
  };
}

interface Owners {
  readonly chunks: PageOwnerMessage[];
  readonly lists: string[][];
  readonly masks: number[];
  length: number;
  whole: boolean;
  pageblockOrder: number | undefined;
}

export class PageOwnerParts {
  private readonly steps = new Map<number, Owners>();
  private readonly mostRows: number;

  constructor(fileSize: number) {
    this.mostRows = Math.min(MAX_ROWS, (FREE_BYTES + BYTES_PER_BYTE * fileSize) / ROW_BYTES);
  }

  /** Parts come in order; one that does not follow spoils its step. */
  addTexts({ ordinal, list, first, texts, masks }: PageOwnerTextsMessage): void {
    const owners = this.of(ordinal);
    const own = owners.lists[list];
    if (own === undefined) return;
    if (own.length !== first || (list === GFP && masks.length !== texts.length)) owners.length = Number.NaN;
    for (const text of texts) own.push(text);
    if (list === GFP) for (const mask of masks) owners.masks.push(mask);
  }

  add(chunk: PageOwnerMessage): void {
    const owners = this.of(chunk.ordinal);
    const fits = chunk.rows >= 1 && chunk.rows <= MAX_CHUNK_ROWS && chunk.firstRow === owners.length;
    if (!fits || owners.length + chunk.rows > this.mostRows) owners.length = Number.NaN;
    else {
      owners.length += chunk.rows;
      owners.chunks.push(chunk);
    }
  }

  close({ ordinal, rows, pageblockOrder, texts }: PageOwnerEndMessage): void {
    const owners = this.of(ordinal);
    const grouped = owners.chunks.filter((chunk) => chunk.times !== undefined && chunk.pages !== undefined).length;
    const told = owners.lists.every((list, i) => list.length === texts[i]);
    owners.whole = told && owners.length === rows && (grouped === 0 || grouped === owners.chunks.length);
    owners.pageblockOrder = pageblockOrder;
  }

  /** What gives the page owners of a step; undefined when it has none. */
  whole(ordinal: number, label: string, packer: Packer): (() => PageOwner) | 'incomplete' | undefined {
    const owners = this.steps.get(ordinal);
    if (owners === undefined) return undefined;
    if (!owners.whole) return 'incomplete';
    return () => {
      try {
        return inflate(owners, packer);
      } catch (cause) {
        throw rpwPageOwnerDamaged(label, cause);
      }
    };
  }

  private of(ordinal: number): Owners {
    let owners = this.steps.get(ordinal);
    if (owners === undefined) {
      owners = {
        chunks: [],
        lists: LISTS.map(() => []),
        masks: [],
        length: 0,
        whole: false,
        pageblockOrder: undefined,
      };
      this.steps.set(ordinal, owners);
    }
    return owners;
  }
}

function inflate({ chunks, lists, masks, length, pageblockOrder }: Owners, packer: Packer): PageOwner {
  const columns = emptyColumns(length);
  const grouped = chunks[0]?.times !== undefined;
  const groups = { times: new Float64Array(grouped ? length : 0), pages: new Float64Array(grouped ? length : 0) };
  for (const chunk of chunks) {
    const { rows, firstRow } = chunk;
    for (const name of PAGE_OWNER_COLUMNS) {
      const column = columns[name];
      if (column instanceof Float64Array) readNumbers(chunk[name], rows, column, firstRow, packer);
      else if (column instanceof Int32Array) {
        const ids = new Uint32Array(rows);
        readUints(chunk[name], rows, ids, 0, packer);
        for (let i = 0; i < rows; i++) column[firstRow + i] = ids[i] - 1;
      } else readUints(chunk[name], rows, column, firstRow, packer);
    }
    if (!grouped) continue;
    readNumbers(chunk.times ?? null, rows, groups.times, firstRow, packer);
    readNumbers(chunk.pages ?? null, rows, groups.pages, firstRow, packer);
  }
  const texts = Object.fromEntries(LISTS.map((name, list) => [name, lists[list]])) as Record<
    (typeof LISTS)[number],
    string[]
  >;
  for (const [name, list] of Object.entries(POINTS_INTO)) {
    const most = texts[list].length;
    for (const index of columns[name as PageOwnerColumnName])
      if (index >= most) throw new BadColumn('a text is missing');
  }
  for (const order of columns.order) if (order > MAX_ORDER) throw new BadColumn('no order');
  return {
    length,
    ...columns,
    ...texts,
    gfpMasks: masks,
    ...(pageblockOrder !== undefined && { pageblockOrder }),
    ...(grouped && { groups }),
  };
}

function emptyColumns(length: number): Pick<PageOwner, PageOwnerColumnName> {
  return {
    pfn: new Float64Array(length),
    order: new Uint8Array(length),
    type: new Uint8Array(length),
    blockType: new Uint8Array(length),
    gfp: new Uint16Array(length),
    pid: new Int32Array(length),
    tgid: new Int32Array(length),
    comm: new Uint32Array(length),
    time: new Float64Array(length),
    freeTime: new Float64Array(length),
    flagsLow: new Uint32Array(length),
    flagsHigh: new Uint32Array(length),
    flagNames: new Uint16Array(length),
    stack: new Uint32Array(length),
    moved: new Uint8Array(length),
    memcg: new Uint32Array(length),
    marks: new Uint8Array(length),
  };
}
