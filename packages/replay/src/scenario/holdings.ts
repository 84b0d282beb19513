/**
 * Memory that a scenario takes to make load, under names of its choice. Blocks may be moved while they are held: they are
 * given back from where they are then.
 */
import { Core, GFP, GFP_MASKS, KernfsError, PageAllocator, parseSize, type Kernel, type Machine } from '@replug/core';
import { migratorOf } from '../migrator-of.ts';

interface Holding {
  readonly order: number;
  /** Where the blocks are now. */
  readonly rows: number[];
}

interface Place {
  readonly holding: Holding;
  readonly index: number;
}

const GFP_OF: Readonly<Record<string, number>> = {
  movable: GFP_MASKS.GFP_HIGHUSER_MOVABLE,
  unmovable: GFP_MASKS.GFP_KERNEL,
  reclaimable: GFP_MASKS.GFP_KERNEL | GFP.RECLAIMABLE,
};

export class Holdings {
  readonly pageSize: number;
  private readonly kernel: Kernel;
  private readonly machine: Machine;
  private readonly held = new Map<string, Holding>();
  /** Holders by row, made when a block moves for the first time since memory was taken or given back. */
  private places: Map<number, Place> | undefined;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.machine = kernel.get(Core.Machine);
    this.pageSize = 2 ** this.machine.description.arch.pageShift;
    migratorOf(kernel)?.onMove((source, target) => this.follow(source, target));
  }

  /** NAME SIZE|SHARE% [kind] [order=N] [node=N] [cpu=N]. Returns pages taken and wanted: fewer when memory ends. */
  take(args: readonly string[]): { pages: number; wanted: number } {
    const [name, amount = '', ...rest] = args;
    if (name === undefined || amount === '')
      throw new KernfsError('EINVAL', 'alloc NAME SIZE [movable|unmovable|reclaimable] …');
    if (this.held.has(name)) throw new KernfsError('EEXIST', `memory is held under the name ${name} already`);
    const kind = rest.find((word) => word in GFP_OF) ?? 'movable';
    const order = number(rest, 'order', 0);
    const cpu = number(rest, 'cpu', 0);
    const nid = number(rest, 'node', -1);
    if (order > this.machine.description.arch.maxPageOrder)
      throw new KernfsError('EINVAL', `order ${order} is too large`);
    if (cpu >= this.machine.description.cpus) throw new KernfsError('EINVAL', `there is no CPU ${cpu}`);
    if (nid >= 0 && this.machine.zones.node(nid) === undefined)
      throw new KernfsError('EINVAL', `there is no node ${nid}`);
    const allocator = this.kernel.get(PageAllocator);
    const wanted = this.pagesOf(amount, nid);
    const rows: number[] = [];
    for (let pages = 0; pages < wanted; pages += 2 ** order) {
      const row = allocator.alloc(GFP_OF[kind], order, cpu, nid);
      if (row < 0) break;
      rows.push(row);
    }
    this.held.set(name, { order, rows });
    this.places = undefined;
    return { pages: rows.length * 2 ** order, wanted };
  }

  /** NAME [SHARE%] [cpu=N]. Returns pages given back. */
  give(args: readonly string[]): number {
    const [name = '', ...rest] = args;
    const holding = this.held.get(name);
    if (holding === undefined) throw new KernfsError('ENOENT', `nothing is held under the name ${name}`);
    const share = rest.find((word) => word.endsWith('%'));
    const part = share === undefined ? 1 : percent(share);
    const cpu = number(rest, 'cpu', 0);
    const allocator = this.kernel.get(PageAllocator);
    const keep: number[] = [];
    let given = 0;
    holding.rows.forEach((row, i) => {
      // Spread evenly over what is held: every k-th block goes.
      if (Math.floor((i + 1) * part) === Math.floor(i * part)) return void keep.push(row);
      allocator.free(row, holding.order, cpu);
      given += 2 ** holding.order;
    });
    if (keep.length === 0) this.held.delete(name);
    else this.held.set(name, { order: holding.order, rows: keep });
    this.places = undefined;
    return given;
  }

  private pagesOf(amount: string, nid: number): number {
    if (amount.endsWith('%')) {
      const allocator = this.kernel.get(PageAllocator);
      const zones = this.machine.zones.all.filter((zone) => nid < 0 || zone.nid === nid);
      const free = zones.reduce((sum, zone) => sum + allocator.freePages(zone.index), 0);
      return Math.floor(free * percent(amount));
    }
    const bytes = parseSize(amount);
    if (bytes === undefined || bytes === 0) throw new KernfsError('EINVAL', `no size: ${amount}`);
    return Math.ceil(bytes / this.pageSize);
  }

  /** A block has moved: if it is held here, it is held there now. */
  private follow(source: number, target: number): void {
    if (this.held.size === 0) return;
    this.places ??= this.allPlaces();
    const place = this.places.get(source);
    if (place === undefined) return;
    place.holding.rows[place.index] = target;
    this.places.delete(source);
    this.places.set(target, place);
  }

  private allPlaces(): Map<number, Place> {
    const places = new Map<number, Place>();
    for (const holding of this.held.values()) holding.rows.forEach((row, index) => places.set(row, { holding, index }));
    return places;
  }
}

function percent(text: string): number {
  const value = Number(text.slice(0, -1));
  if (!(value > 0 && value <= 100)) throw new KernfsError('EINVAL', `no share: ${text}`);
  return value / 100;
}

function number(words: readonly string[], key: string, byDefault: number): number {
  const word = words.find((one) => one.startsWith(`${key}=`));
  if (word === undefined) return byDefault;
  const value = Number(word.slice(key.length + 1));
  if (!Number.isInteger(value) || value < 0) throw new KernfsError('EINVAL', `no number: ${word}`);
  return value;
}
