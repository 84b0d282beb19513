/** What a .rpw file needs from outside: raw deflate. Node's zlib gives it in `src/node`; elsewhere any other does. */
export interface Packer {
  deflate(bytes: Uint8Array): Uint8Array;
  /** Throws when the data is damaged or would come out longer than `length`. */
  inflate(bytes: Uint8Array, length: number): Uint8Array;
}
