/**
 * The host asks memory devices for a size: how much comes back from the machine as it is at an instant, what stays and why.
 *
 *   const report = unplug(await openRecording(path), { at: { kind: 'step', ref: 'replugged-big' }, request: 0 });
 *   console.log(report.devices[0].reached, report.stayed[0]?.owner?.comm);
 *
 * The driver, the allocator and migration are the model's; the pages are the recording's. It ends when the driver's worker
 * rests: what a retry 50 s later would find, nothing of the recording tells.
 *
 * Of pages that a dump shows without any flag as many are on CPU lists as zoneinfo counts; the others are taken for the
 * kernel's. `doubtful: 'movable'` takes all doubtful pages for movable ones: with both, what really stays lies between.
 */
import { Core, type CostName, type Kernel, type MachineDescription } from '@replug/core';
import type { UnplugDevice, UnplugReport } from '@replug/report';
import { VirtioMemToken } from '@replug/virtio-mem';
import type { Recording } from '@replug/workload';
import { ownersSource } from './blockers/block-owners.ts';
import { deviceWithoutMemory, oddRequest, requestTooLarge } from './errors.ts';
import { ownerOf, type Owners } from './owners.ts';
import type { DeviceSpec } from './unplug-devices.ts';
import { blockPiece, virtioMemPiece, type Piece } from './unplug-pieces.ts';
import { memoryText, unplugScene, type UnplugOptions, type UnplugScene } from './unplug-scene.ts';
import { UnplugWatch } from './unplug-watch.ts';

/** Errors: RP6040, RP6042–RP6045, and as machineAt(), resolveTime() and createKernel() throw. */
export function unplug(source: Recording | MachineDescription, options: UnplugOptions = {}): UnplugReport {
  const scene = unplugScene(source, options);
  const { kernel } = scene;
  try {
    const pieces = piecesOf(kernel, scene.specs);
    return run(scene, pieces, options);
  } finally {
    kernel.dispose();
  }
}

/** Takes what is asked for, device by device, and says what came of it. */
function run(scene: UnplugScene, pieces: readonly Piece[], options: UnplugOptions): UnplugReport {
  const { kernel, owners } = scene;
  const { request = 0 } = options;
  const { description } = kernel.get(Core.Machine);
  const pageSize = 2 ** description.arch.pageShift;
  const before = pieces.map((piece) => piece.bytes());
  const maps = pieces.map((piece) => piece.units());
  const most = Math.max(0, ...before);
  if (request > most && pieces.length > 0) throw requestTooLarge(request, pieces[before.indexOf(most)].id, most);
  for (const piece of pieces) if (request % piece.grain !== 0) throw oddRequest(request, piece.id, piece.grain);
  const since = kernel.clock.now;
  const bill = new Map([...kernel.clock.charged()].map(([name, { ns }]) => [name, ns]));
  using watch = new UnplugWatch(kernel);
  const notes = [...scene.notes];
  const asked = pieces.map((piece, i) => {
    if (request > before[i]) notes.push(`${piece.id} has less than was asked for and is left alone`);
    else piece.ask(request);
    return Math.min(request, before[i]);
  });
  const stayed = pieces.flatMap((piece, i) => staysOf(piece, maps[i], asked[i], pageSize, watch, owners));
  return {
    ...scene.head,
    pageSize,
    blockSize: description.memoryBlockSize,
    options: options.options ?? [],
    devices: pieces.map((piece, i): UnplugDevice => {
      const { id, kind, node, addr, size, unit } = piece;
      const reached = piece.bytes();
      const map = mapOf(piece, maps[i], asked[i], pageSize, watch);
      return { id, kind, node, addr, size, unit, before: before[i], requested: asked[i], reached, map };
    }),
    stayed,
    migrated: watch.migrated,
    dropped: watch.dropped,
    tries: watch.tries,
    virtualTime: kernel.clock.now - since,
    costs: costsSince(kernel, bill),
    ownersFrom: owners === undefined ? null : ownersSource(owners),
    notes,
  };
}

/** A character a unit, up to the last that was there. */
function mapOf(piece: Piece, was: Uint8Array, asked: number, pageSize: number, watch: UnplugWatch): string {
  const is = piece.units();
  const missed = piece.bytes() > asked;
  let map = '';
  for (let i = 0; i <= was.lastIndexOf(1); i++) {
    if (was[i] === 0) map += ' ';
    else if (is[i] === 0) map += '.';
    else map += missed || whyStayed(piece, i, pageSize, watch) !== undefined ? '#' : '+';
  }
  return map;
}

function whyStayed(piece: Piece, index: number, pageSize: number, watch: UnplugWatch) {
  const start = (piece.addr + index * piece.unit) / pageSize;
  return watch.why(start, start + piece.unit / pageSize);
}

function staysOf(
  piece: Piece,
  was: Uint8Array,
  asked: number,
  pageSize: number,
  watch: UnplugWatch,
  owners: Owners | undefined,
): UnplugReport['stayed'] {
  const is = piece.units();
  const missed = piece.bytes() > asked;
  const found: UnplugReport['stayed'][number][] = [];
  for (let i = 0; i < is.length; i++) {
    if (was[i] === 0 || is[i] === 0) continue;
    const why = whyStayed(piece, i, pageSize, watch);
    if (why === undefined && !missed) continue;
    const reason = why?.reason ?? 'not-tried';
    const pfn = why === undefined || why.pfn < 0 ? null : why.pfn;
    const start = piece.addr + i * piece.unit;
    const last = found.at(-1);
    if (last !== undefined && last.range.end === start && last.reason === reason && last.pfn === pfn)
      found[found.length - 1] = { ...last, range: { start: last.range.start, end: start + piece.unit } };
    else
      found.push({
        device: piece.id,
        range: { start, end: start + piece.unit },
        reason,
        pfn,
        owner: ownerAt(owners, pfn),
      });
  }
  return found;
}

function ownerAt(owners: Owners | undefined, pfn: number | null): UnplugReport['stayed'][number]['owner'] {
  const row = owners === undefined || pfn === null ? -1 : ownerOf(owners, pfn);
  if (owners === undefined || row < 0) return null;
  const pid = owners.pid[row];
  const stack = owners.stacks[owners.stack[row]];
  return {
    comm: owners.comms[owners.comm[row]],
    pid: pid < 0 ? null : pid,
    gfp: owners.gfpTexts[owners.gfp[row]],
    stack: stack === '' ? [] : stack.split('\n').map((line) => line.trim()),
  };
}

function costsSince(kernel: Kernel, before: ReadonlyMap<CostName, number>): Record<string, number> {
  const since = [...kernel.clock.charged()].map(([name, { ns }]) => [name, ns - (before.get(name) ?? 0)] as const);
  return Object.fromEntries(since.filter(([, ns]) => ns > 0).sort(([, a], [, b]) => b - a));
}

function piecesOf(kernel: Kernel, specs: readonly DeviceSpec[]): Piece[] {
  const machine = kernel.get(Core.Machine);
  const blockBytes = machine.description.memoryBlockSize;
  if (specs.length === 0) {
    const ids = machine.blocks.ids();
    const end = (ids.at(-1)! + 1) * blockBytes;
    return [
      blockPiece(kernel, {
        id: 'memory',
        kind: 'blocks',
        addr: 0,
        size: end,
        node: machine.blocks.get(ids[0])!.nids[0],
      }),
    ];
  }
  return specs.map((spec) => {
    const addr = spec.kind === 'dimm' ? spec.addr! : kernel.get(VirtioMemToken).host.device(spec.id)!.addr;
    const first = Math.ceil(addr / blockBytes);
    const end = Math.floor((addr + spec.size) / blockBytes);
    const inside = machine.blocks.ids().filter((id) => id >= first && id < end);
    if (inside.length === 0) throw deviceWithoutMemory(spec.id, memoryText(machine.description));
    if (spec.kind === 'virtio-mem') return virtioMemPiece(kernel, spec.id);
    const node = spec.node ?? machine.blocks.get(inside[0])!.nids[0];
    return blockPiece(kernel, { id: spec.id, kind: 'dimm', addr, size: spec.size, node });
  });
}
