/** Changing the NUMA layout of memory under a running machine, as a subsystem. */
import {
  Core,
  defineSubsystem,
  FreedPageZone,
  MEM,
  NodeNotifiers,
  PageAllocator,
  PageMigrator,
  ZoneFreeLists,
  ZoneSizing,
} from '@replug/core';
import { publishCommands } from './commands.ts';
import { publishDebugfs } from './debugfs.ts';
import { Dnuma, DnumaToken } from './dnuma.ts';
import { layoutProblems } from './invariants.ts';
import { settingsOf, type DnumaOptions } from './options.ts';

/**
 * Provides DnumaToken; takes the slot FreedPageZone. Until a layout is committed it changes nothing: no column, no hash, no
 * longer free path.
 */
export const dnuma = (options: DnumaOptions = {}) =>
  defineSubsystem({
    id: 'dnuma',
    needs: {
      machine: Core.Machine,
      clock: Core.Clock,
      log: Core.Log,
      context: Core.Context,
      notifiers: Core.MemoryNotifiers,
      nodeNotifiers: NodeNotifiers,
      allocator: PageAllocator,
      lists: ZoneFreeLists,
      sizing: ZoneSizing,
      migrator: PageMigrator,
    },
    provides: { dnuma: DnumaToken },
    create: (deps, scope) => {
      const provided = new Dnuma({ ...deps, settings: settingsOf(options) });
      const { machine, context, notifiers, lists, log } = deps;
      context.claimFlag('dnuma', 'LookupNode');
      scope.takeSlot(FreedPageZone, provided.transplant);
      scope.notifier(notifiers, (action, payload) => {
        provided.slab.notified(action, payload);
        if (action === MEM.ONLINE || action === MEM.OFFLINE)
          provided.memoryChanged(payload.startPfn, payload.nrPages, action === MEM.ONLINE);
      });
      publishDebugfs(scope, machine, log, provided);
      publishCommands(scope, machine, provided);
      scope.invariant('layout, marks and caches', () => layoutProblems(machine, lists, provided));
      for (const name of Object.keys(provided.counts) as (keyof typeof provided.counts)[]) {
        scope.gauge(name, () => provided.counts[name]);
      }
      scope.gauge('waiting', () => provided.marks.count);
      scope.onBoot(() => provided.slab.boot());
      scope.onDispose(() => provided.dispose());
      return { dnuma: provided };
    },
  });
