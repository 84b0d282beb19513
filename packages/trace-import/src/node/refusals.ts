/** Compressed data that is valid but is not read. The caller knows path and compression and makes the coded error. */

/** Needs a feature that the decoder lacks. */
export class Unsupported extends Error {}

/** Needs more memory for its window (xz: dictionary) than is given, bytes. */
export class WindowTooLarge extends Error {
  readonly window: number;
  readonly limit: number;

  constructor(window: number, limit: number) {
    super(`a window of ${window} bytes`);
    this.window = window;
    this.limit = limit;
  }
}

/** Grows out of all proportion. */
export class Bomb extends Error {}
