/** Memory hotplug as a subsystem: memory blocks come, go, and say why they can't. */
import {
  ContiguousRanges,
  Core,
  defineSubsystem,
  MemoryHotplug,
  PageAllocator,
  PageMigrator,
  ZoneSizing,
  type Hasher,
} from '@replug/core';
import { HotplugContext } from './context.ts';
import { noPreferMovableZone } from './errors.ts';
import { publishFiles } from './files.ts';
import { Hotplug } from './hotplug.ts';
import { hotplugProblems } from './invariants.ts';
import { settingsOf, type HotplugOptions } from './options.ts';

/**
 * Provides MemoryHotplug; makes the files of memory blocks writable and publishes the settings beside them and the
 * parameters of the module memory_hotplug.
 */
export const hotplug = (options: Partial<HotplugOptions> = {}) =>
  defineSubsystem({
    id: 'hotplug',
    needs: {
      machine: Core.Machine,
      clock: Core.Clock,
      log: Core.Log,
      notifiers: Core.MemoryNotifiers,
      allocator: PageAllocator,
      ranges: ContiguousRanges,
      migrator: PageMigrator,
      sizing: ZoneSizing,
    },
    provides: { hotplug: MemoryHotplug },
    create: (deps, scope) => {
      const settings = settingsOf(options);
      const { blocks, zones } = deps.machine;
      if (settings.preferMovableRatio > 0 && !zones.kinds.some((kind) => kind.name === 'PreferMovable')) {
        throw noPreferMovableZone();
      }
      const context = new HotplugContext(deps, settings);
      const provided = new Hotplug(context);
      publishFiles(scope, context, provided);
      scope.invariant('zones, memory blocks and groups', () => hotplugProblems(context));
      scope.hash('contract', (hasher) => hashBlocks(hasher, context));
      scope.hash('state', (hasher) => hashBlocks(hasher, context));
      scope.gauge('blocks', () => blocks.size);
      scope.gauge('blocks.online', () => [...blocks.all()].filter((block) => block.state === 'online').length);
      scope.gauge('memmap.pages', () => context.memmap.heldPages);
      for (const name of Object.keys(context.counts) as (keyof typeof context.counts)[]) {
        scope.gauge(name, () => context.counts[name]);
      }
      return { hotplug: provided };
    },
  });

/** Blocks and what they belong to: what a refused operation must leave as it was. */
function hashBlocks(hasher: Hasher, { deps: { machine } }: HotplugContext): void {
  for (const id of machine.blocks.ids()) {
    const { state, zone, groupId, altmapPages, poisoned, nids } = machine.blocks.get(id)!;
    hasher
      .integer(id)
      .text(state)
      .integer(zone?.index ?? -1);
    hasher.integer(groupId).integer(altmapPages).integer(poisoned);
    for (const nid of nids) hasher.integer(nid);
  }
  for (const node of machine.zones.nodes) hasher.integer(Number(node.online));
}
