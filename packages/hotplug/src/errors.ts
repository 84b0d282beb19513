/** Texts of RP21xx: misuse of the hotplug subsystem. What the kernel refuses is an errno, not an error here. */
import { ReplugError } from '@replug/core';

const who = 'hotplug';

export const badOption = (value: string, hint: string) =>
  new ReplugError({ code: 'RP2101', who, what: 'option is not what it should be', value, hint });
export const noPreferMovableZone = () =>
  new ReplugError({
    code: 'RP2102',
    who,
    what: 'preferMovableRatio without a zone PreferMovable',
    hint: "add it to the machine: prefer_movable in a spec, or 'PreferMovable' in arch.zoneKinds",
  });
