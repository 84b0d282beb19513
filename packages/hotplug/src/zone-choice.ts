/**
 * Which zone a block goes to when it comes online.
 *
 * Models: mm/memory_hotplug.c zone_for_pfn_range(), default_zone_for_pfn(), default_kernel_zone_for_pfn(), 6.1 and 6.12.
 * PREFER_MOVABLE is of the virtio-mem letter and in no kernel: a plain "online" gives a node's added blocks to Normal and
 * to PREFER_MOVABLE in a ratio, the first of them to Normal.
 */
import type { Machine, MemoryBlock, OnlineType, Zone } from '@replug/core';
import { autoMovable, intersects } from './auto-movable.ts';
import type { MemoryGroups } from './memory-groups.ts';
import type { HotplugSettings } from './options.ts';

export class ZoneChoice {
  private readonly machine: Machine;
  private readonly settings: HotplugSettings;
  private readonly groups: MemoryGroups;

  constructor(machine: Machine, settings: HotplugSettings, groups: MemoryGroups) {
    this.machine = machine;
    this.settings = settings;
    this.groups = groups;
  }

  /** The zone that a block goes to by an online type. */
  zoneFor(block: MemoryBlock, type: OnlineType): Zone {
    const { settings } = this;
    if (type === 'online_kernel') return this.kernelZone(block);
    if (type === 'online_movable') return this.movableZone(block);
    if (settings.preferMovableRatio > 0) return this.preferred(block);
    if (settings.onlinePolicy === 'auto-movable') {
      const { startPfn: start, pages, nids, groupId } = block;
      const range = { nid: nids[0], start, pages, group: this.groups.get(groupId) };
      return autoMovable(this.machine, settings, this.groups, range) ? this.movableZone(block) : this.kernelZone(block);
    }
    const kernel = this.kernelZone(block);
    const movable = this.movableZone(block);
    const inKernel = intersects(kernel, block.startPfn, block.pages);
    const inMovable = intersects(movable, block.startPfn, block.pages);
    if (inKernel !== inMovable) return inKernel ? kernel : movable;
    return settings.movableNode ? movable : kernel;
  }

  /** `valid_zones` of an offline block: the default zone, then what online_kernel and online_movable would give besides. */
  names(block: MemoryBlock): string {
    const first = this.zoneFor(block, 'online');
    const others = [this.kernelZone(block), this.movableZone(block)].filter((zone) => zone !== first);
    return [first, ...others].map((zone) => zone.name).join(' ');
  }

  private kernelZone({ nids, startPfn, pages }: MemoryBlock): Zone {
    const { zones } = this.machine.zones.node(nids[0])!;
    const normal = zones.find((zone) => zone.name === 'Normal')!;
    return zones.find((z) => z.kind.rank < normal.kind.rank && intersects(z, startPfn, pages)) ?? normal;
  }

  private movableZone({ nids }: MemoryBlock): Zone {
    return this.machine.zones.node(nids[0])!.zones.find((zone) => zone.kind.movableOnly)!;
  }

  private preferred(block: MemoryBlock): Zone {
    const kernel = this.kernelZone(block);
    const prefer = this.machine.zones.find(block.nids[0], 'PreferMovable');
    if (prefer === undefined) return kernel;
    const added = kernel.presentPages - kernel.presentEarlyPages;
    return added > 0 && prefer.presentPages < added * this.settings.preferMovableRatio ? prefer : kernel;
  }
}
