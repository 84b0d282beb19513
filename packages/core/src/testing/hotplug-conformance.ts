/**
 * What every provider of MemoryHotplug must do, over whatever page allocator:
 *
 *   for (const { name, run } of memoryHotplugCases)
 *     it(name, () => run((machine) => createKernel({ machine, subsystems: [allocator(), hotplug()] })));
 *
 * The kernel's default online type is offline, its policy contig-zones.
 */
import { MemoryHotplug } from '../contracts/memory-hotplug.ts';
import { PageAllocator } from '../contracts/page-allocator.ts';
import { PageMigrator } from '../contracts/page-migrator.ts';
import { Core } from '../contracts/services.ts';
import { MEM } from '../events/memory-notifier.ts';
import { NOTIFY, notifierFromErrno } from '../events/notifier-chain.ts';
import { ERRNO } from '../host/errno.ts';
import type { Kernel } from '../host/kernel.ts';
import { ARCH_PROFILES } from '../machine/arch-profiles.ts';
import { GFP_MASKS } from '../machine/gfp.ts';
import type { KernelProfile, MachineDescription } from '../machine/machine-description.ts';
import { equal, sound, type ConformanceCase } from './conformance.ts';

/** Pages of a memory block of `hotplugMachine`: one section. */
export const BLOCK = 256;

/**
 * Blocks of 256 pages: 0–3 are node 0's, 4–5 node 1's, node 2 is possible and has none. 16 blocks may be added. Powerpc with
 * 64 KiB pages, because its sections are small; no zone below Normal.
 */
export function hotplugMachine(profile: KernelProfile = '6.12', spareBlocks = 16): MachineDescription {
  return {
    arch: ARCH_PROFILES['ppc64-64k-radix'],
    profile,
    cpus: 2,
    nodes: [
      { nid: 0, cpus: [0, 1], distances: [10, 20, 40] },
      { nid: 1, cpus: [], distances: [20, 10, 40] },
      { nid: 2, cpus: [], distances: [40, 40, 10], online: false },
    ],
    memory: [
      { nid: 0, start: 0, end: 4 * BLOCK },
      { nid: 1, start: 4 * BLOCK, end: 6 * BLOCK },
    ],
    zones: [
      { nid: 0, kind: 'Normal', startPfn: 0, spannedPages: 4 * BLOCK },
      { nid: 1, kind: 'Normal', startPfn: 4 * BLOCK, spannedPages: 2 * BLOCK },
    ],
    reserved: [{ start: 0, end: 16 }],
    memoryBlockSize: BLOCK * 65536,
    sysctl: {},
    khugepaged: false,
    cma: false,
    sparePages: spareBlocks * BLOCK,
  };
}

const zone = (kernel: Kernel, nid: number, name: string) => kernel.get(Core.Zones).find(nid, name)!;
const spans = (kernel: Kernel, nid: number, name: string): string => {
  const { startPfn, spannedPages, presentPages, managedPages } = zone(kernel, nid, name);
  return `${startPfn}+${spannedPages} present ${presentPages} managed ${managedPages}`;
};
const same = (actual: readonly unknown[], expected: readonly unknown[], what: string): void =>
  equal(actual.join(' | '), expected.join(' | '), what);

export const memoryHotplugCases: readonly ConformanceCase[] = [
  {
    name: 'adds, onlines, offlines and removes a block; all is then as before',
    run(make) {
      for (const profile of ['6.1', '6.12'] as const) {
        using kernel = make(hotplugMachine(profile));
        const memory = kernel.get(MemoryHotplug);
        equal(memory.blockPages, BLOCK, 'pages of a block');
        const before = kernel.contractHash();
        const iomem = kernel.read('/proc/iomem');
        equal(memory.addMemory(0, 8 * BLOCK, BLOCK), 0, 'add');
        equal(memory.blockState(8), 'offline', 'state of what was added');
        equal(spans(kernel, 0, 'Normal'), '0+1024 present 1024 managed 1008', 'zone while it is offline');
        sound(kernel);
        equal(memory.online(8, 'online'), 0, 'online');
        equal(memory.online(8, 'online'), 1, 'online again');
        equal(memory.blockZone(8), zone(kernel, 0, 'Normal').index, 'zone of the block');
        equal(spans(kernel, 0, 'Normal'), `0+${9 * BLOCK} present 1280 managed 1264`, 'zone with the block');
        sound(kernel);
        equal(memory.removeMemory(8 * BLOCK, BLOCK), -ERRNO.EBUSY, 'remove while online');
        equal(memory.offline(8).errno, 0, 'offline');
        equal(memory.blockZone(8), -1, 'zone of an offline block');
        sound(kernel);
        equal(memory.removeMemory(8 * BLOCK, BLOCK), 0, 'remove');
        equal(memory.blockState(8), undefined, 'state of what was removed');
        equal(kernel.contractHash(), before, 'contractHash');
        equal(kernel.read('/proc/iomem'), iomem, '/proc/iomem');
        sound(kernel);
      }
    },
  },
  {
    name: 'refuses what the kernel refuses, and nothing has changed',
    run(make) {
      using kernel = make(hotplugMachine());
      const memory = kernel.get(MemoryHotplug);
      const before = kernel.stateHash();
      equal(memory.addMemory(0, 8 * BLOCK, 0), -ERRNO.EINVAL, 'no pages');
      equal(memory.addMemory(0, 8 * BLOCK + 1, BLOCK), -ERRNO.EINVAL, 'start not aligned');
      equal(memory.addMemory(0, 8 * BLOCK, BLOCK + 1), -ERRNO.EINVAL, 'size not aligned');
      equal(memory.addMemory(0, NaN, BLOCK), -ERRNO.EINVAL, 'not a number');
      equal(memory.addMemory(7, 8 * BLOCK, BLOCK), -ERRNO.EINVAL, 'a node that is not possible');
      equal(memory.addMemory(0, 2 * BLOCK, BLOCK), -ERRNO.EEXIST, 'memory that is there');
      equal(memory.addMemory(0, 3 * BLOCK, 2 * BLOCK), -ERRNO.EEXIST, 'memory that is there in part');
      equal(memory.addMemory(0, 2 ** 36, BLOCK), -ERRNO.E2BIG, 'beyond what can be addressed');
      equal(memory.addMemory(0, 8 * BLOCK, BLOCK, { groupId: 3 }), -ERRNO.EINVAL, 'a group that is not there');
      equal(memory.addMemory(0, 8 * BLOCK, BLOCK, { resourceName: 'RAM' }), -ERRNO.EINVAL, "a driver's name");
      equal(memory.addMemory(0, 8 * BLOCK, 17 * BLOCK), -ERRNO.ENOMEM, 'more than there are rows for');
      equal(memory.online(8, 'online'), -ERRNO.ENODEV, 'online of no block');
      equal(memory.offline(8).errno, -ERRNO.ENODEV, 'offline of no block');
      equal(memory.removeMemory(0, BLOCK), -ERRNO.EBUSY, 'remove what is online');
      equal(memory.removeMemory(8 * BLOCK, BLOCK), -ERRNO.EINVAL, 'remove what is not there');
      equal(memory.offlineAndRemove(8 * BLOCK, 1).errno, -ERRNO.EINVAL, 'offline and remove a part of a block');
      equal(memory.unregisterGroup(0), -ERRNO.EINVAL, 'a group that is not there');
      equal(kernel.stateHash(), before, 'stateHash');
      sound(kernel);
    },
  },
  {
    name: 'chooses zones as contig-zones does and shrinks spans past holes',
    run(make) {
      using kernel = make(hotplugMachine());
      const memory = kernel.get(MemoryHotplug);
      equal(memory.addMemory(0, 8 * BLOCK, 8 * BLOCK), 0, 'add');
      for (const id of [12, 13]) equal(memory.online(id, 'online_movable'), 0, `memory${id} movable`);
      const names = (id: number) => kernel.read(`/sys/devices/system/memory/memory${id}/valid_zones`);
      same([names(8), names(12)], ['Normal Movable\n', 'Movable\n'], 'valid_zones');
      equal(memory.online(14, 'online_kernel'), 0, 'kernel');
      // Inside both spans a plain online goes to the kernel's zone; inside MOVABLE's alone to MOVABLE.
      equal(names(15), 'Normal Movable\n', 'behind both');
      equal(memory.online(15, 'online_movable'), 0, 'movable');
      equal(memory.offline(14).errno, 0, 'offline in the middle');
      equal(spans(kernel, 0, 'Normal'), '0+1024 present 1024 managed 1008', 'Normal shrank past the hole');
      equal(
        spans(kernel, 0, 'Movable'),
        `${12 * BLOCK}+${4 * BLOCK} present 768 managed 768`,
        'Movable keeps its span',
      );
      equal(names(14), 'Movable Normal\n', 'inside the span of MOVABLE alone');
      equal(memory.offline(15).errno, 0, 'offline at the end');
      equal(spans(kernel, 0, 'Movable'), `${12 * BLOCK}+${2 * BLOCK} present 512 managed 512`, 'its end');
      for (const id of [12, 13]) equal(memory.offline(id).errno, 0, `memory${id} offline`);
      equal(spans(kernel, 0, 'Movable'), '0+0 present 0 managed 0', 'an empty zone');
      sound(kernel);
    },
  },
  {
    name: 'tells the chain in the order of the kernel',
    run(make) {
      for (const profile of ['6.1', '6.12'] as const) {
        using kernel = make(hotplugMachine(profile));
        const memory = kernel.get(MemoryHotplug);
        const told: string[] = [];
        kernel.get(Core.MemoryNotifiers).register((action, { startPfn, nrPages, statusChangeNid }) => {
          told.push(`${action.slice(4)} ${startPfn / BLOCK}+${nrPages / BLOCK} ${statusChangeNid}`);
        });
        equal(memory.addMemory(2, 8 * BLOCK, BLOCK), 0, 'add');
        equal(memory.online(8, 'online'), 0, 'online');
        equal(memory.offline(8).errno, 0, 'offline');
        const altmap = profile === '6.12';
        same(
          told,
          [
            ...(altmap ? ['PREPARE_ONLINE 8+1 -1'] : []),
            'GOING_ONLINE 8+1 2',
            'ONLINE 8+1 2',
            'GOING_OFFLINE 8+1 2',
            'OFFLINE 8+1 2',
            ...(altmap ? ['FINISH_OFFLINE 8+1 -1'] : []),
          ],
          `actions of ${profile}`,
        );
      }
    },
  },
  {
    name: 'a veto at any point leaves everything as it was',
    run(make) {
      for (const action of [MEM.PREPARE_ONLINE, MEM.GOING_ONLINE, MEM.GOING_OFFLINE] as const) {
        for (const result of [NOTIFY.BAD, notifierFromErrno(-ERRNO.ENOMEM)]) {
          using kernel = make(hotplugMachine());
          const memory = kernel.get(MemoryHotplug);
          equal(memory.addMemory(0, 8 * BLOCK, BLOCK), 0, 'add');
          if (action === MEM.GOING_OFFLINE) equal(memory.online(8, 'online_movable'), 0, 'online');
          const [state, contract] = [kernel.stateHash(), kernel.contractHash()];
          const told: string[] = [];
          const chain = kernel.get(Core.MemoryNotifiers);
          using _watch = chain.register((what) => void told.push(what), 10);
          using _veto = chain.register((what) => (what === action ? result : NOTIFY.OK));
          const errno = action === MEM.GOING_OFFLINE ? memory.offline(8).errno : memory.online(8, 'online_movable');
          equal(errno, result === NOTIFY.BAD ? -ERRNO.EPERM : -ERRNO.ENOMEM, `errno after a veto of ${action}`);
          equal(kernel.contractHash(), contract, `contractHash after a veto of ${action}`);
          if (action !== MEM.GOING_OFFLINE) equal(kernel.stateHash(), state, `stateHash after a veto of ${action}`);
          equal(memory.blockState(8), action === MEM.GOING_OFFLINE ? 'online' : 'offline', 'state of the block');
          equal(told.at(-1) === action, action === MEM.PREPARE_ONLINE, 'whether the chain was told to cancel');
          sound(kernel);
        }
      }
    },
  },
  {
    name: 'a node appears with its first memory and goes with its last',
    run(make) {
      using kernel = make(hotplugMachine());
      const memory = kernel.get(MemoryHotplug);
      const online = () => kernel.read('/sys/devices/system/node/online');
      same([online(), kernel.read('/sys/devices/system/node/possible')], ['0-1\n', '0-2\n'], 'at boot');
      equal(memory.addMemory(2, 8 * BLOCK, BLOCK), 0, 'add');
      same([online(), kernel.read('/sys/devices/system/node/has_memory')], ['0-2\n', '0-1\n'], 'with an offline block');
      equal(memory.online(8, 'online'), 0, 'online');
      equal(kernel.read('/sys/devices/system/node/has_memory'), '0-2\n', 'with an online block');
      equal(memory.offlineAndRemove(8 * BLOCK, BLOCK).errno, 0, 'offline and remove');
      equal(online(), '0-1\n', 'without');
      sound(kernel);
    },
  },
  {
    name: 'a block with a kernel page stays; one with movable pages empties',
    run(make) {
      using kernel = make(hotplugMachine());
      const memory = kernel.get(MemoryHotplug);
      const allocator = kernel.get(PageAllocator);
      equal(memory.addMemory(2, 8 * BLOCK, 2 * BLOCK), 0, 'add');
      equal(memory.online(8, 'online_kernel'), 0, 'kernel');
      const row = allocator.alloc(GFP_MASKS.GFP_KERNEL, 0, 0, 2);
      equal(kernel.get(Core.Pages).rowToPfn(row) >= 8 * BLOCK, true, 'the page is on the new node');
      const before = kernel.contractHash();
      const refused = memory.offline(8);
      same([refused.errno, refused.reason], [-ERRNO.EBUSY, 'failure to isolate range'], 'offline with a kernel page');
      equal(refused.blocker?.pfn, kernel.get(Core.Pages).rowToPfn(row), 'the page that stops it');
      equal(kernel.contractHash(), before, 'contractHash');
      allocator.free(row, 0, 0);
      equal(memory.offline(8).errno, 0, 'offline without it');
      equal(memory.online(9, 'online_movable'), 0, 'movable');
      const moved = allocator.alloc(GFP_MASKS.GFP_HIGHUSER_MOVABLE, 0, 0, 2);
      const outcome = memory.offline(9);
      same([outcome.errno, outcome.migrated], [0, 1], 'offline with a movable page');
      equal(kernel.get(Core.Pages).rowToPfn(moved) >= 0, true, 'rows stay');
      sound(kernel);
    },
  },
  {
    name: 'a pinned page is tried for ever: -EINTR, retrying, and the block is online and usable again',
    run(make) {
      for (const profile of ['6.1', '6.12'] as const) {
        using kernel = make(hotplugMachine(profile));
        const memory = kernel.get(MemoryHotplug);
        const allocator = kernel.get(PageAllocator);
        const migrator = kernel.get(PageMigrator);
        equal(memory.addMemory(2, 8 * BLOCK, BLOCK), 0, 'add');
        equal(memory.online(8, 'online_movable'), 0, 'online');
        const rows = Array.from({ length: 4 }, () => allocator.alloc(GFP_MASKS.GFP_HIGHUSER_MOVABLE, 0, 0, 2));
        migrator.setPinned(rows[2], true);
        const told: string[] = [];
        using _watch = kernel.get(Core.MemoryNotifiers).register((action) => void told.push(action));
        const outcome = memory.offline(8);
        same([outcome.errno, outcome.retrying, outcome.migrated], [-ERRNO.EINTR, true, 3], 'offline');
        same(told, [MEM.GOING_OFFLINE, MEM.CANCEL_OFFLINE], 'actions');
        equal(memory.blockState(8), 'online', 'state');
        sound(kernel);
        equal(allocator.alloc(GFP_MASKS.GFP_HIGHUSER_MOVABLE, 5, 0, 2) >= 0, true, 'the block gives pages again');
        migrator.setPinned(rows[2], false);
        equal(memory.offline(8).errno, 0, 'offline without the pin');
        sound(kernel);
      }
    },
  },
  {
    name: 'an offline block is as it was when it was added',
    run(make) {
      using kernel = make(hotplugMachine());
      const memory = kernel.get(MemoryHotplug);
      const { pages, blocks } = kernel.get(Core.Machine);
      equal(memory.addMemory(2, 8 * BLOCK, BLOCK), 0, 'add');
      const before = kernel.contractHash();
      equal(memory.online(8, 'online_movable'), 0, 'online');
      const row = kernel.get(PageAllocator).alloc(GFP_MASKS.GFP_HIGHUSER_MOVABLE, 3, 0, 2);
      kernel.get(PageAllocator).free(row, 3, 0);
      equal(memory.offline(8).errno, 0, 'offline');
      equal(kernel.contractHash(), before, 'contractHash');
      const base = pages.pfnToRow(8 * BLOCK);
      for (let at = base; at < base + BLOCK; at++) {
        if (pages.state[at] !== 0 || pages.pageClass[at] !== 0) throw new Error(`row ${at} remembers something`);
      }
      equal(blocks.get(8)?.zone, undefined, 'zone');
    },
  },
  {
    name: 'offline and remove brings back what went when one block stays',
    run(make) {
      using kernel = make(hotplugMachine());
      const memory = kernel.get(MemoryHotplug);
      equal(memory.addMemory(0, 8 * BLOCK, 3 * BLOCK), 0, 'add');
      equal(memory.online(8, 'online_movable'), 0, 'movable');
      equal(memory.online(9, 'online_kernel'), 0, 'kernel');
      const before = kernel.contractHash();
      const stop = kernel
        .get(Core.MemoryNotifiers)
        .register((action, { startPfn }) =>
          action === MEM.GOING_OFFLINE && startPfn === 9 * BLOCK ? NOTIFY.BAD : NOTIFY.OK,
        );
      equal(memory.offlineAndRemove(8 * BLOCK, 3 * BLOCK).errno, -ERRNO.EPERM, 'with a veto');
      same(
        [8, 9, 10].map((id) => memory.blockState(id)),
        ['online', 'online', 'offline'],
        'states',
      );
      equal(memory.blockZone(8), zone(kernel, 0, 'Movable').index, 'zone it came back to');
      equal(kernel.contractHash(), before, 'contractHash');
      stop[Symbol.dispose]();
      equal(memory.offlineAndRemove(8 * BLOCK, 3 * BLOCK).errno, 0, 'without');
      same(
        [8, 9, 10].map((id) => memory.blockState(id)),
        [undefined, undefined, undefined],
        'states',
      );
      sound(kernel);
    },
  },
  {
    name: 'files refuse what the kernel refuses',
    run(make) {
      using kernel = make(hotplugMachine());
      const MEMORY = '/sys/devices/system/memory';
      const errno = (path: string, text: string): string => {
        try {
          kernel.write(`${MEMORY}/${path}`, text);
          return 'ok';
        } catch (error) {
          return (error as { errno?: string }).errno ?? String(error);
        }
      };
      equal(kernel.get(MemoryHotplug).addMemory(0, 8 * BLOCK, BLOCK), 0, 'add');
      equal(errno('memory8/state', 'offline'), 'EINVAL', 'offline when it is offline');
      equal(errno('memory8/online', '0'), 'ok', 'online: the same is no error');
      equal(errno('memory8/state', 'onlin'), 'EINVAL', 'not a word');
      equal(errno('memory8/state', 'online_movable\n'), 'ok', 'with a newline');
      equal(errno('memory8/state', 'online'), 'EINVAL', 'online when it is online');
      equal(errno('memory8/online', '1'), 'ok', 'online: the same is no error');
      equal(kernel.read(`${MEMORY}/memory8/valid_zones`), 'Movable\n', 'valid_zones');
      equal(errno('memory8/online', 'maybe'), 'EINVAL', 'not a truth');
      equal(errno('memory0/state', 'offline'), 'EBUSY', 'a block with reserved pages');
      equal(errno('auto_online_blocks', 'on'), 'EINVAL', 'not an online type');
      equal(errno('auto_online_blocks', 'online_movable'), 'ok', 'an online type');
      equal(kernel.read(`${MEMORY}/auto_online_blocks`), 'online_movable\n', 'as it was written');
      equal(kernel.get(MemoryHotplug).addMemory(0, 9 * BLOCK, BLOCK), 0, 'add');
      equal(kernel.read(`${MEMORY}/memory9/state`), 'online\n', 'onlined at once');
      sound(kernel);
    },
  },
];
