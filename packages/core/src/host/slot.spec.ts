import { describe, expect, it } from 'vitest';
import { defineSlot, SlotTable } from './slot.ts';

const Grow = defineSlot<(zone: number) => boolean>('core.grow', () => false);

describe('SlotTable', () => {
  it('gives the default, or what took it over', () => {
    const table = new SlotTable();
    table.take(Grow, (zone) => zone === 7, 'dnuma');
    table.seal();
    expect(table.use(Grow)(7)).toBe(true);
    expect(table.ownerOf(Grow)).toBe('dnuma');

    const untouched = new SlotTable();
    untouched.seal();
    expect(untouched.use(Grow)(7)).toBe(false);
    expect(untouched.ownerOf(Grow)).toBeUndefined();
  });

  it('a second claim is an error that names both', () => {
    const table = new SlotTable();
    table.take(Grow, () => true, 'dnuma');
    expect(() => table.take(Grow, () => true, 'deferred-init')).toThrow(
      'RP1120 subsystem deferred-init: slot was taken by dnuma already: "core.grow" (at most one subsystem decides)',
    );
  });

  it('is claimed before sealing and read after it', () => {
    const table = new SlotTable();
    expect(() => table.use(Grow)).toThrow(/^RP1122/);
    table.take(Grow, () => true, 'first')[Symbol.dispose]();
    table.take(Grow, () => true, 'second');
    table.seal();
    expect(table.ownerOf(Grow)).toBe('second');
    expect(() => table.take(Grow, () => true, 'late')).toThrow(/^RP1121/);
  });

  it('is typed', () => {
    // @ts-expect-error an implementation has the slot's type
    new SlotTable().take(Grow, 1, 'x');
  });
});
