/**
 * The files of hotplug: writes to memory blocks, the settings beside them, module parameters, poisoning, node meminfo.
 * The same text is refused with the same error as by the kernel.
 *
 * Models: drivers/base/memory.c state_store(), auto_online_blocks_store(), probe_store(), soft_offline_page_store();
 * drivers/base/core.c online_store(); mm/memory_hotplug.c module parameters; drivers/base/node.c, 6.1 and 6.12. Left out:
 * lines of meminfo that the model does not drive.
 */
import {
  ERRNO,
  errnoName,
  KernfsError,
  MemoryBlockFiles,
  nodeOfPfn,
  type OfflineOutcome,
  type OnlineType,
  type SubsystemScope,
} from '@replug/core';
import type { HotplugContext } from './context.ts';
import type { Hotplug } from './hotplug.ts';
import { ONLINE_POLICIES, ONLINE_TYPES } from './options.ts';
import { hardOffline, softOffline } from './poison.ts';

const MEMORY = '/sys/devices/system/memory';
const PARAMETERS = '/sys/module/memory_hotplug/parameters';

export function publishFiles(scope: SubsystemScope, context: HotplugContext, hotplug: Hotplug): void {
  const { machine } = context.deps;
  const { arch, profile } = machine.description;
  scope.takeSlot(MemoryBlockFiles, {
    writeState: (id, text) => {
      const type = onlineType(text);
      if (type === undefined) return -ERRNO.EINVAL;
      const state = machine.blocks.get(id)?.state;
      if (type === 'offline') return state === 'offline' ? -ERRNO.EINVAL : offline(id);
      const errno = hotplug.online(id, type);
      return errno > 0 ? -ERRNO.EINVAL : errno;
    },
    writeOnline: (id, text) => {
      const on = parseBool(text);
      if (on === undefined) return -ERRNO.EINVAL;
      return on ? Math.min(0, hotplug.online(id, 'online')) : offline(id);
    },
    zones: (id) => context.choice.names(machine.blocks.get(id)!),
  });
  publishSettings(scope, context);
  const address = (act: (pfn: number) => number) => (text: string) => {
    const bytes = parseUnsigned(text);
    return bytes === undefined ? -ERRNO.EINVAL : act(Math.floor(bytes / 2 ** arch.pageShift));
  };
  scope.control(
    `${MEMORY}/soft_offline_page`,
    address((pfn) => softOffline(context, pfn)),
  );
  scope.control(
    `${MEMORY}/hard_offline_page`,
    address((pfn) => hardOffline(context, pfn)),
  );
  if (profile !== '6.1' && arch.machine === 'x86_64') scope.view(`${MEMORY}/crash_hotplug`, () => '0\n');
  // CONFIG_ARCH_MEMORY_PROBE.
  if (arch.machine !== 's390x' && arch.machine !== 'aarch64') {
    scope.control(`${MEMORY}/probe`, (text) => {
      const bytes = parseUnsigned(text);
      if (bytes === undefined || bytes % machine.description.memoryBlockSize !== 0) return -ERRNO.EINVAL;
      const pfn = bytes / 2 ** arch.pageShift;
      const known = nodeOfPfn(machine.memory, pfn);
      return hotplug.addMemory(known < 0 ? machine.zones.nodes[0].nid : known, pfn, hotplug.blockPages);
    });
  }
  if (arch.numa) publishNodeMeminfo(scope, context);

  function offline(id: number): number {
    const outcome = hotplug.offline(id);
    if (outcome.errno < 0) throw refusal(outcome);
    return 0;
  }
}

function publishSettings(scope: SubsystemScope, { settings, deps }: HotplugContext): void {
  scope.control(
    `${MEMORY}/auto_online_blocks`,
    (text) => {
      const type = onlineType(text);
      if (type === undefined) return -ERRNO.EINVAL;
      settings.defaultOnlineType = type;
      return 0;
    },
    () => `${settings.defaultOnlineType}\n`,
  );
  scope.control(
    `${PARAMETERS}/online_policy`,
    (text) => {
      const policy = ONLINE_POLICIES.find((one) => one === text);
      if (policy === undefined) return -ERRNO.EINVAL;
      settings.onlinePolicy = policy;
      return 0;
    },
    () => `${settings.onlinePolicy}\n`,
  );
  scope.control(
    `${PARAMETERS}/auto_movable_ratio`,
    (text) => {
      const ratio = parseUnsigned(text);
      if (ratio === undefined) return -ERRNO.EINVAL;
      if (ratio >= 2 ** 32) return -ERRNO.ERANGE;
      settings.autoMovableRatio = ratio;
      return 0;
    },
    () => `${settings.autoMovableRatio}\n`,
  );
  if (deps.machine.description.arch.numa) {
    scope.control(
      `${PARAMETERS}/auto_movable_numa_aware`,
      (text) => {
        const on = parseBool(text);
        if (on === undefined) return -ERRNO.EINVAL;
        settings.autoMovableNumaAware = on;
        return 0;
      },
      () => (settings.autoMovableNumaAware ? 'Y\n' : 'N\n'),
    );
  }
  const modes = { disable: 'N', enable: 'Y', force: 'force' };
  scope.view(`${PARAMETERS}/memmap_on_memory`, () => `${modes[settings.memmapOnMemory]}\n`);
}

function publishNodeMeminfo(scope: SubsystemScope, { deps: { machine, allocator } }: HotplugContext): void {
  const kB = 2 ** (machine.description.arch.pageShift - 10);
  scope.directory('/sys/devices/system/node', {
    list: () => machine.zones.nodes.filter((n) => n.online).map((n) => `node${n.nid}`),
    entry: (name) => {
      const node = machine.zones.nodes.find((n) => n.online && `node${n.nid}` === name);
      if (node === undefined) return undefined;
      const read = (): string => {
        const total = node.managedPages * kB;
        const free = node.zones.reduce((sum, z) => sum + (z.populated ? allocator.freePages(z.index) : 0), 0) * kB;
        const line = (key: string, value: number): string =>
          `Node ${node.nid} ${`${key}:`.padEnd(15)} ${String(value).padStart(8)} kB\n`;
        return line('MemTotal', total) + line('MemFree', free) + line('MemUsed', total - free);
      };
      return { list: () => ['meminfo'], entry: (file) => (file === 'meminfo' ? { read } : undefined) };
    },
  });
}

/** Why a block did not go offline, as an error of the write. */
function refusal({ errno, reason, blocker, retrying }: OfflineOutcome): KernfsError {
  const name = errnoName(errno) ?? 'EIO';
  const where = blocker === undefined ? '' : `: pfn 0x${blocker.pfn.toString(16)}, ${blocker.why}`;
  const hint = retrying === true ? 'the kernel would go on trying until a signal comes' : undefined;
  return new KernfsError(name, `${reason ?? 'refused'}${where}`, undefined, { hint });
}

const onlineType = (text: string): OnlineType | undefined => ONLINE_TYPES.find((type) => type === text);

/** kstrtobool(). */
export function parseBool(text: string): boolean | undefined {
  if (/^[yYtT1]/.test(text) || /^[oO][nN]/.test(text)) return true;
  if (/^[nNfF0]/.test(text) || /^[oO][fF]/.test(text)) return false;
  return undefined;
}

/** kstrtoull() with base 0: decimal, 0x… or octal; undefined for anything else, and past what a double holds exactly. */
export function parseUnsigned(text: string): number | undefined {
  const match = /^\+?(?:0x([0-9a-f]+)|(0[0-7]*)|([1-9]\d*))$/i.exec(text);
  if (match === null) return undefined;
  const [, hex, octal, decimal] = match;
  const value = hex !== undefined ? parseInt(hex, 16) : octal !== undefined ? parseInt(octal, 8) : Number(decimal);
  return Number.isSafeInteger(value) ? value : undefined;
}
