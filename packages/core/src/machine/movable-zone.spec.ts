import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ARCH_PROFILES } from './arch-profiles.ts';
import { movableOptionsOf, movableStarts, parseCoreAmount, usableStart } from './movable-zone.ts';

const x86 = ARCH_PROFILES['x86-64'];
const power = ARCH_PROFILES['ppc64-64k-radix'];
const GiB = 2 ** 18;
const hex = (starts: Map<number, number>): string[] => [...starts].map(([nid, pfn]) => `${nid}:${pfn.toString(16)}`);

describe('ZONE_MOVABLE at boot', () => {
  const x86Nodes = (nodes: number, pages: number, reserved = 0x23) =>
    Array.from({ length: nodes }, (_, nid) => ({
      nid,
      start: nid * pages,
      end: (nid + 1) * pages - (nid === nodes - 1 ? reserved : 0),
    })).flatMap((r) =>
      r.nid === 0
        ? [
            { nid: 0, start: 1, end: 0x9f },
            { nid: 0, start: 0x100, end: r.end },
          ]
        : [r],
    );

  it('real machines', () => {
    const half = movableOptionsOf('quiet kernelcore=50%', 4096);
    expect(hex(movableStarts(x86, x86Nodes(1, GiB), half))).toEqual(['0:20400']);
    const movable = movableOptionsOf('movablecore=512M', 4096);
    expect(hex(movableStarts(x86, x86Nodes(2, GiB), movable))).toEqual(['0:30400', '1:70000']);
    const core = movableOptionsOf('kernelcore=512M', 4096);
    expect(hex(movableStarts(x86, x86Nodes(4, GiB / 2), core))).toEqual(['0:8400', '1:28000', '2:48000', '3:68000']);
    const two = [
      { nid: 0, start: 0, end: 0x4000 },
      { nid: 1, start: 0x4000, end: 0x8000 },
    ];
    expect(hex(movableStarts(power, two, movableOptionsOf('movablecore=512M', 65536)))).toEqual(['0:3000', '1:7000']);
  });

  it('memory below 4 GiB counts for the kernel', () => {
    const memory = [
      { nid: 0, start: 0, end: 8 * GiB },
      { nid: 1, start: 8 * GiB, end: 16 * GiB },
    ];
    expect(usableStart(x86, memory)).toBe(4 * GiB);
    expect(hex(movableStarts(x86, memory, { kernelcore: { pages: 4 * GiB } }))).toEqual(['0:100000', '1:200000']);
    expect(hex(movableStarts(x86, memory, { movablecore: { percent: 50 } }))).toEqual(['0:100000', '1:300000']);
  });

  it('movable_node takes hot-pluggable ranges and nothing else', () => {
    const memory = [
      { nid: 0, start: 0, end: 4 * GiB },
      { nid: 1, start: 4 * GiB, end: 8 * GiB, hotpluggable: true },
    ];
    expect(hex(movableStarts(x86, memory, { movableNode: true, kernelcore: { percent: 10 } }))).toEqual(['1:100000']);
    expect(hex(movableStarts(x86, memory.slice(0, 1), { movableNode: true }))).toEqual([]);
  });

  it('kernelcore=mirror', () => {
    const memory = [
      { nid: 0, start: 0, end: 4 * GiB, mirrored: true },
      { nid: 0, start: 4 * GiB, end: 6 * GiB },
    ];
    expect(hex(movableStarts(x86, memory, { kernelcore: 'mirror' }))).toEqual(['0:100000']);
    expect(hex(movableStarts(x86, memory.slice(1), { kernelcore: 'mirror' }))).toEqual([]);
  });

  it('reads amounts', () => {
    expect(parseCoreAmount('50%', 4096)).toEqual({ percent: 50 });
    expect(parseCoreAmount('1G', 4096)).toEqual({ pages: GiB });
    expect(parseCoreAmount('101%', 4096)).toBeUndefined();
    expect(parseCoreAmount('much', 4096)).toBeUndefined();
  });

  it('gives the kernel what it asked for wherever there is enough, and ends at borders of maximal blocks', () => {
    const node = fc.record({ gap: fc.nat(5000), size: fc.integer({ min: 2048, max: 60_000 }) });
    fc.assert(
      fc.property(fc.array(node, { minLength: 1, maxLength: 6 }), fc.nat(100), (nodes, percent) => {
        let at = 0;
        const memory = nodes.map(({ gap, size }, nid) => {
          const start = at + gap;
          at = start + size;
          return { nid, start, end: at };
        });
        const starts = movableStarts(power, memory, { kernelcore: { percent } });
        const total = memory.reduce((sum, m) => sum + m.end - m.start, 0);
        const wanted = Math.floor((total * percent) / 100);
        let kernel = 0;
        for (const { nid, start, end } of memory) {
          const movable = starts.get(nid) ?? end;
          if (starts.has(nid)) {
            expect(movable % 256).toBe(0);
            expect(movable).toBeLessThan(end);
          }
          kernel += Math.max(0, Math.min(movable, end) - start);
        }
        // The last round may leave less than a page a node.
        expect(kernel).toBeGreaterThanOrEqual(wanted - nodes.length);
      }),
      { numRuns: 300 },
    );
  });
});
