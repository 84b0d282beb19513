/**
 * What can be looked at: module parameters in sysfs, gauges, and a report section with the drivers' books.
 *
 * Models: /sys/module/virtio_mem/parameters; drivers/virtio/virtio_mem.c module_param(), kernel/params.c, 6.12.
 */
import { ERRNO, type Hasher, type Machine, type SubsystemScope } from '@replug/core';
import { BB_NAMES } from './driver/big-blocks.ts';
import type { DriverDeps } from './driver/deps.ts';
import type { DriverState } from './driver/state.ts';
import { MB_NAMES, type SubBlocks } from './driver/sub-blocks.ts';
import { checkAll } from './invariants.ts';
import { REQUEST_NAMES, RESPONSE_NAMES } from './protocol.ts';
import type { VirtioMem } from './virtio-mem.ts';

const PARAMETERS = '/sys/module/virtio_mem/parameters';
const TRUE = /^(y|Y|t|T|1|on|ON|On)\n?$/;
const FALSE = /^(n|N|f|F|0|off|OFF|Off)\n?$/;
const yesNo = (value: boolean): string => (value ? 'Y\n' : 'N\n');

export function publish(scope: SubsystemScope, machine: Machine, deps: DriverDeps, mem: VirtioMem): void {
  const { parameters } = deps;
  scope.control(
    `${PARAMETERS}/unplug_online`,
    (text) => {
      if (!TRUE.test(text) && !FALSE.test(text)) return -ERRNO.EINVAL;
      parameters.unplugOnline = TRUE.test(text);
      return 0;
    },
    () => yesNo(parameters.unplugOnline),
  );
  scope.view(`${PARAMETERS}/force_bbm`, () => yesNo(parameters.forceBbm));
  scope.view(`${PARAMETERS}/bbm_block_size`, () => `${parameters.bbmBlockSize}\n`);
  const sum = (of: (vm: DriverState) => number) => (): number =>
    mem.bound.reduce((total, { state }) => total + of(state), 0);
  scope.gauge('plugged_bytes', () => mem.host.devices.reduce((bytes, device) => bytes + device.size, 0));
  scope.gauge('requested_bytes', () => mem.host.devices.reduce((bytes, device) => bytes + device.requestedSize, 0));
  scope.gauge(
    'offline_bytes',
    sum((vm) => vm.offlineSize),
  );
  scope.gauge(
    'requests',
    sum((vm) => vm.counts.requests),
  );
  scope.gauge(
    'fake_offline_tries',
    sum((vm) => vm.counts.fakeOfflineTries),
  );
  scope.gauge(
    'fake_offline_failures',
    sum((vm) => vm.counts.fakeOfflineFailures),
  );
  scope.gauge(
    'tries_saved',
    sum((vm) => vm.counts.triesSaved),
  );
  scope.gauge(
    'spins',
    sum((vm) => vm.counts.spins),
  );
  scope.gauge(
    'warnings',
    sum((vm) => vm.counts.warnings),
  );
  scope.gauge(
    'oom_plugs',
    sum((vm) => vm.counts.oomPlugs),
  );
  scope.gauge(
    'broken',
    sum((vm) => Number(vm.broken || vm.hung)),
  );
  scope.section('devices', () => mem.bound.map(({ state }) => describe(state)));
  scope.hash('contract', (hasher) => hashDevices(hasher, mem));
  scope.hash('state', (hasher) => {
    hashDevices(hasher, mem);
    for (const { state } of mem.bound) hashDriver(hasher, state);
  });
  scope.invariant('devices, drivers and pages', () => checkAll(machine, mem));
}

/** What is plugged, and how much is wanted. */
function hashDevices(hasher: Hasher, mem: VirtioMem): void {
  for (const device of mem.host.devices) {
    hasher.text(device.id).integer(device.addr).integer(device.size).integer(device.requestedSize);
    device.plugged.forEach((bit, block) => bit === 1 && hasher.integer(block));
  }
}

function hashDriver(hasher: Hasher, vm: DriverState): void {
  hasher.text(vm.name).integer(vm.offlineSize).integer(vm.retryMs).word(Number(vm.broken));
  const books = vm.sbm ?? vm.bbm;
  if (books === undefined) return;
  for (let id = books.firstId; id < books.nextId; id++) hasher.word(books.state(id));
}

function describe(vm: DriverState): unknown {
  return {
    id: vm.device.id,
    name: vm.name,
    mode: vm.sbm === undefined ? 'big blocks' : 'sub-blocks',
    requested: vm.device.requestedSize,
    plugged: vm.device.size,
    offline: vm.offlineSize,
    broken: vm.broken,
    retryMs: vm.retryMs,
    retryAtNs: vm.timerDue,
    counts: { ...vm.counts },
    states: histogram(vm),
    blocks: vm.sbm === undefined ? [] : bitmaps(vm.sbm),
    runs: vm.runs.slice(-100),
    requests: vm.requests.slice(-100).map((request) => ({
      type: REQUEST_NAMES[request.type],
      addr: `0x${request.addr.toString(16)}`,
      blocks: request.blocks,
      response: RESPONSE_NAMES[request.response] ?? 'none',
    })),
  };
}

function histogram({ sbm, bbm }: DriverState): Record<string, number> {
  const names = sbm !== undefined ? MB_NAMES : BB_NAMES;
  const counts = sbm?.histogram() ?? bbm?.histogram() ?? [];
  return Object.fromEntries(names.map((name, i) => [name, counts[i] ?? 0]).filter(([, count]) => count !== 0));
}

function bitmaps(sbm: SubBlocks): { block: number; state: string; plugged: string }[] {
  const rows: { block: number; state: string; plugged: string }[] = [];
  for (let id = sbm.firstId; id < sbm.nextId; id++)
    rows.push({ block: id, state: MB_NAMES[sbm.state(id)], plugged: sbm.bitmap(id) });
  return rows;
}
