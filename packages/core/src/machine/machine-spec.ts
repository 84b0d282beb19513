/**
 * The machine spec: one grammar for library and command line.
 *
 * Shorthand  `x86-64,8G,nodes=2,cpus=8` – architecture, size, then key=value:
 *   nodes=N       nodes of equal size                 cpus=N       CPUs, dealt to the nodes in equal runs
 *   kernel=6.12   behaviour profile                   movable=SIZE ZONE_MOVABLE at the top, shared by the nodes
 *   spare=SIZE    memory that may be added later      block=SIZE   memory block size
 *   possible=N    nodes that may come later           movable_node hot-pluggable nodes are ZONE_MOVABLE
 *   kernelcore=SIZE|N%, movablecore=SIZE|N%           the kernel's own options for ZONE_MOVABLE
 *   prefer_movable                                    the zone PreferMovable is configured
 * File       YAML or JSON with the same keys, plus `nodes` as a list of { size, cpus, distances, hotpluggable } and
 *            `sysctl`.
 */
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { parseSize } from '../base/units.ts';
import { ARCH_ALIASES, ARCH_PROFILES, type ArchId, type ArchProfile } from './arch-profiles.ts';
import { bootMemory, bootReserved, bootZones } from './boot-layout.ts';
import {
  badKernelProfile,
  badSpecFile,
  badSpecFlag,
  badSpecKey,
  badSpecNumber,
  badSpecSize,
  movableTwice,
  specTooBig,
  unknownArch,
} from './errors.ts';
import type { KernelProfile, MachineDescription, NodeDescription } from './machine-description.ts';
import { memoryBlockSize } from './memory-block-size.ts';
import { movableStarts, parseCoreAmount, type CoreAmount } from './movable-zone.ts';
import type { ZoneName } from './zone-kinds.ts';

const size = z.union([z.string(), z.number()]);
const nodeSchema = z.strictObject({
  size,
  cpus: z.array(z.int().nonnegative()).optional(),
  distances: z.array(z.int().min(10).max(255)).optional(),
  hotpluggable: z.boolean().optional(),
});

/** The schema of a machine file. */
export const machineSpecSchema = z.strictObject({
  arch: z.string(),
  size: size.optional(),
  nodes: z.union([z.int().min(1).max(1024), z.array(nodeSchema).min(1)]).optional(),
  cpus: z.int().min(1).max(8192).optional(),
  kernel: z.union([z.string(), z.number()]).optional(),
  movable: size.optional(),
  spare: size.optional(),
  block: size.optional(),
  possible: z.int().min(0).max(1024).optional(),
  kernelcore: size.optional(),
  movablecore: size.optional(),
  movable_node: z.boolean().optional(),
  prefer_movable: z.boolean().optional(),
  sysctl: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
});
export type MachineSpec = z.infer<typeof machineSpecSchema>;

const SHORTHAND_KEYS = [
  'nodes',
  'cpus',
  'kernel',
  'movable',
  'spare',
  'block',
  'possible',
  'kernelcore',
  'movablecore',
  'movable_node',
  'prefer_movable',
] as const;
const COUNTS = ['nodes', 'cpus', 'possible'];
const FLAGS = ['movable_node', 'prefer_movable'];

/** Parses a shorthand, e.g. `s390x,512M`. Throws RP1020–RP1026. */
export function parseMachineShorthand(text: string): MachineDescription {
  const [arch, ...rest] = text.split(',').map((part) => part.trim());
  const spec: Record<string, unknown> = { arch };
  for (const part of rest) {
    const equals = part.indexOf('=');
    if (FLAGS.includes(part)) {
      spec[part] = true;
      continue;
    }
    if (equals < 0) {
      spec.size = part;
      continue;
    }
    const key = part.slice(0, equals);
    const value = part.slice(equals + 1);
    if (!(SHORTHAND_KEYS as readonly string[]).includes(key)) throw badSpecKey(key, SHORTHAND_KEYS);
    spec[key] = COUNTS.includes(key) ? wholeNumber(value) : FLAGS.includes(key) ? yesOrNo(value) : value;
  }
  return describeMachine(check(spec, text));
}

/** Parses the text of a machine file, YAML or JSON. */
export function parseMachineFile(text: string, name: string): MachineDescription {
  let value: unknown;
  try {
    value = parseYaml(text);
  } catch (error) {
    throw badSpecFile(name, error instanceof Error ? error.message.split('\n')[0] : String(error));
  }
  return describeMachine(check(value, name));
}

/** True for text that looks like a shorthand rather than a path: a known architecture, then a comma. */
export function isMachineShorthand(text: string): boolean {
  const comma = text.indexOf(',');
  return comma > 0 && archOf(text.slice(0, comma)) !== undefined;
}

/** A description from a checked spec. */
export function describeMachine(spec: MachineSpec): MachineDescription {
  const known = archOf(spec.arch);
  if (known === undefined) throw unknownArch(spec.arch, Object.keys(ARCH_PROFILES));
  const arch = spec.prefer_movable === true ? withPreferMovable(known) : known;
  const pageSize = 2 ** arch.pageShift;
  const { sizes, nodes, cpus } = nodesOf(spec, arch);
  const memory = bootMemory(arch, sizes);
  if (memory.at(-1)!.end * pageSize > 2 ** arch.maxPhysmemBits) throw specTooBig(String(spec.size));
  const memoryEnd = memory.at(-1)!.end * pageSize;
  const movable = movableOf(spec, arch, memory, sizes.length);
  return {
    arch,
    profile: profileOf(spec.kernel ?? '6.12'),
    cpus,
    nodes: withPossible(nodes, spec.possible ?? 0),
    memory,
    zones: bootZones(arch, memory, movable),
    reserved: bootReserved(arch, memory),
    memoryBlockSize:
      spec.block !== undefined
        ? bytes(spec.block)
        : memoryBlockSize(arch, { memoryEnd, guest: true, memoryNodes: sizes }),
    sysctl: Object.fromEntries(Object.entries(spec.sysctl ?? {}).map(([key, value]) => [key, String(value)])),
    khugepaged: arch.machine !== 's390x' && memoryEnd >= 512 * 2 ** 20,
    cma: arch.machine !== 'x86_64',
    sparePages: Math.floor(bytes(spec.spare ?? 0) / pageSize),
  };
}

/** Nearest behaviour profile of a kernel version text such as `6.12.113+deb12-amd64`. */
export function profileOf(version: string | number): KernelProfile {
  // YAML reads 6.10 as the number 6.1: a spec must quote it; versions of recordings are text.
  const match = /^v?(\d+)\.(\d+)/.exec(String(version));
  if (match === null) throw badKernelProfile(String(version));
  const order = Number(match[1]) * 1000 + Number(match[2]);
  // 6.7 is where auto-tuned per-CPU lists came; everything before behaves like 6.1.
  return order >= 6007 ? '6.12' : '6.1';
}

function archOf(text: string): ArchProfile | undefined {
  const id = text.toLowerCase();
  return ARCH_PROFILES[id as ArchId] ?? ARCH_PROFILES[ARCH_ALIASES[id]];
}

function nodesOf(spec: MachineSpec, arch: ArchProfile): { sizes: number[]; nodes: NodeDescription[]; cpus: number } {
  if (Array.isArray(spec.nodes)) {
    const sizes = spec.nodes.map((n) => alignDown(bytes(n.size), arch));
    const count = spec.nodes.length;
    const nodes = spec.nodes.map((n, nid) => ({
      nid,
      cpus: n.cpus ?? (nid === 0 ? range(0, spec.cpus ?? 1) : []),
      distances: n.distances ?? defaultDistances(nid, count),
    }));
    const named = nodes.flatMap((n) => n.cpus);
    return { sizes, nodes, cpus: spec.cpus ?? Math.max(1, ...named.map((c) => c + 1)) };
  }
  const count = spec.nodes ?? 1;
  const cpus = spec.cpus ?? count;
  if (spec.size === undefined) throw badSpecSize('');
  const each = alignDown(Math.floor(bytes(spec.size) / count), arch);
  const perNode = Math.ceil(cpus / count);
  const nodes = range(0, count).map((nid) => ({
    nid,
    cpus: range(Math.min(cpus, nid * perNode), Math.min(cpus, (nid + 1) * perNode)),
    distances: defaultDistances(nid, count),
  }));
  return { sizes: nodes.map(() => each), nodes, cpus };
}

/** Nodes that hotplug may bring up: no memory, no CPUs, as far away as any. */
function withPossible(nodes: readonly NodeDescription[], more: number): NodeDescription[] {
  const total = nodes.length + more;
  const far = (row: readonly number[]): number[] => [...row, ...range(row.length, total).map(() => 20)];
  return [
    ...nodes.map((node) => ({ ...node, distances: far(node.distances) })),
    ...range(nodes.length, total).map((nid) => ({
      nid,
      cpus: [],
      distances: defaultDistances(nid, total),
      online: false,
    })),
  ];
}

const withPreferMovable = (arch: ArchProfile): ArchProfile => ({
  ...arch,
  zoneKinds: arch.zoneKinds.flatMap((kind): ZoneName[] => (kind === 'Movable' ? ['PreferMovable', kind] : [kind])),
});

/** Where ZONE_MOVABLE begins: by the kernel's options, or with `movable` at the top of each node in equal parts. */
function movableOf(
  spec: MachineSpec,
  arch: ArchProfile,
  memory: MachineDescription['memory'],
  nodes: number,
): Map<number, number> {
  const { kernelcore, movablecore, movable_node: movableNode } = spec;
  if (kernelcore !== undefined || movablecore !== undefined || movableNode === true) {
    if (spec.movable !== undefined) throw movableTwice();
    const hot = new Set(Array.isArray(spec.nodes) ? spec.nodes.flatMap((n, nid) => (n.hotpluggable ? [nid] : [])) : []);
    return movableStarts(
      arch,
      memory.map((m) => ({ ...m, hotpluggable: hot.has(m.nid) })),
      {
        ...(kernelcore !== undefined && { kernelcore: kernelcore === 'mirror' ? 'mirror' : core(kernelcore, arch) }),
        ...(movablecore !== undefined && { movablecore: core(movablecore, arch) }),
        movableNode,
      },
    );
  }
  const starts = new Map<number, number>();
  if (spec.movable === undefined) return starts;
  const each = Math.floor(bytes(spec.movable) / nodes / 2 ** arch.pageShift);
  const align = 2 ** arch.maxPageOrder;
  for (const nid of new Set(memory.map((m) => m.nid))) {
    const end = memory.filter((m) => m.nid === nid).at(-1)!.end;
    starts.set(nid, Math.ceil((end - each) / align) * align);
  }
  return starts;
}

function core(value: string | number, arch: ArchProfile): CoreAmount {
  const amount = parseCoreAmount(String(value), 2 ** arch.pageShift);
  if (amount === undefined) throw badSpecSize(String(value));
  return amount;
}

function check(value: unknown, name: string): MachineSpec {
  const result = machineSpecSchema.safeParse(value);
  if (result.success) return result.data;
  throw badSpecFile(name, result.error.issues.map((i) => `${i.path.join('.') || '(top)'}: ${i.message}`).join('; '));
}

function bytes(value: string | number): number {
  const parsed = typeof value === 'number' ? value : parseSize(value);
  if (parsed === undefined || parsed < 0) throw badSpecSize(String(value));
  return parsed;
}

function yesOrNo(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw badSpecFlag(text);
  return text === 'true';
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw badSpecNumber(text);
  return Number(text);
}

/** Nodes begin at maximal-block borders. */
function alignDown(value: number, arch: ArchProfile): number {
  const unit = 2 ** (arch.maxPageOrder + arch.pageShift);
  const aligned = Math.floor(value / unit) * unit;
  if (aligned === 0) throw badSpecSize(String(value));
  return aligned;
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
const defaultDistances = (nid: number, count: number): number[] => range(0, count).map((n) => (n === nid ? 10 : 20));
