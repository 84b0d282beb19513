/**
 * Deferred struct page init as a subsystem, for an allocator that boots with nothing (`buddy({ start: 'nothing' })`): it
 * hands the boot memory over, a first part at once and the rest while time passes, and lets zones grow on demand.
 */
import { Core, defineSubsystem, GrowZone, PageAllocator, token, ZoneSizing } from '@replug/core';
import { DeferredInit } from './init/deferred.ts';
import { MemmapEngine } from './init/engine.ts';
import { BUS_BYTES_PER_BYTE, powerOf } from './init/power.ts';
import type { NodePower } from './init/work-pool.ts';

export const DeferredMemory = token<DeferredInit>()('zone-device.DeferredMemory', {
  provider: 'deferredInit() from @replug/zone-device',
});

export interface DeferredOptions {
  /** Wait for all pages before the kernel runs, as it does. Without, the caller says when. Default true. */
  readonly barrier?: boolean;
  readonly power?: readonly NodePower[];
}

export const deferredInit = (options: DeferredOptions = {}) =>
  defineSubsystem({
    id: 'deferred-init',
    needs: {
      machine: Core.Machine,
      clock: Core.Clock,
      log: Core.Log,
      allocator: PageAllocator,
      sizing: ZoneSizing,
    },
    provides: { deferred: DeferredMemory },
    create: ({ machine, clock, log, allocator, sizing }, scope) => {
      const { barrier = true, power = powerOf(machine.description) } = options;
      const engine = new MemmapEngine(clock, power);
      const bytesPerPage = machine.description.arch.structPageSize * BUS_BYTES_PER_BYTE;
      const deferred = new DeferredInit({ machine, allocator, sizing, clock, log, engine, bytesPerPage });
      scope.takeSlot(GrowZone, (zone, order) => deferred.grow(zone, order));
      scope.gauge('early', () => deferred.handedOver.early);
      scope.gauge('late', () => deferred.handedOver.late);
      scope.gauge('grown', () => deferred.handedOver.grown);
      scope.onBoot(() => {
        deferred.begin();
        if (!barrier) return;
        deferred.startThreads();
        deferred.finish();
        sizing.recompute();
      });
      return { deferred };
    },
  });
