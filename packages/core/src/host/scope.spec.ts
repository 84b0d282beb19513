import { describe, expect, it } from 'vitest';
import { NOTIFY, NotifierChain } from '../events/notifier-chain.ts';
import { Tracepoint } from '../events/tracepoint.ts';
import { Kernfs } from './kernfs.ts';
import { SubsystemScope } from './scope.ts';
import { defineSlot, SlotTable } from './slot.ts';

const Grow = defineSlot<() => boolean>('test.grow', () => false);

function setUp() {
  const host = { kernfs: new Kernfs(), slots: new SlotTable() };
  return { ...host, scope: new SubsystemScope('dnuma', host) };
}

describe('SubsystemScope', () => {
  it('lists what was registered and takes all of it back, last first', () => {
    const { scope, kernfs, slots } = setUp();
    const tracepoint = new Tracepoint<[number]>('mm_test', ['pfn']);
    const chain = new NotifierChain<null>('memory');
    const order: string[] = [];

    scope.onDispose(() => void order.push('first registered'));
    scope.takeSlot(Grow, () => true);
    scope.view('/proc/x', () => 'x');
    scope.control('/proc/y', () => {});
    scope.link('/proc/z', 'x');
    scope.directory('/sys/lazy', { list: () => ['a'], entry: () => undefined });
    scope.gauge('pages', () => 1);
    scope.invariant('ok', () => undefined);
    scope.section('summary', () => 'text');
    scope.hash('state', () => {});
    scope.listen(tracepoint, () => {});
    scope.notifier(chain, () => NOTIFY.OK, 3);
    scope.own({ dispose: () => void order.push('owned') });
    scope.own({ [Symbol.dispose]: () => void order.push('owned by symbol') });

    expect(scope.registrations.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'hook dispose',
      'slot test.grow',
      'view /proc/x',
      'view /proc/y',
      'link /proc/z',
      'directory /sys/lazy',
      'gauge pages',
      'invariant ok',
      'section summary',
      'hash state',
      'listener mm_test',
      'notifier memory',
      'owned Object',
      'owned Object',
    ]);
    expect(chain.owners()).toEqual(['dnuma']);

    scope.dispose();
    scope.dispose();
    expect(order).toEqual(['owned by symbol', 'owned', 'first registered']);
    expect(scope.registrations).toEqual([]);
    expect(slots.ownerOf(Grow)).toBeUndefined();
    expect(kernfs.list('/')).toEqual([]);
    expect([tracepoint.enabled, chain.owners(), scope.gauges.size, scope.hashes.size]).toEqual([false, [], 0, 0]);
  });

  it('takes a single registration back', () => {
    const { scope, kernfs } = setUp();
    const view = scope.view('/proc/x', () => 'x');
    const gauge = scope.gauge('pages', () => 1);
    view[Symbol.dispose]();
    view[Symbol.dispose]();
    gauge[Symbol.dispose]();
    scope.gauge('pages', () => 2);
    expect(scope.registrations).toEqual([{ kind: 'gauge', name: 'pages' }]);
    expect(kernfs.stat('/proc/x')).toBeUndefined();
  });

  it('refuses a name twice, and anything once disposed', () => {
    const { scope } = setUp();
    scope.gauge('pages', () => 1);
    expect(() => scope.gauge('pages', () => 2)).toThrow('RP1114 subsystem dnuma: gauge registered twice: "pages"');
    scope.run('seal');
    expect(() => scope.onSeal(() => {})).toThrow(/^RP1116/);
    scope.dispose();
    expect(() => scope.view('/proc/x', () => 'x')).toThrow(
      /^RP1115 subsystem dnuma: view registered after it was disposed/,
    );
    expect(() => scope.gauge('pages', () => 1)).toThrow(/^RP1115/);
    expect(() => scope.onBoot(() => {})).toThrow(/^RP1115/);
  });

  it('disposes the rest when something fails, and tells what failed', () => {
    const { scope } = setUp();
    let rest = 0;
    scope.onDispose(() => void rest++);
    scope.onDispose(() => {
      throw new Error('stuck');
    });
    expect(() => scope.dispose()).toThrow('RP1113 subsystem dnuma: disposing failed: "stuck"');
    expect(rest).toBe(1);
  });
});
