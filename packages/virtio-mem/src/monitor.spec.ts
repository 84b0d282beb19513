/** The human monitor's text, and QMP's lines, literally. */
import { describe, expect, it } from 'vitest';
import { fakeKernel, MiB, type FakeKernel } from './fake-memory.spec-kit.ts';
import { Monitor } from './monitor.ts';
import { QmpSession } from './qmp.ts';

const make = (): FakeKernel =>
  fakeKernel(
    { devices: [{ id: 'vm0', size: '1G', node: 0, requestedSize: '128M' }], host: { maxMemory: '4G', epoch: 1000 } },
    { nodes: 2 },
  );

describe('the human monitor', () => {
  it('lists devices by address', () => {
    const { kernel, mem } = make();
    const monitor = new Monitor(mem);
    expect(monitor.execute('object_add memory-backend-ram,id=late,size=512M')).toBe('');
    expect(monitor.execute('device_add virtio-mem-pci,id=vm1,memdev=late,node=1,requested-size=16M')).toBe('');
    expect(monitor.execute('info memory-devices')).toBe(
      `Memory device [virtio-mem]: "vm0"
  memaddr: 0x100000000
  node: 0
  requested-size: 134217728
  size: 134217728
  max-size: 1073741824
  block-size: 2097152
  memdev: /objects/mem0
Memory device [virtio-mem]: "vm1"
  memaddr: 0x140000000
  node: 1
  requested-size: 16777216
  size: 16777216
  max-size: 536870912
  block-size: 2097152
  memdev: /objects/late
`,
    );
    expect(kernel.validate()).toEqual([]);
    kernel.dispose();
  });

  const size =
    'Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\nand exabytes, respectively.\n';
  it.each([
    ['', ''],
    ['qom-get /machine/peripheral/vm0 size', '134217728\n'],
    ['qom-get vm0 memdev', '"/objects/mem0"\n'],
    ['qom-get /objects/mem0 size', '1073741824\n'],
    ['qom-set vm0 requested-size 0x8000000', ''],
    ['qom-set vm9 requested-size 1G', "Error: Device 'vm9' not found\n"],
    ['qom-set vm0 requested-size 2G', "Error: 'requested-size' cannot exceed the memory backend size(0x40000000)\n"],
    ['qom-set vm0 requested-size 3', "Error: 'requested-size' has to be multiples of 'block-size' (0x200000)\n"],
    [
      'qom-set vm0 requested-size -1',
      `Error: Parameter 'requested-size' expects a non-negative number below 2^64\n${size}`,
    ],
    [
      'qom-set vm0 requested-size 1Q',
      `Error: Parameter 'requested-size' expects a non-negative number below 2^64\n${size}`,
    ],
    ['qom-set vm0 block-size 4M', "Error: 'block-size' cannot be changed\n"],
    ['qom-set vm0 size 4M', "Error: Property 'virtio-mem-pci.size' is not writable\n"],
    [
      'qom-set vm0 node 1',
      "Error: Attempt to set property 'node' on device 'vm0' (type 'virtio-mem-pci') after it was realized\n",
    ],
    ['qom-get vm0 toString', "Error: Property 'virtio-mem-pci.toString' not found\n"],
    ['qom-set vm0', 'qom-set: string expected\nTry "help qom-set" for more information\n'],
    ['qom-get vm0 "size', 'qom-get: string expected\nTry "help qom-get" for more information\n'],
    ['frobnicate', "unknown command: 'frobnicate'\n"],
    ['constructor x', "unknown command: 'constructor'\n"],
    ['info registers', "unknown command: 'info registers'\n"],
    ['device_add e1000,id=n', "Error: 'e1000' is not a valid device model name\n"],
    ['device_add virtio-mem-pci,id=vm1', "Error: 'memdev' property is not set\n"],
    ['device_add virtio-mem-pci,id=vm1,memdev=mem0', "Error: 'memdev' property specifies a busy memdev: mem0\n"],
    ['device_add virtio-mem-pci,id=vm1,memdev=no', "Error: Device 'no' not found\n"],
    ['device_add virtio-mem-pci,id=vm0,memdev=no', "Error: Duplicate device ID 'vm0'\n"],
    ['device_del vm0', 'Error: virtio-mem device cannot get unplugged while some of its memory is still plugged\n'],
    ['device_del vm9', "Error: Device 'vm9' not found\n"],
    [
      'object_add memory-backend-ram,id=mem0,size=1G',
      "Error: attempt to add duplicate property 'mem0' to object (type 'container')\n",
    ],
    ['object_add memory-backend-ram,id=m', "Error: Parameter 'size' is missing\n"],
    ['object_del mem0', "Error: object 'mem0' is in use, can not be deleted\n"],
  ])('%s', (line, text) => {
    const { kernel, mem } = make();
    expect(new Monitor(mem).execute(line)).toBe(text);
    kernel.dispose();
  });

  it('refuses devices that do not fit, with the reason', () => {
    const { kernel, mem } = make();
    const monitor = new Monitor(mem);
    const add = (rest: string): string => monitor.execute(`device_add virtio-mem-pci,id=x,memdev=b,${rest}`);
    monitor.execute('object_add memory-backend-ram,id=b,size=1G');
    expect(add('node=2')).toBe("Error: 'node' property has value '2', which exceedsthe number of numa nodes: 2\n");
    expect(add('block-size=512k')).toBe("Error: 'block-size' property has to be at least 0x100000\n");
    expect(add('block-size=3M')).toBe("Error: 'block-size' property has to be a power of two\n");
    expect(add('requested-size=1M')).toBe(
      "Error: 'requested-size' property has to be multiples of 'block-size' (0x200000)\n",
    );
    expect(add('memaddr=0x100000000')).toBe("Error: address range conflicts with memory device id='vm0'\n");
    expect(add('memaddr=0x40000000')).toBe(
      "Error: can't add memory device [0x40000000:0x40000000] before 0x100000000\n",
    );
    expect(add('color=red')).toBe("Error: Property 'virtio-mem-pci.color' not found\n");
    monitor.execute('object_add memory-backend-ram,id=huge,size=4G');
    expect(monitor.execute('device_add virtio-mem-pci,id=y,memdev=huge')).toBe(
      'Error: not enough space, currently 0x40000000 in use of total space for memory devices 0xf0000000\n',
    );
    kernel.dispose();
  });

  it('deletes a device that is empty; its backend and its place are free again', () => {
    const { kernel, mem } = make();
    const monitor = new Monitor(mem);
    expect(monitor.execute('qom-set vm0 requested-size 0')).toBe('');
    expect(monitor.execute('device_del vm0')).toBe('');
    expect(monitor.execute('info memory-devices')).toBe('');
    expect(monitor.execute('device_add virtio-mem-pci,id=again,memdev=mem0,requested-size=2M')).toBe('');
    expect(monitor.execute('qom-get again memaddr')).toBe('4294967296\n');
    expect(kernel.validate()).toEqual([]);
    kernel.dispose();
  });
});

describe('QMP', () => {
  const talk = (...chunks: string[]): unknown[] => {
    const { kernel, mem } = make();
    const lines: string[] = [];
    const session = new QmpSession(mem, (line) => lines.push(line));
    for (const chunk of chunks) session.feed(chunk);
    session.close();
    kernel.dispose();
    return lines.map((line) => JSON.parse(line) as unknown);
  };
  const caps = '{"execute":"qmp_capabilities"}';

  it('greets, negotiates, answers with the id', () => {
    expect(
      talk(
        '{"execute":"query-version"}',
        caps,
        '{"execute":"qom-get","arguments":{"path":"vm0","property":"size"},"id":"x"}',
        caps,
      ),
    ).toEqual([
      { QMP: { version: { qemu: { micro: 0, minor: 0, major: 10 }, package: 'replug' }, capabilities: [] } },
      { error: { class: 'CommandNotFound', desc: "Expecting capabilities negotiation with 'qmp_capabilities'" } },
      { return: {} },
      { return: 134217728, id: 'x' },
      { error: { class: 'CommandNotFound', desc: 'Capabilities negotiation is already complete, command ignored' } },
    ]);
  });
  it('query-memory-devices', () => {
    expect(talk(caps, '{"execute":"query-memory-devices"}').at(-1)).toEqual({
      return: [
        {
          type: 'virtio-mem',
          data: {
            id: 'vm0',
            memaddr: 4294967296,
            node: 0,
            'requested-size': 134217728,
            size: 134217728,
            'max-size': 1073741824,
            'block-size': 2097152,
            memdev: '/objects/mem0',
          },
        },
      ],
    });
  });
  it.each([
    ['[1]', 'QMP input must be a JSON object'],
    ['{"execute":7}', "QMP input member 'execute' must be a string"],
    ['{"arguments":{}}', "QMP input lacks member 'execute'"],
    ['{"execute":"query-version","arguments":3}', "QMP input member 'arguments' must be an object"],
    ['{"execute":"query-version","extra":3}', "QMP input member 'extra' is unexpected"],
    ['{"execute":"query-version","arguments":{"a":1}}', "Parameter 'a' is unexpected"],
    ['{"execute":"qom-get","arguments":{"path":"vm0"}}', "Parameter 'property' is missing"],
    [
      '{"execute":"qom-get","arguments":{"path":1,"property":"x"}}',
      "Invalid parameter type for 'path', expected: string",
    ],
    [
      '{"execute":"qom-set","arguments":{"path":"vm0","property":"requested-size","value":"1G"}}',
      "Invalid parameter type for 'requested-size', expected: uint64",
    ],
    ['{bad}', 'JSON parse error, invalid keyword or structure'],
    [`${'['.repeat(2000)}\n`, 'JSON nesting depth limit exceeded'],
  ])('%s', (text, desc) => {
    expect(talk(caps, text).at(-1)).toEqual({ error: { class: 'GenericError', desc } });
  });
  it('tells of sizes at most once a second and device, the last one always', () => {
    const { kernel, mem } = make();
    const events: { ns: number; size: number }[] = [];
    mem.events.on(({ ns, size }) => events.push({ ns: Math.round(ns / 1e6), size: size / MiB }));
    kernel.clock.advance(5e9 - kernel.clock.now);
    mem.host.device('vm0')!.setRequestedSize(1024 * MiB);
    kernel.clock.advance(0);
    expect(events.map(({ size }) => size)).toEqual([256]);
    kernel.clock.advance(1e9);
    expect(events.map(({ size }) => size)).toEqual([256, 1024]);
    kernel.clock.advance(10e9);
    expect(events).toHaveLength(2);
    kernel.dispose();
  });
  it('survives any characters', () => {
    const { kernel, mem } = make();
    const session = new QmpSession(mem, () => undefined);
    session.feed(caps);
    let seed = 1;
    for (let i = 0; i < 20_000; i++) {
      seed = (seed * 48271) % 2147483647;
      session.feed('{}[]",:\\ \nabe0'[seed % 14]);
    }
    expect(kernel.validate()).toEqual([]);
    kernel.dispose();
  });
});
