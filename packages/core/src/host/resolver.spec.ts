import { describe, expect, it } from 'vitest';
import { resolveOrder } from './resolver.ts';
import { token, type AnyToken } from './token.ts';

const A = token<1>()('core.A', { provider: 'a() from @replug/a' });
const B = token<2>()('core.B', { provider: 'b() from @replug/b' });
const C = token<3>()('core.C');
const Core = token<4>()('core.Core');
const GIVEN = new Map([['core.Core', 'core']]);

const one = (id: string, needs: readonly AnyToken[], provides: readonly AnyToken[]) => ({
  id,
  needs: Object.fromEntries(needs.map((t) => [t.id, t])),
  provides: Object.fromEntries(provides.map((t) => [t.id, t])),
});
const order = (...list: ReturnType<typeof one>[]): string[] => resolveOrder(list, GIVEN).map(({ id }) => id);

describe('resolveOrder', () => {
  it('keeps the order of the list where nothing is needed', () => {
    expect(order(one('z', [Core], []), one('a', [], [A]), one('m', [], []))).toEqual(['z', 'a', 'm']);
  });

  it('pulls a provider to just before the first that needs it', () => {
    expect(
      order(one('x', [], []), one('user', [B, A], []), one('y', [], []), one('a', [], [A]), one('b', [A], [B])),
    ).toEqual(['x', 'a', 'b', 'user', 'y']);
  });

  it('names what is missing, who needs it, and the calls that would provide it', () => {
    expect(() => order(one('hotplug', [A, C], []), one('dnuma', [A, B, Core], []))).toThrow(
      'RP1101 kernel: contracts that nothing provides: "hotplug needs core.A; hotplug needs core.C; dnuma needs core.A; dnuma needs core.B"' +
        ' (add a() from @replug/a, b() from @replug/b)',
    );
  });

  it('names both providers of one contract', () => {
    expect(() => order(one('buddy', [], [A]), one('llfree', [], [A]))).toThrow(
      'RP1102 kernel: buddy and llfree both provide one contract: "core.A"',
    );
    expect(() => order(one('buddy', [], [Core]))).toThrow('core and buddy both provide one contract: "core.Core"');
  });

  it('prints a cycle, without what only leads to it', () => {
    expect(() => order(one('outer', [A], []), one('a', [B], [A]), one('b', [C], [B]), one('c', [A], [C]))).toThrow(
      'RP1103 kernel: subsystems need each other in a circle: "a -> b -> c -> a" (turn one of the needs into a slot)',
    );
    expect(() => order(one('a', [A], [A]))).toThrow('"a -> a"');
  });

  it('knows a subsystem that is there twice', () => {
    expect(() => order(one('buddy', [], []), one('buddy', [], []))).toThrow(
      'RP1104 kernel: subsystem is there twice: "buddy"',
    );
  });
});
