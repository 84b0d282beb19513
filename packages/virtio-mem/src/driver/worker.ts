/**
 * The worker: brings what is plugged to what is requested, and says when to try again.
 *
 *   0         done; the next wait is the shortest again
 *   −ENOSPC   enough is offline already: wait for memory to come online, or a config change
 *   −ETXTBSY, −EBUSY, −ENOMEM   the retry timer: 50 s, doubling at each expiry up to 300 s
 *   −EAGAIN   the request changed on the way: once more, at once
 *   else      the device is broken, for ever
 *
 * A device that refuses what its own config space asks for makes the kernel go round for ever. The model stops after
 * SPIN_LIMIT rounds without a config change and counts it (`spins`).
 *
 * Models: drivers/virtio/virtio_mem.c virtio_mem_run_wq(), virtio_mem_refresh_config(), virtio_mem_cleanup_pending_mb(), 6.12.
 */
import { ERRNO } from '@replug/core';
import { CONFIG } from '../config-space.ts';
import { readLe64 } from '../protocol.ts';
import { bbmPlugRequest, bbmUnplugRequest } from './bbm.ts';
import { BB } from './big-blocks.ts';
import { cancelTimer, startTimer } from './queue.ts';
import { sendUnplug, sendUnplugAll } from './requests.ts';
import { sbmPlugRequest } from './sbm-plug.ts';
import { sbmUnplugRequest, tryRemoveUnplugged, unplugRaw } from './sbm-unplug.ts';
import { ETXTBSY, type DriverState } from './state.ts';
import { MB } from './sub-blocks.ts';

const SPIN_LIMIT = 100;

export function runWorker(vm: DriverState): void {
  cancelTimer(vm);
  if (vm.broken || vm.hung || vm.removing) return;
  vm.wqActive = true;
  let rc: number;
  let spins = 0;
  do {
    spins = vm.configChanged ? 0 : spins + 1;
    rc = round(vm);
  } while (rc === -ERRNO.EAGAIN && !vm.hung && spins < SPIN_LIMIT);
  let timerMs = 0;
  switch (rc) {
    case 0:
      vm.retryMs = vm.minRetryMs;
      break;
    case -ERRNO.ENOSPC:
      break;
    case -ETXTBSY:
    case -ERRNO.EBUSY:
    case -ERRNO.ENOMEM:
      timerMs = vm.retryMs;
      if (!vm.hung) startTimer(vm);
      break;
    case -ERRNO.EAGAIN:
      vm.counts.spins++;
      break;
    default:
      vm.error(`unknown error, marking device broken: ${rc}`);
      vm.broken = true;
  }
  vm.wqActive = false;
  vm.recordRun({ ns: vm.deps.clock.now, rc, plugged: vm.pluggedSize, requested: vm.requestedSize, timerMs });
}

function round(vm: DriverState): number {
  let rc = vm.unplugAllRequired ? sendUnplugAll(vm) : 0;
  if (vm.configChanged) {
    vm.configChanged = false;
    refreshConfig(vm);
  }
  if (rc === 0) rc = cleanupPending(vm);
  if (rc === 0 && vm.requestedSize !== vm.pluggedSize) {
    const bytes = vm.requestedSize - vm.pluggedSize;
    rc = bytes > 0 ? plugRequest(vm, bytes) : unplugRequest(vm, -bytes);
  }
  if (rc === 0 && vm.sbm?.haveUnplugged === true) return -ERRNO.EBUSY;
  return rc;
}

function plugRequest(vm: DriverState, bytes: number): number {
  return vm.sbm === undefined ? bbmPlugRequest(vm, vm.bbm!, bytes) : sbmPlugRequest(vm, vm.sbm, bytes);
}

function unplugRequest(vm: DriverState, bytes: number): number {
  return vm.sbm === undefined ? bbmUnplugRequest(vm, vm.bbm!, bytes) : sbmUnplugRequest(vm, vm.sbm, bytes);
}

/** Reads the sizes that may change. */
function refreshConfig(vm: DriverState): void {
  const config = vm.device.config();
  const plugged = readLe64(config, CONFIG.PLUGGED_SIZE);
  if (plugged !== vm.pluggedSize) {
    vm.counts.warnings++;
    vm.pluggedSize = plugged;
  }
  const usable = readLe64(config, CONFIG.USABLE_REGION_SIZE);
  const addressable = 2 ** vm.deps.machine.description.arch.maxPhysmemBits;
  const end = Math.min(vm.addr + usable, addressable);
  if (vm.sbm !== undefined) vm.sbm.lastUsableId = Math.floor(end / vm.blockBytes) - 1;
  else vm.bbm!.lastUsableId = Math.floor(end / vm.bbm!.size) - 1;
  vm.requestedSize = readLe64(config, CONFIG.REQUESTED_SIZE);
  vm.info(`plugged size: 0x${vm.pluggedSize.toString(16)}`);
  vm.info(`requested size: 0x${vm.requestedSize.toString(16)}`);
}

const PARTIAL = [MB.MOVABLE_PARTIAL, MB.KERNEL_PARTIAL, MB.OFFLINE_PARTIAL] as const;

/** Returns what was plugged but never added, and removes blocks that could not be removed before. */
function cleanupPending(vm: DriverState): number {
  const { sbm, bbm } = vm;
  if (bbm !== undefined) {
    for (let id = bbm.firstId; id < bbm.nextId && bbm.count(BB.PLUGGED) > 0; id++) {
      if (bbm.state(id) !== BB.PLUGGED) continue;
      const rc = sendUnplug(vm, id * bbm.size, bbm.size);
      if (rc !== 0) return rc;
      bbm.setState(id, BB.UNUSED);
    }
    return 0;
  }
  if (sbm === undefined) return 0;
  for (let id = sbm.firstId; id < sbm.nextId && sbm.count(MB.PLUGGED) > 0; id++) {
    if (sbm.state(id) !== MB.PLUGGED) continue;
    const rc = unplugRaw(vm, sbm, id, { left: sbm.perBlock });
    if (rc !== 0) return rc;
    sbm.setState(id, MB.UNUSED);
  }
  if (!sbm.haveUnplugged) return 0;
  sbm.haveUnplugged = false;
  vm.mutexHeld = true;
  let failed = false;
  for (const state of PARTIAL) {
    for (let id = sbm.firstId; id < sbm.nextId && sbm.count(state) > 0; id++)
      if (sbm.state(id) === state && tryRemoveUnplugged(vm, sbm, id) !== 0) failed = true;
  }
  vm.mutexHeld = false;
  if (failed) sbm.haveUnplugged = true;
  return 0;
}
