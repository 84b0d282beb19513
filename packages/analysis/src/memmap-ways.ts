/**
 * The ways in which struct pages of devices are, or were to be, initialised: who works, who waits for whom.
 *
 * Models: mm/memremap.c before and since 4.20; the 2018 series v1 and v2; compound pages and altmap of 6.12.
 */
import { SERIES_V1, SERIES_V2 } from '@replug/zone-device';

/** How the devices of a machine are initialised. */
export interface MemmapWay {
  readonly name: string;
  readonly how: string;
  readonly threads: number;
  readonly ranges: number;
  /** Devices wait for each other: on the whole machine, on their node, or not at all. */
  readonly queue: 'machine' | 'node' | 'none';
  /** The device is there before its pages are. */
  readonly early: boolean;
  /** Order of compound pages in bytes (log2), 0 for none. */
  readonly compoundShift: number;
  readonly onDevice: boolean;
}

const PLAIN = { threads: 1, ranges: 1, early: false, compoundShift: 0, onDevice: false } as const;
export const MEMMAP_WAYS: readonly MemmapWay[] = [
  {
    ...PLAIN,
    name: 'serial',
    queue: 'machine',
    how: 'one thread, one device after the other, under the hotplug lock (before 4.20)',
  },
  {
    ...PLAIN,
    name: 'per-node',
    queue: 'node',
    how: 'one thread a node, the device is there when it is through (4.20 and later)',
  },
  {
    ...PLAIN,
    ...SERIES_V1,
    name: 'async',
    queue: 'none',
    early: true,
    how: '16 threads a device in the background; a fault waits for the thread of its range (2018 series, v1)',
  },
  {
    ...PLAIN,
    ...SERIES_V2,
    name: 'async+steal',
    queue: 'none',
    early: true,
    how: '8 threads a device; a fault takes over 1/1024 of the work (2018 series, v2)',
  },
  {
    ...PLAIN,
    name: 'deduplicated',
    queue: 'node',
    compoundShift: 21,
    how: 'as per-node, compound pages of 2 MiB that share the memmap of their tails (devdax)',
  },
  { ...PLAIN, name: 'altmap', queue: 'node', onDevice: true, how: 'as per-node, the memmap lies on the device' },
];
