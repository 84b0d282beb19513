/**
 * Memory groups: blocks that belong to one device. The auto-movable policy looks at how much of a device went to kernel
 * zones and to MOVABLE.
 *
 * Models: drivers/base/memory.c memory_group_register_static(), _dynamic(), memory_group_unregister(), 6.12.
 */
import { ERRNO, type Machine, type MemoryGroup } from '@replug/core';

export interface GroupState extends MemoryGroup {
  readonly id: number;
  presentKernelPages: number;
  presentMovablePages: number;
  /** Blocks that belong to it. */
  blocks: number;
}

export class MemoryGroups {
  private readonly machine: Machine;
  private readonly groups = new Map<number, GroupState>();
  private next = 0;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** A new group's id, or -EINVAL: no such node, no pages, a unit that is not a power of two of whole blocks. */
  register(group: MemoryGroup): number {
    const { kind, nid, pages } = group;
    if (this.machine.zones.node(nid) === undefined) return -ERRNO.EINVAL;
    if (!(Number.isSafeInteger(pages) && pages > 0)) return -ERRNO.EINVAL;
    if (kind === 'dynamic') {
      const powerOfTwo = Number.isInteger(Math.log2(pages));
      if (!powerOfTwo || pages < this.machine.blocks.blockPages) return -ERRNO.EINVAL;
    }
    const id = this.next++;
    this.groups.set(id, { ...group, id, presentKernelPages: 0, presentMovablePages: 0, blocks: 0 });
    return id;
  }

  unregister(id: number): number {
    const group = this.groups.get(id);
    if (group === undefined) return -ERRNO.EINVAL;
    if (group.blocks > 0) return -ERRNO.EBUSY;
    this.groups.delete(id);
    return 0;
  }

  get(id: number): GroupState | undefined {
    return this.groups.get(id);
  }

  all(): Iterable<GroupState> {
    return this.groups.values();
  }
}
