/**
 * Writes src/rpw/descriptor.ts, the schema as data, from replug.proto: so that nothing has to be parsed or generated when the
 * package is installed or loaded. A test compares the two.
 *
 *   node packages/workload/schema/generate.mjs
 */
import { readFileSync, writeFileSync } from 'node:fs';
import prettier from 'prettier';
import protobuf from 'protobufjs';

const here = (path) => new URL(path, import.meta.url);
const { root } = protobuf.parse(readFileSync(here('replug.proto'), 'utf8'));
const text =
  '/** schema/replug.proto as data. Written by schema/generate.mjs: change the schema, not this file. */\n' +
  `export const DESCRIPTOR: object = ${JSON.stringify(root.toJSON())};\n`;
const options = await prettier.resolveConfig(here('.').pathname);
writeFileSync(here('../src/rpw/descriptor.ts'), await prettier.format(text, { ...options, parser: 'typescript' }));
