/** Raw deflate by Node's zlib. */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Packer } from '../rpw/packer.ts';

const LEVEL = 6;
/** zlib takes no limit of 0. */
const LEAST_LIMIT = 1;

export const zlibPacker: Packer = {
  deflate: (bytes) => deflateRawSync(bytes, { level: LEVEL }),
  inflate: (bytes, length) => inflateRawSync(bytes, { maxOutputLength: Math.max(LEAST_LIMIT, length) }),
};
