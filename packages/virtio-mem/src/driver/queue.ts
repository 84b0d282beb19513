/**
 * The worker's place in virtual time: work that is queued runs when time next advances, and the retry timer.
 *
 * Models: drivers/virtio/virtio_mem.c virtio_mem_retry(), virtio_mem_timer_expired(); kernel/workqueue.c as far as work
 * that is queued while it runs, runs again.
 */
import type { DriverState } from './state.ts';

const MS = 1e6;
/** virtio_mem_retry(): asks for a run. */
export function queueWork(vm: DriverState): void {
  if (vm.removing || vm.queued !== undefined) return;
  vm.queued = vm.deps.clock.after(0, () => {
    vm.queued = undefined;
    vm.onWork();
  });
}

/** Starts the retry timer with its current wait. */
export function startTimer(vm: DriverState): void {
  cancelTimer(vm);
  vm.timerDue = vm.deps.clock.now + vm.retryMs * MS;
  vm.timer = vm.deps.clock.at(vm.timerDue, () => {
    vm.timer = undefined;
    vm.timerDue = -1;
    queueWork(vm);
    vm.retryMs = Math.min(2 * vm.retryMs, vm.maxRetryMs);
  });
}

export function cancelTimer(vm: DriverState): void {
  vm.timer?.[Symbol.dispose]();
  vm.timer = undefined;
  vm.timerDue = -1;
}

export function cancelWork(vm: DriverState): void {
  vm.queued?.[Symbol.dispose]();
  vm.queued = undefined;
}
