import { expect, it } from 'vitest';
import { FrameNames } from './frame-names.ts';

it('follows frames that move, also back and into each other’s places', () => {
  const names = new FrameNames(16, 32);
  names.name(0, 8, 4);
  names.name(4, 20, 1);
  names.moved(8, 24, 2);
  expect([...names.frameOf.subarray(0, 5)]).toEqual([25, 26, 27, 28, 21]);
  names.moved(20, 8, 0);
  names.moved(24, 20, 1);
  expect([...names.frameOf.subarray(0, 5)]).toEqual([21, 22, 27, 28, 9]);
  // What was named after the first move is followed as well, what was given back is not.
  names.name(5, 30, 1);
  names.forget(4, 1);
  names.moved(30, 31, 0);
  names.moved(8, 9, 0);
  expect([...names.frameOf.subarray(0, 6)]).toEqual([21, 22, 27, 28, 0, 32]);
});
