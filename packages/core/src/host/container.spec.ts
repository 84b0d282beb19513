import { describe, expect, it } from 'vitest';
import { Core } from '../contracts/services.ts';
import { createTracepoints } from '../events/tracepoints.ts';
import { inject, injectable, injectedTokens, KernelContainer } from './container.ts';
import { createKernel } from './create-kernel.ts';
import { SubsystemScope, SubsystemScopeToken } from './scope.ts';
import { defineSubsystem } from './subsystem.ts';
import { token } from './token.ts';
import type { VirtualClock } from '../events/virtual-clock.ts';
import type { CoreServices } from './kernel.ts';
// A host application has tsyringe of its own; here container.ts has loaded reflect-metadata before it.
import { container as globalContainer, inject as rawInject, injectAll } from 'tsyringe';

const services = (): CoreServices => ({
  tokens: [],
  tracepoints: createTracepoints(),
  stateHash: () => '',
  contractHash: () => '',
});

interface Policy {
  readonly name: string;
}
const Policy = token<Policy>()('test.Policy', { provider: 'policy() from @replug/policy' });
const Report = token<{ text(): string }>()('test.Report');

/** Of the host application. */
class Logger {
  readonly lines: string[] = [];
}

const disposed: string[] = [];

@injectable()
class Reporter {
  readonly report = { text: () => `${this.policy.name} at ${this.clock.now}` };
  private readonly policy: Policy;
  private readonly clock: VirtualClock;

  constructor(
    @inject(Policy) policy: Policy,
    @inject(Core.Clock) clock: VirtualClock,
    @inject(Logger) logger: Logger,
    @inject(SubsystemScopeToken) scope: SubsystemScope,
  ) {
    this.policy = policy;
    this.clock = clock;
    logger.lines.push(`reporter in ${scope.id}`);
    scope.onDispose(() => void disposed.push('hook'));
  }

  dispose(): void {
    disposed.push('instance');
  }
}

const reporter = () => defineSubsystem({ id: 'reporter', provides: { report: Report }, useClass: Reporter });
const policy = () =>
  defineSubsystem({ id: 'policy', provides: { policy: Policy }, create: () => ({ policy: { name: 'auto-movable' } }) });

/** A host application's container, as tsyringe makes them. */
function application() {
  const container = globalContainer.createChildContainer();
  container.registerSingleton(Logger);
  return container;
}

describe('a subsystem given by useClass', () => {
  it('is constructed with contracts, its scope, and what the host application has', () => {
    disposed.length = 0;
    const container = application();
    const kernel = createKernel({ core: services(), container, subsystems: [reporter(), policy()] });
    expect(kernel.subsystems).toEqual(['core', 'policy', 'reporter']);
    expect(kernel.get(Report).text()).toBe('auto-movable at 0');
    expect(container.resolve(Logger).lines).toEqual(['reporter in reporter']);
    kernel.dispose();
    expect(disposed).toEqual(['instance', 'hook']);
    expect(container.resolve(Logger).lines).toHaveLength(1);
  });

  it('needs what it injects: missing contracts are named', () => {
    expect(() => createKernel({ core: services(), container: application(), subsystems: [reporter()] })).toThrow(
      'RP1101 kernel: contracts that nothing provides: "reporter needs test.Policy"',
    );
    expect(() => createKernel({ core: services(), subsystems: [reporter(), policy()] })).toThrow(
      'RP1131 subsystem reporter: container: nothing provides this contract: "Logger"',
    );
  });

  it('says when a parameter has no token, and when the class is not injectable', () => {
    class Bare {
      constructor(readonly logger: Logger) {}
    }
    class Half {
      constructor(@inject(Logger) readonly logger: Logger) {}
    }
    const define = (useClass: typeof Bare) => defineSubsystem({ id: 'x', useClass });
    expect(() => createKernel({ core: services(), container: application(), subsystems: [define(Bare)] })).toThrow(
      'RP1132 class Bare: constructor parameter without @inject(Token): 0',
    );
    expect(() => createKernel({ core: services(), container: application(), subsystems: [define(Half)] })).toThrow(
      /RP1133 subsystem x: class Half: the class has parameters and is not @injectable/,
    );
  });

  it('must have what it provides', () => {
    defineSubsystem({
      id: 'typed',
      provides: { report: Report },
      // @ts-expect-error a Logger has no report
      useClass: Logger,
    });
    expect(injectedTokens(Logger)).toEqual([]);
  });
});

describe('a host application’s container', () => {
  it('builds its singletons with its own parts, never with a kernel’s', () => {
    const Name = 'app.name';
    @injectable()
    class Service {
      constructor(@inject(Name) readonly name: string) {}
    }
    @injectable()
    class User {
      readonly service: Service;
      constructor(@inject(Service) service: Service) {
        this.service = service;
      }
    }
    const container = globalContainer.createChildContainer();
    container.register(Name, { useValue: 'of the application' });
    container.registerSingleton(Service);
    const shadow = defineSubsystem({
      id: 'shadow',
      provides: { [Name]: token<string>()(Name) },
      create: () => ({ [Name]: 'of the kernel' }),
    });
    const user = defineSubsystem({
      id: 'user',
      provides: { service: token<Service>()('test.Service') },
      useClass: User,
    });
    for (let i = 0; i < 2; i++) {
      using kernel = createKernel({ core: services(), container, subsystems: [shadow, user] });
      expect(kernel.get(token<Service>()('test.Service'))).toBe(container.resolve(Service));
    }
    expect(container.resolve(Service).name).toBe('of the application');
  });

  it('provides external contracts, by name', () => {
    const Sink = token<{ write(line: string): void }>()('app.Sink');
    const lines: string[] = [];
    const container = globalContainer.createChildContainer();
    container.register(Sink.id, { useValue: { write: (line: string) => void lines.push(line) } });
    const writer = defineSubsystem({ id: 'writer', needs: { sink: Sink }, create: ({ sink }) => sink.write('hello') });
    using kernel = createKernel({ core: services(), container, external: [Sink], subsystems: [writer] });
    expect(lines).toEqual(['hello']);
    expect(kernel.get(Sink)).toBe(container.resolve(Sink.id));
    // @ts-expect-error nobody said that the container has it
    expect(() => createKernel({ core: services(), container, subsystems: [writer] })).toThrow(/^RP1101/);
    expect(() =>
      createKernel({ core: services(), container: application(), external: [Sink], subsystems: [writer] }),
    ).toThrow(/^RP1105/);
  });

  it('may be asked by its own decorators, for several and for what may be missing', () => {
    @injectable()
    class Collector {
      readonly found: unknown[];
      constructor(
        @injectAll('app.plugin') plugins: string[],
        @rawInject('app.none', { isOptional: true }) none?: string,
      ) {
        this.found = [plugins, none];
      }
    }
    const container = globalContainer.createChildContainer();
    container.register('app.plugin', { useValue: 'one' }).register('app.plugin', { useValue: 'two' });
    const Found = token<unknown[]>()('test.Found');
    const collector = defineSubsystem({ id: 'collector', provides: { found: Found }, useClass: Collector });
    using kernel = createKernel({ core: services(), container, subsystems: [collector] });
    expect(kernel.get(Found)).toEqual([['one', 'two'], undefined]);
  });

  it('may answer kernel contracts itself, by a factory', () => {
    using kernel = createKernel({ core: services(), subsystems: [policy()] });
    const container = application();
    container.register(Policy.id, { useFactory: () => kernel.get(Policy) });
    expect(container.resolve<Policy>(Policy.id).name).toBe('auto-movable');
  });
});

describe('KernelContainer', () => {
  it('is sealed: lookups by code of the kernel end, the host application’s stay allowed', () => {
    const container = new KernelContainer();
    container.provide(Policy, { name: 'one' });
    expect(container.resolve(Policy).name).toBe('one');
    container.seal();
    expect(() => container.resolve(Policy)).toThrow(
      /^RP1130 container: lookup after the kernel was sealed: "test.Policy"/,
    );
    expect(() => container.construct(Reporter, {} as SubsystemScope)).toThrow(/^RP1130/);
    expect(container.get(Policy).name).toBe('one');
  });

  it('never looks into the global container', () => {
    globalContainer.register(Policy.id, { useValue: { name: 'global' } });
    try {
      const container = new KernelContainer();
      expect(container.has(Policy.id)).toBe(false);
      expect(() => container.resolve(Policy)).toThrow(
        'RP1131 container: nothing provides this contract: "test.Policy" (add policy() from @replug/policy)',
      );
    } finally {
      globalContainer.reset();
    }
  });

  it('has a contract once', () => {
    const container = new KernelContainer();
    container.provide(Policy, { name: 'one' });
    expect(() => container.provide(Policy, { name: 'two' })).toThrow(/^RP1134/);
  });
});
