/**
 * The human monitor's commands as operator commands, so that scenarios and the shell resize devices beside writing files.
 * They print what QEMU prints; what it refuses is RP2209 with its words.
 */
import type { SubsystemScope } from '@replug/core';
import { monitorRefused } from './errors.ts';
import { Monitor } from './monitor.ts';
import type { VirtioMem } from './virtio-mem.ts';

const COMMANDS: Readonly<Record<string, { readonly usage: string; readonly summary: string }>> = {
  'info memory-devices': { usage: '', summary: 'memory devices, as the monitor of QEMU lists them' },
  'qom-get': { usage: 'ID PROPERTY', summary: 'a property of a device or a backend' },
  'qom-set': { usage: 'ID requested-size SIZE', summary: 'ask a device to grow or shrink' },
  object_add: { usage: 'memory-backend-ram,id=ID,size=SIZE', summary: 'memory of the host for a device' },
  object_del: { usage: 'ID', summary: 'give a backend back' },
  device_add: {
    usage: 'virtio-mem-pci,id=ID,memdev=ID[,node=N][,requested-size=SIZE][,block-size=SIZE][,memaddr=ADDRESS]',
    summary: 'add a device while the guest runs',
  },
  device_del: { usage: 'ID', summary: 'remove a device of which nothing is plugged' },
};

export function publishCommands(scope: SubsystemScope, mem: VirtioMem): void {
  const monitor = new Monitor(mem);
  for (const [name, about] of Object.entries(COMMANDS)) {
    scope.command(name, {
      ...about,
      run: (args) => {
        const { refused, text } = monitor.answer(`${name} ${args}`);
        if (refused) throw monitorRefused(text);
        return text;
      },
    });
  }
}
