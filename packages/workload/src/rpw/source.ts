/** Bytes to read from: a file, a blob, an array. */
export interface ByteSource {
  /** As errors and warnings show it. */
  readonly name: string;
  readonly size: number;
  /** The bytes from `offset` on; fewer than `length` at the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

export function bytesSource(bytes: Uint8Array, name: string): ByteSource {
  return { name, size: bytes.length, read: async (offset, length) => bytes.subarray(offset, offset + length) };
}
