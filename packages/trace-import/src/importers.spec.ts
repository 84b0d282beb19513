import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { dumpsFolder, filesBelow, hasDumps, hasShared, ppc, s390, sharedCaptures, x86 } from './captures.spec-kit.ts';
import { ImporterRegistry } from './importer.ts';
import { IMPORTERS } from './importers.ts';
import { readPrefix } from './node/read-bytes.ts';

/** Files of a capture and the format that their content alone must give. */
const FORMATS: readonly (readonly [RegExp, string])[] = [
  [/^zoneinfo$/, 'zoneinfo'],
  [/^buddyinfo(\.2)?$/, 'buddyinfo'],
  [/^pagetypeinfo$/, 'pagetypeinfo'],
  [/^vmstat$/, 'vmstat'],
  [/^meminfo$/, 'meminfo'],
  [/^iomem$/, 'iomem'],
  [/^sys-(memory|node)\.txt$/, 'sysfs-listing'],
  [/^sysctl-vm\.txt$/, 'sysctl'],
  [/^when$/, 'when'],
  [/^meta\.txt$/, 'meta'],
  [/^dmesg\.txt$/, 'dmesg'],
  [/^trace_clock$/, 'trace-clock'],
  [/^trace\.txt(\.xz)?$/, 'ftrace-text'],
  [/^kpageflags\.bin(\.xz)?$/, 'kpageflags'],
  [/^kpagecount\.bin(\.xz)?$/, 'kpagecount'],
];

async function check(captures: readonly string[]): Promise<void> {
  for (const [name, format] of FORMATS) {
    for (const path of captures.flatMap((capture) => filesBelow(capture, name))) {
      expect(IMPORTERS.detect(await readPrefix(path))?.id, path).toBe(format);
    }
  }
}

it('recognises every file of the shipped captures by content', () => check([x86, ppc, s390]));

it.skipIf(!hasShared)('recognises every file of the shared captures by content', () => check(sharedCaptures));

it.skipIf(!hasDumps)('recognises the third-party dumps by content', async () => {
  for (const format of ['zoneinfo', 'buddyinfo', 'pagetypeinfo', 'iomem']) {
    const files = filesBelow(dumpsFolder, new RegExp(`${format}$`));
    expect(files.length).toBeGreaterThan(0);
    for (const path of files) expect(IMPORTERS.detect(await readPrefix(path))?.id, path).toBe(format);
  }
});

it('tells the two index files apart', () => {
  const row = 'Node 0, zone   Normal';
  const detect = (values: string) => IMPORTERS.detect(new TextEncoder().encode(`${row} ${values} \n`))?.id;
  expect(detect('-1.000 -1.000 -1.000')).toBe('extfrag-index');
  expect(detect('0.914 0.957 0.979')).toBe('extfrag-index');
  expect(detect('0.000 0.003 0.010')).toBe('unusable-index');
  for (const name of ['extfrag', 'unusable']) {
    const bytes = readFileSync(join(x86, 'steps/02-after', `${name}_index`));
    expect(IMPORTERS.detect(bytes)?.id).toBe(`${name}-index`);
  }
});

it('knows lines of uname, version, cmdline, cpuinfo', () => {
  const detect = (text: string) => IMPORTERS.detect(new TextEncoder().encode(text))?.id;
  expect(detect('Linux host 5.4.0-1-generic #1-Ubuntu SMP Thu Jan 1 00:00:00 UTC 2022 x86_64 GNU/Linux\n')).toBe(
    'uname',
  );
  expect(detect('Linux version 5.14.0-1.el9.x86_64 (builder) (gcc) #1 SMP\n')).toBe('version');
  expect(detect('BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro quiet\n')).toBe('cmdline');
  expect(detect('processor\t: 0\nvendor_id\t: GenuineIntel\n')).toBe('cpuinfo');
});

it.each(['', 'hello\n', '\u0000\u0001', '{"events": []}', '<?xml version="1.0"?>'])('takes %j for nothing', (text) => {
  expect(IMPORTERS.detect(new TextEncoder().encode(text))).toBeUndefined();
});

it('refuses two importers of one priority', () => {
  const importer = IMPORTERS.byId('when')!;
  expect(() => new ImporterRegistry([importer, { ...importer, id: 'other' }])).toThrow(/RP4006/);
});
