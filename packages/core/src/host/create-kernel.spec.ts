import { describe, expect, it } from 'vitest';
import { Core } from '../contracts/services.ts';
import { NodeNotifiers } from '../events/node-notifier.ts';
import { createTracepoints } from '../events/tracepoints.ts';
import { ReplugError } from '../base/errors.ts';
import { createKernel } from './create-kernel.ts';
import { KernfsError } from './errors.ts';
import { defineSlot } from './slot.ts';
import { defineSubsystem, type AnySubsystem } from './subsystem.ts';
import { token } from './token.ts';
import type { CoreServices } from './kernel.ts';
import type { SubsystemScope } from './scope.ts';

interface Allocator {
  alloc(order: number): number;
}
const Allocator = token<Allocator>()('test.Allocator', { provider: 'buddy() from @replug/buddy' });
const FreeLists = token<{ readonly lists: number }>()('test.FreeLists');
const Hotplug = token<{ readonly blocks: number }>()('test.Hotplug', { provider: 'hotplug() from @replug/hotplug' });

const log: string[] = [];
const services = (rest: Partial<CoreServices> = {}): CoreServices => ({
  tokens: [],
  tracepoints: createTracepoints(),
  stateHash: () => 'state',
  contractHash: () => 'contract',
  dispose: () => void log.push('core disposed'),
  ...rest,
});

/** Logs every moment of its life. */
function watch(id: string, scope: SubsystemScope): void {
  log.push(`${id} created`);
  scope.onSeal(() => void log.push(`${id} sealed`));
  scope.onBoot(() => void log.push(`${id} booted`));
  scope.onQuiesce(() => void log.push(`${id} quiesced`));
  scope.onDispose(() => void log.push(`${id} disposed`));
}

const buddy = () =>
  defineSubsystem({
    id: 'buddy',
    needs: { tracepoints: Core.Tracepoints },
    provides: { allocator: Allocator, zoneLists: FreeLists },
    create: ({ tracepoints }, scope) => {
      watch('buddy', scope);
      const { mm_page_alloc } = tracepoints;
      const allocator: Allocator = {
        alloc: (order) => {
          if (mm_page_alloc.enabled) mm_page_alloc.emit(4096, order, 0, 0);
          return 4096;
        },
      };
      return { allocator, zoneLists: { lists: 11 } };
    },
  });

const hotplug = () =>
  defineSubsystem({
    id: 'hotplug',
    needs: { allocator: Allocator, clock: Core.Clock },
    provides: { hotplug: Hotplug },
    create: ({ allocator, clock }, scope) => {
      watch('hotplug', scope);
      scope.view('/sys/x', { read: () => `${allocator.alloc(0)} ${clock.now}\n` });
      return { hotplug: { blocks: 1 } };
    },
  });

const observer = () =>
  defineSubsystem({ id: 'observer', needs: { hotplug: Hotplug }, create: (_deps, scope) => watch('observer', scope) });

function thrown(fn: () => unknown): ReplugError {
  try {
    fn();
  } catch (error) {
    if (error instanceof ReplugError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('createKernel', () => {
  it('creates in the order of needs, seals, boots, and disposes in reverse', () => {
    log.length = 0;
    const kernel = createKernel({ core: services(), subsystems: [observer(), hotplug(), buddy()] });
    expect(kernel.phase).toBe('running');
    expect(kernel.subsystems).toEqual(['core', 'buddy', 'hotplug', 'observer']);
    expect(kernel.get(Allocator).alloc(0)).toBe(4096);
    expect(kernel.get(Hotplug).blocks).toBe(1);
    expect(kernel.get(Core.Clock)).toBe(kernel.clock);
    kernel.dispose();
    kernel.dispose();
    expect(kernel.phase).toBe('disposed');
    expect(log).toEqual([
      'buddy created',
      'hotplug created',
      'observer created',
      'buddy sealed',
      'hotplug sealed',
      'observer sealed',
      'buddy booted',
      'hotplug booted',
      'observer booted',
      'observer quiesced',
      'hotplug quiesced',
      'buddy quiesced',
      'observer disposed',
      'hotplug disposed',
      'buddy disposed',
      'core disposed',
    ]);
    expect(thrown(() => kernel.read('/proc/x')).code).toBe('RP1140');
  });

  it('a failure in the middle disposes what was built, in reverse, and names the subsystem', () => {
    log.length = 0;
    const broken = defineSubsystem({
      id: 'broken',
      create: (_deps, scope) => {
        watch('broken', scope);
        throw new TypeError('no such luck');
      },
    });
    const error = thrown(() => createKernel({ core: services(), subsystems: [buddy(), hotplug(), broken] }));
    expect(error.message).toBe('RP1112 subsystem broken: create failed: "no such luck"');
    expect(error.cause).toBeInstanceOf(TypeError);
    expect(log).toEqual([
      'buddy created',
      'hotplug created',
      'broken created',
      'broken disposed',
      'hotplug disposed',
      'buddy disposed',
      'core disposed',
    ]);
  });

  it('a failure while booting does so too, and a coded error keeps its code', () => {
    log.length = 0;
    const broken = defineSubsystem({
      id: 'broken',
      create: (_deps, scope) =>
        scope.onBoot(() => {
          throw new ReplugError({ code: 'RP1001', who: 'machine', what: 'too big' });
        }),
    });
    const error = thrown(() => createKernel({ core: services(), subsystems: [buddy(), broken] }));
    expect(error.message).toBe('RP1001 subsystem broken: machine: too big');
    expect(log.slice(-2)).toEqual(['buddy disposed', 'core disposed']);
  });

  it('goes on disposing after a failure, and then tells it', () => {
    log.length = 0;
    const broken = defineSubsystem({
      id: 'broken',
      create: (_deps, scope) =>
        scope.onDispose(() => {
          throw new Error('stuck');
        }),
    });
    const kernel = createKernel({ core: services(), subsystems: [buddy(), broken] });
    expect(() => kernel.dispose()).toThrow(/^RP1113 kernel: disposing failed: .*subsystem broken.*stuck/);
    expect(log.slice(-2)).toEqual(['buddy disposed', 'core disposed']);
  });

  it('reports what is missing when the types could not', () => {
    const list: AnySubsystem[] = [hotplug()];
    expect(thrown(() => createKernel({ core: services(), subsystems: list })).message).toBe(
      'RP1101 kernel: contracts that nothing provides: "hotplug needs test.Allocator" (add buddy() from @replug/buddy)',
    );
  });

  it('a missing contract is one type error', () => {
    const run = (): void => {
      // @ts-expect-error Property ''missing contract'' is missing: "test.Allocator"
      createKernel({ core: services(), subsystems: [hotplug()] });
      createKernel({ core: services(), subsystems: [hotplug(), buddy()] });
      createKernel({ core: services(), subsystems: [observer(), hotplug(), buddy()] });
      createKernel({ core: services(), subsystems: [] });
      // @ts-expect-error no subsystem
      createKernel({ core: services(), subsystems: [{}] });
      // A list whose contracts are not known to the compiler is checked at run time only.
      createKernel({ core: services(), subsystems: [] as AnySubsystem[] });
    };
    expect(run).toBeTypeOf('function');
  });

  it('two providers of one contract are an error', () => {
    const llfree = defineSubsystem({
      id: 'llfree',
      provides: { allocator: Allocator },
      create: () => ({ allocator: { alloc: () => -1 } }),
    });
    expect(thrown(() => createKernel({ core: services(), subsystems: [buddy(), llfree] })).message).toBe(
      'RP1102 kernel: buddy and llfree both provide one contract: "test.Allocator" (leave one of them out)',
    );
  });

  it('what is created must have what is provided', () => {
    const empty: AnySubsystem = { id: 'empty', needs: {}, provides: { allocator: Allocator }, create: () => ({}) };
    expect(thrown(() => createKernel({ core: services(), subsystems: [empty] })).message).toBe(
      'RP1111 subsystem empty: what it created has no "allocator", which it provides as: "test.Allocator"',
    );
  });

  it('a slot taken twice names both, and is read once sealed', () => {
    const Grow = defineSlot<() => boolean>('test.grow', () => false);
    let inForce: (() => boolean) | undefined;
    const taker = (id: string) =>
      defineSubsystem({
        id,
        create: (_deps, scope) => {
          scope.takeSlot(Grow, () => true);
          scope.onSeal(() => (inForce = scope.useSlot(Grow)));
        },
      });
    using _kernel = createKernel({ core: services(), subsystems: [taker('dnuma')] });
    expect(inForce?.()).toBe(true);
    const error = thrown(() => createKernel({ core: services(), subsystems: [taker('dnuma'), taker('deferred')] }));
    expect(error.message).toBe(
      'RP1120 subsystem deferred: slot was taken by dnuma already: "test.grow" (at most one subsystem decides)',
    );
  });

  it('gives every subsystem the contracts of core, and the machine its own scope', () => {
    const core = services({
      tokens: [[Core.Machine, { name: 'machine' }]],
      attach: (scope) => void scope.view('/proc/iomem', () => '00000000-00000fff : Reserved\n'),
    });
    const nosy = defineSubsystem({
      id: 'nosy',
      needs: { machine: Core.Machine, context: Core.Context, memory: Core.MemoryNotifiers, nodes: NodeNotifiers },
      create: ({ machine, context, memory, nodes }) => {
        expect(machine).toEqual({ name: 'machine' });
        expect([context.faults(), memory.name, nodes.name]).toEqual([[], 'memory', 'node']);
      },
    });
    using kernel = createKernel({ core, subsystems: [nosy] });
    expect(kernel.read('/proc/iomem')).toBe('00000000-00000fff : Reserved\n');
  });
});

describe('Kernel', () => {
  it('reads, writes and lists files', () => {
    const seen: string[] = [];
    const files = defineSubsystem({
      id: 'files',
      needs: { clock: Core.Clock },
      create: ({ clock }, scope) => {
        scope.control('/sys/state', (text) => {
          seen.push(text);
          clock.at(5, () => void seen.push('overdue'));
          clock.charge('pageCopy4K');
        });
        scope.link('/sys/link', 'state');
        scope.directory('/sys', { list: () => ['lazy'], entry: () => undefined });
      },
    });
    using kernel = createKernel({ core: services(), subsystems: [files] });
    kernel.write('/sys/state', 'online\n');
    expect(seen).toEqual(['online', 'overdue']);
    expect(kernel.list('/sys')).toEqual(['lazy', 'link', 'state']);
    expect(kernel.readlink('/sys/link')).toBe('state');
    expect(kernel.stat('/sys/link')?.kind).toBe('link');
    expect(() => kernel.read('/sys/state')).toThrow(KernfsError);
  });

  it('gathers gauges, invariants, sections and hashes', () => {
    const contributor = (id: string, problems: string | undefined | string[]) =>
      defineSubsystem({
        id,
        create: (_deps, scope) => {
          scope.gauge('pages', () => 7);
          scope.invariant('free lists', () => problems);
          scope.section('summary', () => ({ id }));
          scope.hash('state', (hasher) => hasher.word(problems?.length ?? 0));
        },
      });
    const kernelOf = (...problems: (string | undefined | string[])[]) =>
      createKernel({ core: services(), subsystems: problems.map((one, i) => contributor(`s${i}`, one)) });
    using kernel = kernelOf('broken', undefined, ['a', 'b']);
    expect(kernel.gauges()).toEqual({ 's0.pages': 7, 's1.pages': 7, 's2.pages': 7 });
    expect(kernel.validate()).toEqual([
      { owner: 's0', name: 'free lists', problem: 'broken' },
      { owner: 's2', name: 'free lists', problem: 'a' },
      { owner: 's2', name: 'free lists', problem: 'b' },
    ]);
    expect(kernel.sections()[1]).toEqual({ owner: 's1', name: 'summary', content: { id: 's1' } });
    using same = kernelOf('broken', undefined, ['a', 'b']);
    using other = kernelOf('broken', undefined, []);
    expect(same.stateHash()).toBe(kernel.stateHash());
    expect(other.stateHash()).not.toBe(kernel.stateHash());
    expect(other.contractHash()).toBe(kernel.contractHash());
  });

  it('disposes with `using`', () => {
    log.length = 0;
    {
      using _kernel = createKernel({ core: services(), subsystems: [] });
    }
    expect(log).toEqual(['core disposed']);
  });

  it('kernels of one process share nothing', () => {
    using one = createKernel({ core: services(), subsystems: [buddy()] });
    using two = createKernel({ core: services(), subsystems: [buddy()] });
    const seen: number[] = [];
    one.tracepoints.mm_page_alloc.on((pfn, order) => void seen.push(pfn, order));
    two.get(Allocator).alloc(3);
    one.get(Allocator).alloc(2);
    expect(seen).toEqual([4096, 2]);
    expect(one.get(Allocator)).not.toBe(two.get(Allocator));
  });
});

describe('defineSubsystem', () => {
  it('wants exactly one of create and useClass', () => {
    // @ts-expect-error neither
    expect(thrown(() => defineSubsystem({ id: 'none' })).code).toBe('RP1110');
    // @ts-expect-error both
    expect(thrown(() => defineSubsystem({ id: 'both', create: () => {}, useClass: class {} })).code).toBe('RP1110');
  });

  it('infers what is given and what must be returned', () => {
    const define = (): unknown[] => [
      defineSubsystem({
        id: 'typed',
        needs: { allocator: Allocator },
        provides: { hotplug: Hotplug },
        create: ({ allocator }) => ({ hotplug: { blocks: allocator.alloc(0) } }),
      }),
      defineSubsystem({
        id: 'wrong return',
        provides: { hotplug: Hotplug },
        // @ts-expect-error blocks is a number
        create: () => ({ hotplug: { blocks: 'one' } }),
      }),
      defineSubsystem({
        id: 'not needed',
        needs: { allocator: Allocator },
        // @ts-expect-error lists was not asked for
        create: ({ lists }) => lists,
      }),
    ];
    expect(define).toBeTypeOf('function');
  });
});
