import { describe, expect, it } from 'vitest';
import { parseLogs, readLogs } from './fidelity-static-logs.ts';

const STEPS = `10.01 auto_online_blocks=online
15.19 step 1 default done
15.37 sysctl min_free_kbytes <- 16384 now [16384]
19.52 step 2 min_free_16384 done
19.63 sysctl min_free_kbytes restored [45056]
31.56 sysctl lowmem_reserve_ratio <- 32 32 32 32 32 now [32	32	32	32	32]
34.75 sysctl lowmem_reserve_ratio restored [256	256	32	0	0]
`;
const BLOCKS = `26.30 26.50 memory36 online_movable rc=0 state=online zones=[Movable] err=[]
104.76 117.00 memory36 offline rc=143 state=online zones=[Movable] err=[]
118.31 118.36 memory32 offline rc=1 state=online zones=[Normal] err=[sh: write error: Device or resource busy]
131.90 132.36 memory36 offline rc=0 state=offline zones=[Normal Movable] err=[]
`;
const DMESG = `[    0.000000] hash-mmu: base_shift=12: shift=12, sllp=0x0000, avpnm=0x00000000, tlbiel=1, penc=0
[    0.000000] hash-mmu: base_shift=16: shift=24, sllp=0x0110, avpnm=0x00000000, tlbiel=1, penc=8
`;

describe('logs of a capture', () => {
  const logs = parseLogs(STEPS, BLOCKS, DMESG);

  it('sysctl writes, the values put back too', () => {
    expect(logs.writes).toEqual([
      { time: 15.37, name: 'min_free_kbytes', values: [16384] },
      { time: 19.63, name: 'min_free_kbytes', values: [45056] },
      { time: 31.56, name: 'lowmem_reserve_ratio', values: [32, 32, 32, 32, 32] },
      { time: 34.75, name: 'lowmem_reserve_ratio', values: [256, 256, 32, 0, 0] },
    ]);
    expect([...logs.stepEnds]).toEqual([
      [1, 15.19],
      [2, 19.52],
    ]);
  });

  it('block writes at their end, with the zone and whether they succeeded', () => {
    expect(logs.blocks).toEqual([
      { time: 26.5, id: 36, action: 'online', succeeded: true, zone: 'Movable' },
      { time: 117, id: 36, action: 'offline', succeeded: false, zone: 'Movable' },
      { time: 118.36, id: 32, action: 'offline', succeeded: false, zone: 'Normal' },
      { time: 132.36, id: 36, action: 'offline', succeeded: true, zone: 'Normal' },
    ]);
  });

  it('page sizes of the hash MMU', () => {
    expect(logs.hashPageShifts).toEqual([
      { base: 12, shift: 12 },
      { base: 16, shift: 24 },
    ]);
  });

  it('missing files are empty logs', () => {
    expect(readLogs('/nowhere')).toEqual({ writes: [], blocks: [], stepEnds: new Map(), hashPageShifts: undefined });
  });
});
