/**
 * Bytes that are read where they are wanted, and bytes that are read once, in order. A binary trace has its parts all over
 * the file and may be far larger than memory, so nothing here holds more than a piece of it.
 */

/** A file, or what stands for one. */
export interface Bytes {
  readonly size: number;
  /** Fills `into` from `at` on and gives how many bytes there were; fewer only at the end. */
  read(at: number, into: Uint8Array): number;
}

/** The bytes of one cpu, in order. */
export interface Feed {
  /** Fills `into` and gives how many bytes there were; fewer only at the end. */
  read(into: Uint8Array): number;
}

export function memoryBytes(bytes: Uint8Array): Bytes {
  return {
    size: bytes.length,
    read(at, into) {
      const part = bytes.subarray(Math.min(at, bytes.length), Math.min(at + into.length, bytes.length));
      into.set(part);
      return part.length;
    },
  };
}

/** `size` bytes from `start` on; what lies beyond the end is not there. */
export function feedOf(bytes: Bytes, start = 0, size = bytes.size): Feed {
  let at = start;
  const end = Math.min(start + size, bytes.size);
  return {
    read(into) {
      const wanted = into.subarray(0, Math.max(0, Math.min(into.length, end - at)));
      const count = wanted.length === 0 ? 0 : bytes.read(at, wanted);
      at += count;
      return count;
    },
  };
}
