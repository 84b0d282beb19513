/**
 * Where the struct pages of added memory lie: at the start of the block itself, or in memory of the node that the
 * allocator gives. The map is mapped with large pages, so that memory comes in pieces of 2 MiB on x86-64 and arm64
 * (128 MiB of memory each), of 1 MiB on s390x, of a huge page on powerpc; a piece belongs to all memory that it
 * describes and goes with the last of it. Where no large piece is to be had, its pages are taken one by one.
 *
 * Models: mm/memory_hotplug.c mhp_supports_memmap_on_memory(); mm/sparse-vmemmap.c, vmemmap_populate() of x86, s390 and
 * powerpc, 6.1 and 6.12. Left out: memmap pages that boot reserved do not come back when boot memory is removed.
 */
import { GFP, GFP_MASKS, PAGE_CLASS, type Machine, type MemoryBlock, type PageAllocator, type Row } from '@replug/core';
import type { MemmapMode } from './options.ts';

const MiB = 2 ** 20;

/** Bytes of the map that are mapped and allocated at once. */
function pieceBytes({ description: { arch } }: Machine): number {
  if (arch.machine === 's390x') return MiB;
  if (arch.machine === 'ppc64le' || arch.machine === 'ppc64') return arch.id.endsWith('hash') ? 16 * MiB : 2 * MiB;
  return 2 * MiB;
}

/** Pages at the start of a block that its own map takes when it lies there; 0 when it does not. */
export function memmapOnMemoryPages(machine: Machine, mode: MemmapMode): number {
  const { arch, profile } = machine.description;
  if (mode === 'disable') return 0;
  const { blockPages } = machine.blocks;
  const pageSize = 2 ** arch.pageShift;
  const pageblock = 2 ** arch.pageblockOrder;
  const size = blockPages * arch.structPageSize;
  const old = profile === '6.1';
  const power = arch.machine === 'ppc64le' || arch.machine === 'ppc64';
  // 6.1 knows neither `force` nor powerpc and s390.
  if (old && (power || arch.machine === 's390x')) return 0;
  if (size % pageSize !== 0) return 0;
  const least = size / pageSize;
  const pages = mode === 'force' && !old ? Math.ceil(least / pageblock) * pageblock : least;
  if (pages % pageblock !== 0 || pages >= blockPages) return 0;
  if (!power) return size % pieceBytes(machine) === 0 ? pages : 0;
  if (!arch.id.endsWith('radix')) return 0;
  return pages;
}

interface Piece {
  /** Blocks of memory sections whose map lies in it. */
  users: number;
  /** Allocated blocks: rows of heads, all of one order. Empty: taken at boot. */
  readonly rows: readonly Row[];
  readonly order: number;
}

export class Memmap {
  private readonly machine: Machine;
  private readonly allocator: PageAllocator;
  private readonly pieces = new Map<number, Piece>();
  /** Pages of memory whose map fits into a piece. */
  private readonly covered: number;
  private readonly order: number;

  constructor(machine: Machine, allocator: PageAllocator) {
    const { arch } = machine.description;
    this.machine = machine;
    this.allocator = allocator;
    this.covered = pieceBytes(machine) / arch.structPageSize;
    this.order = Math.log2(pieceBytes(machine)) - arch.pageShift;
    for (const block of machine.blocks.all()) this.use(block.startPfn, block.pages, () => ({ rows: [], order: 0 }));
  }

  /** Pages that maps of added memory hold. */
  get heldPages(): number {
    let pages = 0;
    for (const { rows, order } of this.pieces.values()) pages += rows.length * 2 ** order;
    return pages;
  }

  /** Takes memory for the map of a block that is added; false when there is none, and nothing was taken. */
  take(start: number, pages: number, nid: number): boolean {
    return this.use(start, pages, () => this.allocate(nid));
  }

  /** Gives back what only the map of a removed block lay in. */
  give({ startPfn, pages }: Pick<MemoryBlock, 'startPfn' | 'pages'>): void {
    for (let at = this.pieceOf(startPfn); at <= this.pieceOf(startPfn + pages - 1); at++) {
      const piece = this.pieces.get(at);
      if (piece === undefined || --piece.users > 0) continue;
      this.pieces.delete(at);
      this.free(piece.rows, piece.order);
    }
  }

  private use(start: number, pages: number, make: () => Omit<Piece, 'users'> | undefined): boolean {
    const first = this.pieceOf(start);
    for (let at = first; at <= this.pieceOf(start + pages - 1); at++) {
      const known = this.pieces.get(at);
      if (known !== undefined) {
        known.users++;
        continue;
      }
      const made = make();
      if (made === undefined) {
        if (at > first) this.give({ startPfn: start, pages: at * this.covered - start });
        return false;
      }
      this.pieces.set(at, { ...made, users: 1 });
    }
    return true;
  }

  private pieceOf(pfn: number): number {
    return Math.floor(pfn / this.covered);
  }

  private allocate(nid: number): Omit<Piece, 'users'> | undefined {
    const gfp = GFP_MASKS.GFP_KERNEL | GFP.RETRY_MAYFAIL | GFP.NOWARN;
    const order = Math.min(this.order, this.machine.description.arch.maxPageOrder);
    const whole = this.allocator.alloc(gfp, order, 0, nid);
    if (whole >= 0) {
      this.classify(whole, order, PAGE_CLASS.KERNEL);
      return { rows: [whole], order };
    }
    const rows: Row[] = [];
    for (let i = 0; i < 2 ** this.order; i++) {
      const row = this.allocator.alloc(gfp, 0, 0, nid);
      if (row < 0) {
        this.free(rows, 0);
        return undefined;
      }
      this.classify(row, 0, PAGE_CLASS.KERNEL);
      rows.push(row);
    }
    return { rows, order: 0 };
  }

  private free(rows: readonly Row[], order: number): void {
    for (const row of rows) {
      this.classify(row, order, PAGE_CLASS.UNKNOWN);
      this.allocator.free(row, order, 0);
    }
  }

  private classify(row: Row, order: number, use: number): void {
    this.machine.pages.pageClass.fill(use, row, row + 2 ** order);
  }
}
