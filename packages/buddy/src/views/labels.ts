import type { Zone } from '@replug/core';

/** `Node 0, zone   Normal `: the kernel's `Node %d, zone %8s `. */
export function zoneLabel(zone: Zone): string {
  return `Node ${zone.nid}, zone ${zone.name.padStart(8)} `;
}
