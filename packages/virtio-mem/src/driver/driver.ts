/**
 * One bound driver: what the subsystem, the host's commands and reports hold of it. The work is in the other files of this
 * folder.
 *
 * Models: drivers/virtio/virtio_mem.c virtio_mem_probe(), virtio_mem_remove(), virtio_mem_config_changed(),
 * virtio_mem_vmcore_pfn_is_ram(), 6.12.
 */
import type { VirtioMemDevice } from '../device/device.ts';
import { BLOCK_STATE } from '../protocol.ts';
import { adopt } from './adopt.ts';
import type { DriverDeps } from './deps.ts';
import { notified } from './notifier.ts';
import { onlinePage } from './online-page.ts';
import { probe, suspend, unbind } from './probe.ts';
import { queueWork } from './queue.ts';
import { sendState } from './requests.ts';
import { DriverState } from './state.ts';
import { runWorker } from './worker.ts';

export class VirtioMemDriver {
  readonly state: DriverState;
  private notifier: Disposable | undefined;
  /** The device block that was asked for last (kdump). */
  private lastBlock = -1;
  private lastPlugged = false;

  constructor(device: VirtioMemDevice, name: string, deps: DriverDeps) {
    this.state = new DriverState(device, name, deps);
    this.state.onWork = () => runWorker(this.state);
  }

  /** Probes. 0, or the negative errno with which binding failed. */
  bind(): number {
    const vm = this.state;
    const rc = probe(vm);
    if (rc !== 0) return rc;
    if (vm.deps.parameters.kdump) return 0;
    this.listen();
    return 0;
  }

  /** Binds to a device that was in use when the machine was recorded. */
  adopt(): void {
    adopt(this.state);
    this.listen();
  }

  private listen(): void {
    const vm = this.state;
    this.notifier = vm.deps.notifiers.register((action, payload) => notified(vm, action, payload), 0, 'virtio-mem');
    vm.device.onConfigChange = () => {
      vm.configChanged = true;
      queueWork(vm);
    };
  }

  /** Unbinds. False when memory was left behind: the region stays taken. */
  unbind(): boolean {
    const vm = this.state;
    vm.device.onConfigChange = undefined;
    const clean = unbind(vm);
    this.notifier?.[Symbol.dispose]();
    this.notifier = undefined;
    return clean;
  }

  /** The online callback. */
  onlinePage(pfn: number, order: number): boolean {
    return onlinePage(this.state, pfn, order);
  }

  /** Asks for a run of the worker, as a config change does. */
  kick(): void {
    queueWork(this.state);
  }

  suspend(kind: 's2idle' | 'mem' | 'hibernate'): number {
    return suspend(this.state, kind);
  }

  /** What a crash kernel asks for each page of /proc/vmcore: true when the page is RAM. One STATE request a device block. */
  isRam(pfn: number): boolean {
    const vm = this.state;
    const addr = pfn * 2 ** vm.deps.machine.description.arch.pageShift;
    if (addr < vm.addr || addr >= vm.addr + vm.regionSize) return true;
    if (vm.pluggedSize === 0) return false;
    const block = Math.floor(addr / vm.deviceBlockSize) * vm.deviceBlockSize;
    if (block !== this.lastBlock) {
      this.lastPlugged = sendState(vm, block, vm.deviceBlockSize) === BLOCK_STATE.PLUGGED;
      this.lastBlock = block;
    }
    return this.lastPlugged;
  }
}
