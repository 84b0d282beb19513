import { describe, expect, it } from 'vitest';
import { isMachineShorthand, parseMachineFile, parseMachineShorthand, profileOf } from './machine-spec.ts';
import { zonelist } from './zonelists.ts';
import { Machine } from './machine.ts';

describe('machine shorthand', () => {
  it('deals memory and CPUs to the nodes', () => {
    const machine = parseMachineShorthand('x86-64,8G,nodes=2,cpus=8');
    expect(machine.nodes.map((n) => n.cpus)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ]);
    const pages = [0, 1].map((nid) =>
      machine.memory.filter((m) => m.nid === nid).reduce((sum, m) => sum + m.end - m.start, 0),
    );
    // 4 GiB each; the first node loses pfn 0 and 0x9f–0xff.
    expect(pages).toEqual([1048576 - 98, 1048576]);
    expect(machine.zones.map((z) => `${z.nid} ${z.kind} ${z.startPfn}+${z.spannedPages}`)).toEqual([
      '0 DMA 1+4095',
      '0 DMA32 4096+1044480',
      '0 Normal 1048576+262144',
      '1 Normal 1310720+1048576',
    ]);
  });

  it('knows the architectures by other names, the kernel and movable memory', () => {
    const machine = parseMachineShorthand('ppc64le,1G,kernel=6.1,movable=256M');
    expect(machine.arch.id).toBe('ppc64-64k-radix');
    expect(machine.profile).toBe('6.1');
    expect(machine.zones.map((z) => [z.kind, z.startPfn, z.spannedPages])).toEqual([
      ['Normal', 0, 12288],
      ['Movable', 12288, 4096],
    ]);
  });

  it.each([
    ['alpha,1G', 'RP1020'],
    ['s390x,many', 'RP1021'],
    ['s390x,1G,colour=blue', 'RP1022'],
    ['s390x,1G,cpus=two', 'RP1023'],
    ['s390x,1G,kernel=new', 'RP1025'],
    ['s390x', 'RP1021'],
  ])('%s is %s', (text, code) => expect(() => parseMachineShorthand(text)).toThrow(code));

  it('is told from a path', () => {
    expect(isMachineShorthand('s390x,512M')).toBe(true);
    expect(isMachineShorthand('captures/a,b')).toBe(false);
  });
});

describe('machine file', () => {
  it('is YAML or JSON with nodes of their own', () => {
    const yaml =
      'arch: x86-64\nkernel: "6.1"\nnodes:\n  - { size: 1G, cpus: [0] }\n  - { size: 512M, cpus: [1], distances: [30, 10] }\n';
    const machine = parseMachineFile(yaml, 'm.yaml');
    expect(machine.nodes[1].distances).toEqual([30, 10]);
    expect(machine.profile).toBe('6.1');
    expect(parseMachineFile(JSON.stringify({ arch: 's390x', size: '512M' }), 'm.json').zones[0].kind).toBe('DMA');
  });

  it('says what does not fit, by path', () => {
    expect(() => parseMachineFile('arch: s390x\nsize: 1G\ncpu: 3\n', 'm.yaml')).toThrow(/RP1024.*cpu/);
    expect(() => parseMachineFile(': [', 'm.yaml')).toThrow('RP1024');
  });
});

describe('memory for hotplug, and ZONE_MOVABLE by the options of the kernel', () => {
  const movable = (text: string): string[] =>
    parseMachineShorthand(text)
      .zones.filter((z) => z.kind === 'Movable')
      .map((z) => `${z.nid}:${z.startPfn.toString(16)}+${z.spannedPages.toString(16)}`);

  it('kernelcore and movablecore', () => {
    expect(movable('s390x,2G,movablecore=512M')).toEqual(['0:60000+20000']);
    expect(movable('ppc64le,2G,kernelcore=50%')).toEqual(['0:4000+4000']);
    expect(movable('ppc64le,2G,nodes=2,movablecore=512M')).toEqual(['0:3000+1000', '1:7000+1000']);
    expect(() => movable('s390x,2G,movablecore=much')).toThrow('RP1021');
    expect(() => movable('s390x,2G,movablecore=1G,movable=1G')).toThrow('RP1028');
    expect(() => movable('s390x,2G,movable_node=maybe')).toThrow('RP1027');
  });

  it('movable_node takes nodes that are hot-pluggable', () => {
    expect(movable('x86-64,8G,nodes=2,movable_node')).toEqual([]);
    const { zones } = parseMachineFile(
      'arch: x86-64\nmovable_node: true\nnodes:\n  - size: 8G\n  - { size: 8G, hotpluggable: true }\n',
      'm.yaml',
    );
    expect(zones.filter((z) => z.nid === 1).map((z) => z.kind)).toEqual(['Movable']);
  });

  it('possible nodes and rows for memory that comes later', () => {
    const { nodes, sparePages } = parseMachineShorthand('x86-64,1G,nodes=2,possible=1,spare=2G');
    expect(nodes.map((n) => n.online ?? true)).toEqual([true, true, false]);
    expect(nodes.map((n) => n.distances)).toEqual([
      [10, 20, 20],
      [20, 10, 20],
      [20, 20, 10],
    ]);
    expect(sparePages).toBe(524_288);
  });

  it('PreferMovable stands between Normal and Movable, and behind Normal for the kernel', () => {
    const machine = new Machine(parseMachineShorthand('x86-64,8G,movable=1G,prefer_movable'));
    const { zones } = machine;
    expect(zones.kinds.map((k) => k.name)).toEqual(['DMA', 'DMA32', 'Normal', 'PreferMovable', 'Movable', 'Device']);
    zones.find(0, 'PreferMovable')!.managedPages = 1;
    const names = (type: number): string[] => [...zonelist(zones, [0], type)].map((i) => zones.all[i].name);
    expect(names(4)).toEqual(['Movable', 'PreferMovable', 'Normal', 'DMA32', 'DMA']);
    expect(names(2)).toEqual(['Normal', 'PreferMovable', 'DMA32', 'DMA']);
    expect(names(1)).toEqual(['DMA32', 'DMA']);
  });
});

describe('a built machine', () => {
  it.each(['x86-64,6G,nodes=3', 's390x,3G', 'ppc64-64k-hash,2G', 'ppc64-4k,1G', 'arm64,8G'])(
    '%s: spanned ≥ present ≥ managed, every page in one zone',
    (text) => {
      const description = parseMachineShorthand(text);
      const machine = new Machine(description);
      for (const z of machine.zones.all) {
        expect(z.spannedPages).toBeGreaterThanOrEqual(z.presentPages);
        expect(z.presentPages).toBeGreaterThanOrEqual(z.managedPages);
      }
      const present = description.memory.reduce((sum, m) => sum + m.end - m.start, 0);
      expect(machine.zones.all.reduce((sum, z) => sum + z.presentPages, 0)).toBe(present);
      for (const m of description.memory) {
        for (const pfn of [m.start, m.end - 1]) {
          const row = machine.pages.pfnToRow(pfn);
          expect(machine.pages.rowToPfn(row)).toBe(pfn);
          expect(machine.zones.all[machine.pages.zoneOf(row)].nid).toBe(m.nid);
        }
      }
    },
  );

  it('maps kernel versions to the nearest profile', () => {
    expect(['5.10.0', '6.1.192', '6.6', '6.7', '6.12.113+deb12-amd64', '7.0'].map(profileOf)).toEqual([
      '6.1',
      '6.1',
      '6.1',
      '6.12',
      '6.12',
      '6.12',
    ]);
  });
});
