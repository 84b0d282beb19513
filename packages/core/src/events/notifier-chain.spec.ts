import { describe, expect, it } from 'vitest';
import {
  MEM,
  MEMORY_NOTIFIER_PRIORITY,
  memoryNotify,
  memoryNotifyOf,
  type MemoryAction,
  type MemoryNotify,
} from './memory-notifier.ts';
import { NODE, type NodeNotifiers } from './node-notifier.ts';
import { NOTIFY, NotifierChain, notifierFromErrno, notifierToErrno } from './notifier-chain.ts';

const EBUSY = -16;

describe('results', () => {
  it('carry errors as the kernel does', () => {
    expect(notifierFromErrno(0)).toBe(NOTIFY.OK);
    expect(notifierFromErrno(-16)).toBe(0x8011);
    expect(notifierToErrno(0x8011)).toBe(-16);
    expect(notifierToErrno(NOTIFY.BAD)).toBe(-1);
    expect(notifierToErrno(NOTIFY.OK)).toBe(0);
    expect(notifierToErrno(NOTIFY.DONE)).toBe(0);
    expect(notifierToErrno(NOTIFY.STOP)).toBe(0);
  });
});

describe('NotifierChain', () => {
  it('calls higher priorities first, and equal ones in the order they came', () => {
    const chain = new NotifierChain<null>('test');
    const seen: string[] = [];
    const add = (name: string, priority?: number) => chain.register(() => void seen.push(name), priority, name);
    add('default-1');
    add('slab', 1);
    add('ksm', 100);
    add('default-2');
    add('slab-2', 1);
    add('last', -5);
    expect(chain.call('GO', null)).toEqual({ result: 0, calls: 6, errno: 0, stopped: false });
    expect(seen).toEqual(['ksm', 'slab', 'slab-2', 'default-1', 'default-2', 'last']);
    expect(chain.owners()).toEqual(seen);
  });

  it('ends at the first result with the stop bit, and says who it was', () => {
    const chain = new NotifierChain<null>('test');
    let told = 0;
    chain.register(() => NOTIFY.OK, 2, 'agrees');
    chain.register(() => notifierFromErrno(EBUSY), 1, 'refuses');
    chain.register(() => void told++, 0, 'never told');
    expect(chain.call('GO', null)).toEqual({
      result: 0x8011,
      calls: 2,
      errno: -16,
      stopped: true,
      stoppedBy: 'refuses',
    });
    expect(told).toBe(0);
  });

  it('STOP ends the traversal without an error', () => {
    const chain = new NotifierChain<null>('test');
    chain.register(() => NOTIFY.STOP, 0, 'enough');
    expect(chain.call('GO', null)).toMatchObject({ errno: 0, stopped: true });
  });

  it('callRobust cancels only those that had agreed', () => {
    const chain = new NotifierChain<null>('test');
    const seen: string[] = [];
    const add = (name: string, result: number) =>
      chain.register((action) => {
        seen.push(`${name} ${action}`);
        return action === 'UP' ? result : NOTIFY.OK;
      });
    add('a', NOTIFY.OK);
    add('b', NOTIFY.OK);
    add('c', NOTIFY.BAD);
    add('d', NOTIFY.OK);
    expect(chain.callRobust('UP', 'DOWN', null).errno).toBe(-1);
    expect(seen).toEqual(['a UP', 'b UP', 'c UP', 'a DOWN', 'b DOWN']);
  });

  it('forgets a callback that is disposed, also while it is called', () => {
    const chain = new NotifierChain<null>('test');
    const seen: string[] = [];
    const first = chain.register(() => {
      seen.push('first');
      first[Symbol.dispose]();
    });
    chain.register(() => void seen.push('second'));
    chain.call('GO', null);
    chain.call('GO', null);
    expect(seen).toEqual(['first', 'second', 'second']);
  });
});

describe('memoryNotify', () => {
  const range = memoryNotifyOf(0x8000, 0x8000, { statusChangeNid: 1 });

  it('fills in what is not given', () => {
    expect(range).toEqual({
      startPfn: 0x8000,
      nrPages: 0x8000,
      altmapStartPfn: 0,
      altmapNrPages: 0,
      statusChangeNidNormal: -1,
      statusChangeNid: 1,
    });
  });

  it.each([
    [MEM.GOING_ONLINE, MEM.CANCEL_ONLINE],
    [MEM.GOING_OFFLINE, MEM.CANCEL_OFFLINE],
  ])('a refused %s cancels to the whole chain, also to those never told', (going, cancel) => {
    const chain = new NotifierChain<MemoryNotify, MemoryAction>('memory');
    const seen: string[] = [];
    const add = (name: string, priority: number, veto = false) =>
      chain.register(
        (action) => {
          seen.push(`${name} ${action}`);
          return veto && action === going ? notifierFromErrno(EBUSY) : NOTIFY.OK;
        },
        priority,
        name,
      );
    add('virtio-mem', MEMORY_NOTIFIER_PRIORITY.DEFAULT);
    add('slab', MEMORY_NOTIFIER_PRIORITY.SLAB, true);
    add('ksm', MEMORY_NOTIFIER_PRIORITY.KSM);
    expect(memoryNotify(chain, going, range)).toMatchObject({ errno: -16, stoppedBy: 'slab', calls: 2 });
    expect(seen).toEqual([`ksm ${going}`, `slab ${going}`, `ksm ${cancel}`, `slab ${cancel}`, `virtio-mem ${cancel}`]);
  });

  it('does not cancel what went well, nor what cannot be refused', () => {
    const chain = new NotifierChain<MemoryNotify, MemoryAction>('memory');
    const seen: string[] = [];
    chain.register((action) => {
      seen.push(action);
      return action === MEM.OFFLINE ? NOTIFY.BAD : NOTIFY.OK;
    });
    memoryNotify(chain, MEM.GOING_ONLINE, range);
    memoryNotify(chain, MEM.ONLINE, range);
    memoryNotify(chain, MEM.OFFLINE, range);
    expect(seen).toEqual(['MEM_GOING_ONLINE', 'MEM_ONLINE', 'MEM_OFFLINE']);
  });

  it('is another chain than the node chain', () => {
    const nodes: NodeNotifiers = new NotifierChain('node');
    nodes.register((action, { nid }) => (action === NODE.ADDING_FIRST_MEMORY && nid === 1 ? NOTIFY.BAD : NOTIFY.OK));
    expect(nodes.call(NODE.ADDING_FIRST_MEMORY, { nid: 1 }).errno).toBe(-1);
    // @ts-expect-error memory actions are not told on the node chain
    nodes.call(MEM.ONLINE, { nid: 1 });
  });
});
