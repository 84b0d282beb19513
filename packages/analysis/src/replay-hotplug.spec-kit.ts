/** What the specs of recorded hotplug compare: memory blocks as the trace and the steps show them, zones as zoneinfo prints them. */
import { Core, type Machine } from '@replug/core';
import { findSpan, migratetypeTable, planHotplug, replayRecorded } from '@replug/replay';
import type { Recording, Step } from '@replug/workload';
import { recordedKernel } from './replay.ts';

/** Changes of memory blocks in the order of events: `6 off`, `6 Movable`. */
export function blockChanges(recording: Recording): string[] {
  const span = findSpan(recording, { kind: 'start' }, { kind: 'end' });
  using kernel = recordedKernel(recording, span);
  const machine = kernel.get(Core.Machine);
  const { changes } = planHotplug(span, machine, migratetypeTable(machine.description.cma), true);
  return changes.map(({ start, stop, zone }) => {
    const id = start / (stop - start);
    return `${id} ${zone < 0 ? 'off' : machine.zones.all[zone].name}`;
  });
}

export interface ZoneSizes {
  readonly zone: string;
  readonly present: number;
  readonly managed: number;
  readonly spanned: number;
  readonly marks: readonly number[];
}

/** Zones with pages when a step was read: in the model, and in its zoneinfo. */
export function zonesAt(
  recording: Recording,
  ref: string,
): { readonly model: ZoneSizes[]; readonly real: ZoneSizes[] } {
  const span = findSpan(recording, { kind: 'start' }, { kind: 'step', ref });
  using kernel = recordedKernel(recording, span);
  replayRecorded(kernel, span);
  return { model: modelled(kernel.get(Core.Machine)), real: printed(span.stops.at(-1)!.step) };
}

function modelled({ zones }: Machine): ZoneSizes[] {
  return zones.all
    .filter((z) => z.populated)
    .map((z) => ({
      zone: `${z.nid} ${z.name}`,
      present: z.presentPages,
      managed: z.managedPages,
      spanned: z.spannedPages,
      marks: [z.watermark.min, z.watermark.low, z.watermark.high],
    }));
}

function printed({ zoneinfo }: Step): ZoneSizes[] {
  return zoneinfo!.zones
    .filter((z) => z.present > 0)
    .map((z) => ({
      zone: `${z.node} ${z.name}`,
      present: z.present,
      managed: z.managed ?? -1,
      spanned: z.spanned,
      marks: [z.min, z.low, z.high].map((mark) => mark - (z.boost ?? 0)),
    }));
}
