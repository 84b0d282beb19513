/** CRC-32 as in gzip and PNG: polynomial 0xEDB88320, reflected. */

const TABLE = new Uint32Array(256).map((_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  return value;
});

/** The checksum of bytes [from, to). */
export function crc32(bytes: Uint8Array, from = 0, to = bytes.length): number {
  const table = TABLE;
  let value = -1;
  for (let i = from; i < to; i++) value = table[(value ^ bytes[i]) & 255] ^ (value >>> 8);
  return ~value >>> 0;
}
