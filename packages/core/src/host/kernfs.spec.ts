import { describe, expect, it } from 'vitest';
import { ERRNO } from './errno.ts';
import { KernfsError } from './errors.ts';
import { Kernfs, type DirectoryNode } from './kernfs.ts';
import { naturalCompare } from './natural-order.ts';

/** The memory directory of a machine: blocks are found when asked for, and link to their node. */
function blocks(ids: readonly number[]): DirectoryNode {
  const block: DirectoryNode = {
    list: () => ['state', 'node0'],
    entry: (name) =>
      name === 'state' ? { read: () => 'online\n' } : name === 'node0' ? { link: '../../node/node0' } : undefined,
  };
  return {
    list: () => ids.map((id) => `memory${id}`),
    entry: (name) => (ids.some((id) => name === `memory${id}`) ? block : undefined),
  };
}

function machine(): Kernfs {
  const fs = new Kernfs();
  fs.directory('/sys/devices/system/memory', blocks([10, 2, 0]), 'hotplug');
  fs.file('/sys/devices/system/memory/block_size_bytes', { read: () => '8000000\n' }, 'hotplug');
  fs.file('/sys/devices/system/node/node0/distance', { read: () => '10\n' }, 'core');
  fs.file('/proc/buddyinfo', { read: () => 'Node 0, zone   Normal\n' }, 'buddy');
  return fs;
}

function refusal(fn: () => unknown): { errno: string; number: number; code: string; value: unknown } {
  try {
    fn();
  } catch (error) {
    if (error instanceof KernfsError)
      return { errno: error.errno, number: error.number, code: error.code, value: error.value };
    throw error;
  }
  throw new Error('was not refused');
}

describe('naturalCompare', () => {
  it('orders numbers in names as numbers', () => {
    expect(['memory10', 'memory2', 'block', 'memory', 'memory2a', 'node0'].sort(naturalCompare)).toEqual([
      'block',
      'memory',
      'memory2',
      'memory2a',
      'memory10',
      'node0',
    ]);
  });
});

describe('Kernfs', () => {
  it('renders files when they are read', () => {
    const fs = new Kernfs();
    let renderings = 0;
    fs.file('/proc/vmstat', { read: () => `${++renderings}\n` }, 'buddy');
    expect(renderings).toBe(0);
    expect(fs.read('/proc/vmstat')).toBe('1\n');
    expect(fs.read('//proc/./vmstat')).toBe('2\n');
  });

  it('lists static and lazy entries together, memory2 before memory10', () => {
    const fs = machine();
    expect(fs.list('/sys/devices/system/memory')).toEqual(['block_size_bytes', 'memory0', 'memory2', 'memory10']);
    expect(fs.list('/sys/devices/system/memory/memory2')).toEqual(['node0', 'state']);
    expect(fs.list('/')).toEqual(['proc', 'sys']);
    expect(fs.read('/sys/devices/system/memory/memory10/state')).toBe('online\n');
  });

  it('sees a directory that two contribute to as one', () => {
    const fs = machine();
    fs.file('/sys/devices/system/memory/memory2/sub_blocks', { read: () => '64\n' }, 'virtio-mem');
    fs.directory('/sys/devices/system/memory', blocks([2, 3]), 'other');
    expect(fs.list('/sys/devices/system/memory')).toEqual([
      'block_size_bytes',
      'memory0',
      'memory2',
      'memory3',
      'memory10',
    ]);
    expect(fs.list('/sys/devices/system/memory/memory2')).toEqual(['node0', 'state', 'sub_blocks']);
    expect(() => fs.read('/sys/devices/system/memory/memory2/state')).toThrow(
      'RP1298 other: path is published by hotplug already: "/sys/devices/system/memory/memory2/state"',
    );
  });

  it('follows relative and absolute links, in the middle of a path too', () => {
    const fs = machine();
    expect(fs.read('/sys/devices/system/memory/memory0/node0/distance')).toBe('10\n');
    expect(fs.list('/sys/devices/system/memory/memory0/node0')).toEqual(['distance']);
    expect(fs.readlink('/sys/devices/system/memory/memory0/node0')).toBe('../../node/node0');
    fs.link('/sys/kernel/debug/memlayout/current', 'layout.3', 'dnuma');
    fs.file('/sys/kernel/debug/memlayout/layout.3/00000-07fff', { read: () => '1\n' }, 'dnuma');
    expect(fs.read('/sys/kernel/debug/memlayout/current/00000-07fff')).toBe('1\n');
    fs.link('/buddy', '/proc/buddyinfo', 'test');
    expect(fs.read('/buddy')).toBe('Node 0, zone   Normal\n');
  });

  it('tells what is at a path without following its last link', () => {
    const fs = machine();
    fs.file('/sys/kernel/debug/memlayout/commit', { write: () => {} }, 'dnuma');
    expect(fs.stat('/proc')).toEqual({ kind: 'directory', readable: true, writable: false });
    expect(fs.stat('/proc/buddyinfo')).toEqual({ kind: 'file', readable: true, writable: false });
    expect(fs.stat('/sys/kernel/debug/memlayout/commit')).toEqual({ kind: 'file', readable: false, writable: true });
    expect(fs.stat('/sys/devices/system/memory/memory0/node0')?.kind).toBe('link');
    expect(fs.stat('/proc/none')).toBeUndefined();
    expect(fs.stat('/proc/buddyinfo/none')).toBeUndefined();
  });

  it('refuses bad access with the errno of the kernel', () => {
    const fs = machine();
    fs.file('/sys/kernel/debug/memlayout/commit', { write: () => {} }, 'dnuma');
    fs.link('/loop', 'loop', 'test');
    expect(refusal(() => fs.read('/proc/none'))).toEqual({
      errno: 'ENOENT',
      number: 2,
      code: 'RP1202',
      value: '/proc/none',
    });
    expect(refusal(() => fs.read('/proc')).errno).toBe('EISDIR');
    expect(refusal(() => fs.write('/proc', 'x')).errno).toBe('EISDIR');
    expect(refusal(() => fs.read('/proc/buddyinfo/x')).errno).toBe('ENOTDIR');
    expect(refusal(() => fs.list('/proc/buddyinfo')).errno).toBe('ENOTDIR');
    expect(refusal(() => fs.write('/proc/buddyinfo', 'x')).errno).toBe('EACCES');
    expect(refusal(() => fs.read('/sys/kernel/debug/memlayout/commit')).errno).toBe('EACCES');
    expect(refusal(() => fs.read('/loop'))).toMatchObject({ errno: 'ELOOP', code: 'RP1240' });
    expect(refusal(() => fs.readlink('/proc/buddyinfo')).errno).toBe('EINVAL');
    expect(() => fs.read('proc')).toThrow(/^RP1299/);
  });

  it('writes the text without its last newline, and reports what a file refuses', () => {
    const fs = new Kernfs();
    const seen: string[] = [];
    fs.file(
      '/state',
      {
        write: (text) => {
          seen.push(text);
          if (text === 'offline') return -ERRNO.EBUSY;
          if (text === 'sideways')
            throw new KernfsError('EINVAL', 'not a state', undefined, { hint: 'online or offline' });
          if (text === 'odd') return -12345;
        },
      },
      'hotplug',
    );
    fs.write('/state', 'online\n');
    expect(seen).toEqual(['online']);
    expect(refusal(() => fs.write('/state', 'offline'))).toEqual({
      errno: 'EBUSY',
      number: 16,
      code: 'RP1216',
      value: '/state',
    });
    expect(() => fs.write('/state', 'sideways')).toThrow(
      'RP1222 kernfs: EINVAL, not a state: "/state" (online or offline)',
    );
    expect(refusal(() => fs.write('/state', 'odd')).errno).toBe('EIO');
  });

  it('two owners of one path are an error that names both', () => {
    const fs = machine();
    expect(() => fs.file('/proc/buddyinfo', {}, 'llfree')).toThrow(
      'RP1298 llfree: path is published by buddy already: "/proc/buddyinfo"',
    );
    expect(() => fs.file('/proc/buddyinfo', {}, 'buddy')).toThrow(
      'RP1298 buddy: publishes one path twice: "/proc/buddyinfo"',
    );
    expect(() => fs.file('/proc/buddyinfo/x', {}, 'llfree')).toThrow(/^RP1298 llfree/);
    expect(() => fs.file('/proc', {}, 'llfree')).toThrow(/^RP1298 llfree/);
    expect(() => fs.file('proc', {}, 'llfree')).toThrow(/^RP1299/);
  });

  it('takes a file back, and the directories that were there for it alone', () => {
    const fs = machine();
    const one = fs.file('/proc/sys/vm/a', {}, 'x');
    const two = fs.file('/proc/sys/vm/b', {}, 'x');
    one[Symbol.dispose]();
    expect(fs.list('/proc/sys/vm')).toEqual(['b']);
    two[Symbol.dispose]();
    two[Symbol.dispose]();
    expect(fs.list('/proc')).toEqual(['buddyinfo']);
    fs.directory('/proc/sys', blocks([1]), 'x')[Symbol.dispose]();
    expect(fs.stat('/proc/sys')).toBeUndefined();
  });
});
