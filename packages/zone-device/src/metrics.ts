/** Gauges of device memory. */
import type { SubsystemScope } from '@replug/core';
import type { MemmapEngine } from './init/engine.ts';
import type { DeviceMap } from './memremap.ts';

export function publishMetrics(scope: SubsystemScope, maps: DeviceMap, engine: MemmapEngine): void {
  const ranges = () => maps.mapped.flatMap((live) => live.ranges);
  scope.gauge('pagemaps', () => maps.mapped.length);
  scope.gauge('pages', () => ranges().reduce((sum, { start, end }) => sum + (end - start), 0));
  scope.gauge('initialised', () => maps.initialised);
  scope.gauge('freed', () => maps.freed);
  scope.gauge('memmap_pages.memory', () => maps.memmapPages().memory);
  scope.gauge('memmap_pages.device', () => maps.memmapPages().device);
  scope.gauge('pieces.left', () => engine.jobs.reduce((sum, { job }) => sum + job.left, 0));
  scope.gauge('pieces.stolen', () => ranges().reduce((sum, { job }) => sum + (job?.stolen ?? 0), 0));
}
