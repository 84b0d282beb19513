import { expect, it } from 'vitest';
import { flagsText, flagStyleOf } from './irq-flags.ts';

/** From trace_print_lat_fmt(): bits 0 irqs off, 2 need resched, 3 hardirq, 4 softirq, 5 preempt resched, 6 nmi, 7 bh off. */
it.each<[number, number, string]>([
  [0, 0, '.....'],
  [0x01, 3, 'd..3.'],
  [0x80, 0, 'b....'],
  [0x81, 0, 'D....'],
  [0x02, 0, 'X....'],
  [0x04, 0, '.n...'],
  [0x20, 0, '.p...'],
  [0x24, 0, '.N...'],
  [0x08, 0, '..h..'],
  [0x10, 0, '..s..'],
  [0x18, 0, '..H..'],
  [0x40, 0, '..z..'],
  [0x48, 0, '..Z..'],
  [0x2d, 0x1f, 'dNhf1'],
  [0, 0x20, '....2'],
])('flags %s, preempt count %s: %s', (flags, preempt, text) => {
  expect(flagsText(flags, preempt, flagStyleOf('6.1.0-50-s390x'))).toBe(text);
});

it('has four characters before 5.17, and lazy ones since 6.14', () => {
  expect(flagsText(0x05, 0x2, flagStyleOf('5.10.0-8-amd64'))).toBe('dn.2');
  expect(flagsText(0x05, 0x12, flagStyleOf('5.17.0'))).toBe('dn.21');
  expect([0x02, 0x06, 0x22, 0x26].map((flags) => flagsText(flags, 0, flagStyleOf('6.14.1')))).toEqual([
    '.l...',
    '.b...',
    '.L...',
    '.B...',
  ]);
  expect(flagStyleOf(undefined)).toEqual({ five: true, lazy: false });
});
