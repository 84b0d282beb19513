/**
 * What a capture's own logs tell about the time between two dumps: sysctls that were written, memory blocks that were
 * switched. Both files are optional; without them the same is inferred from the dumps (fidelity-static-timeline.ts).
 *
 *   steps.log    19.52 step 2 min_free_16384 done
 *                19.63 sysctl min_free_kbytes restored [45056]
 *                23.47 sysctl watermark_scale_factor <- 100 now [100]
 *   blocks.log   25.34 25.41 memory32 online_kernel rc=0 state=online zones=[Normal] err=[]
 *   dmesg.txt    hash-mmu: base_shift=16: shift=24, sllp=0x0000, avpnm=0x00000000, tlbiel=1, penc=8
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Times are seconds of uptime. */
export interface SysctlWrite {
  readonly time: number;
  /** Without `vm.`. */
  readonly name: string;
  readonly values: readonly number[];
}

export interface BlockWrite {
  readonly time: number;
  /** N of memoryN. */
  readonly id: number;
  readonly action: 'online' | 'offline';
  readonly succeeded: boolean;
  /** The zone after onlining. */
  readonly zone: string;
}

export interface CaptureLogs {
  readonly writes: readonly SysctlWrite[];
  readonly blocks: readonly BlockWrite[];
  /** Step number → when it was done. Empty without steps.log. */
  readonly stepEnds: ReadonlyMap<number, number>;
  /** Huge page sizes of the hash MMU (log2 bytes) by base page size; undefined where the boot log does not list them. */
  readonly hashPageShifts?: readonly { readonly base: number; readonly shift: number }[];
}

export function readLogs(path: string): CaptureLogs {
  return parseLogs(text(join(path, 'steps.log')), text(join(path, 'blocks.log')), text(join(path, 'dmesg.txt')));
}

export function parseLogs(steps: string, blocks: string, dmesg: string): CaptureLogs {
  const shifts = [...dmesg.matchAll(/hash-mmu: base_shift=(\d+): shift=(\d+),/g)];
  return {
    writes: matches(steps, /^([\d.]+) sysctl (\w+) (?:<- ([\d\s]+?) now|restored \[([\d\s]+)\])/).map((m) => ({
      time: Number(m[1]),
      name: m[2],
      values: (m[3] ?? m[4]).trim().split(/\s+/).map(Number),
    })),
    //                          begin   end     N        action   error     zones after
    blocks: matches(blocks, /^[\d.]+ ([\d.]+) memory(\d+) (\w+) rc=(\d+) .*?zones=\[([^\]]*)\]/).map((m) => ({
      time: Number(m[1]),
      id: Number(m[2]),
      action: m[3] === 'offline' ? 'offline' : 'online',
      succeeded: m[4] === '0',
      zone: m[5].split(' ')[0],
    })),
    stepEnds: new Map(matches(steps, /^([\d.]+) step (\d+) \S+ done/).map((m) => [Number(m[2]), Number(m[1])])),
    hashPageShifts: shifts.length === 0 ? undefined : shifts.map((m) => ({ base: Number(m[1]), shift: Number(m[2]) })),
  };
}

function matches(text: string, pattern: RegExp): RegExpMatchArray[] {
  return text
    .split('\n')
    .map((line) => line.match(pattern))
    .filter((match) => match !== null);
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
