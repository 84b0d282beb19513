export { isRpwFile, OpenRpw, openRpw, readRpw } from './rpw-reader.ts';
export { RpwWriter, writeRpw, type WriteOptions, type Written } from './rpw-writer.ts';
export { zlibPacker } from './zlib-packer.ts';
