/**
 * The tree of physical address ranges behind /proc/iomem. Addresses are bytes, ranges are inclusive as the kernel prints
 * them. A range that conflicts with a busy one is refused; a range inside one that is not busy becomes its child.
 *
 * Models: kernel/resource.c __request_region(), release_mem_region_adjustable(), merge_system_ram_resource(), 6.12.
 */
export interface Resource {
  readonly start: number;
  /** Last byte. */
  readonly end: number;
  readonly name: string;
  /** Nothing else may be requested inside. */
  readonly busy: boolean;
  readonly children: readonly Resource[];
}

interface Node {
  start: number;
  end: number;
  readonly name: string;
  readonly busy: boolean;
  /** Ascending, disjoint. */
  readonly children: Node[];
}

export class Resources {
  private readonly root: Node = { start: 0, end: Infinity, name: '', busy: false, children: [] };

  /** Takes [start, end] (bytes) under a name. undefined: it conflicts with something that is there. */
  request(start: number, end: number, name: string, busy = true): Resource | undefined {
    if (!(start >= 0 && end >= start && Number.isSafeInteger(end))) return undefined;
    for (let parent = this.root; ;) {
      const at = firstNotBefore(parent.children, start);
      const hit = parent.children[at];
      if (hit === undefined || hit.start > end) {
        const added: Node = { start, end, name, busy, children: [] };
        parent.children.splice(at, 0, added);
        return added;
      }
      if (hit.busy || hit.start > start || hit.end < end) return undefined;
      parent = hit;
    }
  }

  /** Gives [start, end] back: a whole entry, or one end or the middle of a larger one. False: no entry covers it. */
  release(start: number, end: number): boolean {
    for (let parent = this.root; ;) {
      const at = firstNotBefore(parent.children, start);
      const hit = parent.children[at];
      if (hit === undefined || hit.start > start || hit.end < end) return false;
      if (!hit.busy && hit.children.length > 0) {
        parent = hit;
        continue;
      }
      const rest: Node[] = [];
      if (hit.start < start) rest.push({ ...hit, end: start - 1, children: [] });
      if (hit.end > end) rest.push({ ...hit, start: end + 1, children: [] });
      parent.children.splice(at, 1, ...rest);
      return true;
    }
  }

  /** Joins the entry at an address with touching neighbours of its name. */
  merge(address: number): void {
    for (let parent = this.root; ;) {
      let at = firstNotBefore(parent.children, address);
      const hit = parent.children[at];
      if (hit === undefined || hit.start > address) return;
      if (!hit.busy && hit.children.length > 0) {
        parent = hit;
        continue;
      }
      const joins = (a: Node | undefined, b: Node | undefined): boolean =>
        a !== undefined && b !== undefined && a.name === b.name && a.busy === b.busy && a.end + 1 === b.start;
      const { children } = parent;
      if (joins(children[at - 1], hit)) {
        children[at - 1].end = hit.end;
        children.splice(at, 1);
        at--;
      }
      if (joins(children[at], children[at + 1])) {
        children[at].end = children[at + 1].end;
        children.splice(at + 1, 1);
      }
      return;
    }
  }

  /** The smallest entry that covers an address. */
  find(address: number): Resource | undefined {
    let found: Node | undefined;
    for (let parent = this.root; ;) {
      const hit = parent.children[firstNotBefore(parent.children, address)];
      if (hit === undefined || hit.start > address) return found;
      found = parent = hit;
    }
  }

  /** Entries, children included. */
  get count(): number {
    const below = (node: Node): number => node.children.reduce((sum, child) => sum + 1 + below(child), 0);
    return below(this.root);
  }

  get top(): readonly Resource[] {
    return this.root.children;
  }

  /** Text of /proc/iomem. */
  render(): string {
    const lines: string[] = [];
    const walk = (nodes: readonly Resource[], depth: number): void => {
      for (const { start, end, name, children } of nodes) {
        lines.push(`${'  '.repeat(depth)}${hex(start)}-${hex(end)} : ${name}\n`);
        walk(children, depth + 1);
      }
    };
    walk(this.root.children, 0);
    return lines.join('');
  }
}

/** Index of the first of ascending, disjoint ranges that ends at or after an address. */
function firstNotBefore(nodes: readonly Node[], address: number): number {
  let low = 0;
  let high = nodes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (nodes[middle].end >= address) high = middle;
    else low = middle + 1;
  }
  return low;
}

const hex = (bytes: number): string => bytes.toString(16).padStart(8, '0');

/** Boot memory as System RAM entries: ranges that touch are one entry, whatever their nodes. */
export function bootResources(memory: readonly { readonly start: number; readonly end: number }[], pageSize: number) {
  const resources = new Resources();
  const runs: { start: number; end: number }[] = [];
  for (const { start, end } of memory) {
    const last = runs.at(-1);
    if (last !== undefined && last.end === start) last.end = end;
    else runs.push({ start, end });
  }
  for (const run of runs) resources.request(run.start * pageSize, run.end * pageSize - 1, 'System RAM');
  return resources;
}
