/** What memory is taken from: a virtio-mem device by its driver, or memory blocks by an operator. One face for both. */
import { Core, MemoryHotplug, type Kernel } from '@replug/core';
import type { UnplugKind } from '@replug/report';
import { VirtioMemToken } from '@replug/virtio-mem';

export interface Piece {
  readonly id: string;
  readonly kind: UnplugKind;
  readonly node: number;
  readonly addr: number;
  readonly size: number;
  readonly unit: number;
  /** A request has to be a multiple of it. */
  readonly grain: number;
  /** Plugged, or online. */
  bytes(): number;
  /** 1 for each unit from `addr` on that is plugged or online. */
  units(): Uint8Array;
  /** Asks for a size; what follows at once has happened when it returns. */
  ask(bytes: number): void;
}

export function virtioMemPiece(kernel: Kernel, id: string): Piece {
  const mem = kernel.get(VirtioMemToken);
  const device = mem.host.device(id)!;
  const { state } = mem.driver(id)!;
  const unit = state.sbm?.size ?? state.bbm!.size;
  return {
    id,
    kind: 'virtio-mem',
    node: device.node,
    addr: device.addr,
    size: device.regionSize,
    unit,
    grain: device.blockSize,
    bytes: () => device.size,
    units: () =>
      Uint8Array.from({ length: Math.floor(device.regionSize / unit) }, (_, i) =>
        device.isPlugged(device.addr + i * unit, unit) ? 1 : 0,
      ),
    ask: (bytes) => {
      device.setRequestedSize(bytes);
      kernel.clock.advance(0);
    },
  };
}

/** Blocks go offline from the highest down until no more than was asked for is online; what refuses is passed over. */
export function blockPiece(kernel: Kernel, place: Pick<Piece, 'id' | 'kind' | 'addr' | 'size' | 'node'>): Piece {
  const machine = kernel.get(Core.Machine);
  const hotplug = kernel.get(MemoryHotplug);
  const unit = machine.description.memoryBlockSize;
  const first = Math.ceil(place.addr / unit);
  const end = Math.floor((place.addr + place.size) / unit);
  const units = (): Uint8Array => {
    const online = new Uint8Array(end - first);
    for (const id of machine.blocks.ids())
      if (id >= first && id < end && hotplug.blockState(id) === 'online') online[id - first] = 1;
    return online;
  };
  const bytes = (): number => units().reduce((sum, one) => sum + one, 0) * unit;
  return {
    ...place,
    addr: first * unit,
    unit,
    grain: unit,
    bytes,
    units,
    ask: (wanted) => {
      let left = bytes();
      for (let id = end - 1; id >= first && left > wanted; id--) {
        if (hotplug.blockState(id) !== 'online') continue;
        if (hotplug.offline(id).errno === 0) left -= unit;
      }
    },
  };
}
