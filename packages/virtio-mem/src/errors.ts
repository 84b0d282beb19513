/** Texts of RP22xx: virtio-mem devices that cannot be, host commands that QEMU refuses, and what a kernel would die of. */
import { ReplugError } from '@replug/core';

const who = 'virtio-mem';

/** What QEMU answers with "Error: …" (class GenericError). `what` is QEMU's own sentence. */
export const refused = (text: string) => new ReplugError({ code: 'RP2201', who, what: text });
/** QEMU's class DeviceNotFound. */
export const deviceNotFound = (id: string) =>
  new ReplugError({ code: 'RP2202', who, what: `Device '${id}' not found` });
export const badSize = (option: string, value: unknown) =>
  new ReplugError({
    code: 'RP2203',
    who,
    what: `option ${option} is no size in bytes`,
    value,
    hint: 'such as 2M or 16G',
  });
export const badParameter = (name: string, value: unknown, hint: string) =>
  new ReplugError({ code: 'RP2204', who, what: `parameter ${name} cannot be this`, value, hint });
/** A notifier came while the driver held the mutex that the notifier takes: a real kernel would hang for ever. */
export const wouldDeadlock = (action: string) =>
  new ReplugError({ code: 'RP2205', who, what: 'notified while the driver holds its hotplug mutex', value: action });
/** A BUG_ON() of the driver. */
export const kernelBug = (what: string, value: unknown) =>
  new ReplugError({ code: 'RP2206', who, what: `the kernel would BUG: ${what}`, value });
export const noSuchDriver = (id: string) =>
  new ReplugError({ code: 'RP2207', who, what: 'no driver is bound to a device of this id', value: id });
export const noPreferMovable = () =>
  new ReplugError({
    code: 'RP2208',
    who,
    what: 'future.preferMovable on a machine without a zone PreferMovable',
    hint: 'add the zone to the machine and hotplug({ preferMovableRatio: 4 })',
  });
/** What the monitor answers to a line that it refuses, as an operator's command. `text` is what it prints. */
export const monitorRefused = (text: string) =>
  new ReplugError({ code: 'RP2209', who: 'QEMU monitor', what: text.trimEnd().replace(/^Error: /, '') });
