/**
 * Options of virtioMem(): the devices of the machine, the driver's module parameters, the host, and the future work of
 * the 2019 cover letter, each part of it to be switched on by itself.
 */
export interface VirtioMemOptions {
  /** Devices that are there when the machine boots; more come by `device_add`. */
  readonly devices?: readonly DeviceOptions[];
  readonly driver?: Partial<DriverParameters>;
  readonly host?: HostOptions;
  readonly future?: FutureWork;
}

/** Sizes are bytes, or text such as `16G`. */
export interface DeviceOptions {
  readonly id: string;
  /** Size of the region: the most that the device can have. */
  readonly size: number | string;
  /** Default 0. */
  readonly node?: number;
  /** Default: the host's huge page, 2 MiB on x86-64. */
  readonly blockSize?: number | string;
  readonly requestedSize?: number | string;
  /** First byte of the region; default: first fit after RAM. */
  readonly addr?: number | string;
  /** Id of the memory backend; default `mem` and the device's number. */
  readonly memdev?: string;
  /** Name of the virtio device in the guest's log; default `virtio` and the device's number. */
  readonly name?: string;
  /** Bytes that are plugged already when the driver probes, from the region's start: a busy host's reset. Default 0. */
  readonly pluggedAtBoot?: number | string;
  /**
   * The machine was recorded with the device in use: it gets no driver until VirtioMem.adopt() is called, which reads from
   * the machine's blocks and pages what is plugged. Default false.
   */
  readonly adopt?: boolean;
}

export interface HostOptions {
  /** QEMU's maxmem, RAM included: bounds all devices together. Default: no bound. */
  readonly maxMemory?: number | string;
  /** Page size of the backends. Default 4 KiB. */
  readonly pageSize?: number | string;
  /** The device offers PERSISTENT_SUSPEND. Default true. */
  readonly persistentSuspend?: boolean;
  /** Wall-clock second at which virtual time 0 lies, for QMP timestamps. Default 0. */
  readonly epoch?: number;
}

/** Module parameters of virtio_mem, and the kind of kernel it runs in. */
export interface DriverParameters {
  /** 0644. Memory that is online may be unplugged. */
  readonly unplugOnline: boolean;
  /** 0444. Big-block mode even where sub-blocks would do. */
  readonly forceBbm: boolean;
  /** 0444. Bytes of a big block; 0: as large as needed. */
  readonly bbmBlockSize: number;
  /** A crash kernel: nothing is plugged; only which pages are RAM is asked. */
  readonly kdump: boolean;
}

export const DRIVER_DEFAULTS: DriverParameters = {
  unplugOnline: true,
  forceBbm: false,
  bbmBlockSize: 0,
  kdump: false,
};

/**
 * The letter's "Future work" (RFC v3 of virtio-mem, 2019), chapter 4, in its order. Everything is off by default: the
 * driver then does what 6.12 does. What the letter asked for and 6.12 has is not here but in the driver.
 */
export interface FutureWork {
  /** "Reduce the amount of memory resources": one entry for the device. 6.12 merges; false shows what RFC v3 had. */
  readonly mergeResources?: boolean;
  /** "Allocate the vmemmap from the added memory": blocks carry their own memmap. */
  readonly memmapOnMemory?: boolean;
  /** "Sense (lockless) if it make sense to try": ask what stands in the way before isolating anything. */
  readonly sense?: boolean;
  /** "Try to unplug bigger chunks if possible first": halves, quarters … of a memory block before single sub-blocks. */
  readonly biggerChunks?: boolean;
  /** "Identify free areas first": wholly free sub-blocks of all blocks before any that would have to be evacuated. */
  readonly freeAreasFirst?: boolean;
  /**
   * "ZONE_PREFER_MOVABLE": blocks of that zone are unplugged as those of ZONE_MOVABLE. Which blocks go there is
   * hotplug({ preferMovableRatio }); the machine needs the zone.
   */
  readonly preferMovable?: boolean;
  /** "Call drop_slab() before trying to unplug": once a request to shrink, or for each range that is tried. */
  readonly dropSlab?: 'once' | 'range';
  /** "Better retry handling": other waits (ms), and sub-blocks whose blocker still stands are not tried again. */
  readonly retry?: { readonly firstMs: number; readonly maxMs: number; readonly rememberBlockers: boolean };
  /** "OOM handling, e.g., via an OOM handler": an allocation that fails plugs `step` more, up to `limit`. Bytes or text. */
  readonly oomPlugs?: { readonly step: number | string; readonly limit: number | string };
}
