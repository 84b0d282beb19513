/** owners from the outside: output and exit codes. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const s390x = join(root, 'fixtures', 'captures', 's390x-6.1-exact-anonhog');

function replug(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'apps/cli/bin/replug.mjs'), ...args], {
    encoding: 'utf8',
    cwd: folder,
    maxBuffer: 2 ** 26,
  });
  return { status, stdout, stderr };
}

const record = (pfn: number, order: number, comm: string, stack: readonly string[]) =>
  `Page allocated via order ${order}, mask 0xcc0(GFP_KERNEL), pid 7, tgid 7 (${comm}), ts 1000000000 ns
PFN 0x${pfn.toString(16)} type Unmovable Block ${pfn >> 9} type Unmovable Flags 0x0()
${stack.map((frame) => ` ${frame}+0x1/0x2\n`).join('')}
`;

const alloc = (seconds: number, pfn: number, fields: string) =>
  `              sh-781   [000] ...1     ${seconds}.000000: ${fields.replace('PFN', `page=0 pfn=0x${pfn.toString(16)}`)}\n`;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'replug-owners-'));
  const text = [
    record(0x200, 3, 'init', ['alloc_a', 'b']),
    record(0x210, 0, 'sh', ['c']),
    record(0x211, 0, 'sh', ['c']),
  ];
  writeFileSync(join(folder, 'page_owner'), text.join(''));
  const trace = [
    alloc(1, 0x300, 'mm_page_alloc: PFN order=1 migratetype=0 gfp_flags=GFP_KERNEL'),
    '              sh-781   [000] ...1     1.000001: <stack trace>\n => pte_alloc_one\n => do_fault\n',
    alloc(2, 0x310, 'mm_page_alloc: PFN order=0 migratetype=0 gfp_flags=GFP_KERNEL'),
  ];
  writeFileSync(join(folder, 'trace.txt'), trace.join(''));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('owners', () => {
  it('of a page_owner file, by stack', () => {
    const { status, stdout } = replug('owners', 'page_owner', '--json');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      by: 'stack',
      blocks: 3,
      pages: 10,
      withStack: 10,
      groupCount: 2,
      groups: [
        { key: 'alloc_a+0x1/0x2\nb+0x1/0x2', pages: 8, blocks: 1, comm: 'init' },
        { key: 'c+0x1/0x2', pages: 2, blocks: 2, comm: 'sh' },
      ],
    });
  });

  it('of a trace that keeps call chains, in the text and in a .rpw file of it', () => {
    expect(replug('import', 'trace.txt', '-o', 'trace.rpw').status).toBe(0);
    for (const path of ['trace.txt', 'trace.rpw']) {
      const { status, stdout } = replug('owners', path, '--json');
      expect(status).toBe(0);
      expect(JSON.parse(stdout), path).toMatchObject({
        base: null,
        pages: 3,
        withStack: 2,
        groups: [
          { key: 'pte_alloc_one\ndo_fault', pages: 2, comm: 'sh' },
          { key: '', pages: 1 },
        ],
      });
    }
    expect(replug('owners', 'trace.txt').stdout).toContain('pte_alloc_one < do_fault');
  });

  it('of a capture without page_owner, from its events, by task', () => {
    const { status, stdout } = replug('owners', s390x, '--at', 'fragmented', '--by', 'comm', '--top', '2');
    expect(status).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^s390x-6.1-exact-anonhog at 14\.\d{6} s: \d+ pages in \d+ blocks have a known owner$/);
    expect(lines[1]).toContain('from no page_owner before it (0 blocks)');
    expect(lines.at(-1)).toMatch(/^\d+ more groups$/);
    expect(lines.filter((line) => line.includes('anonhog ')).length).toBeGreaterThan(0);
  });

  it('says what makes no sense', () => {
    const { status, stderr } = replug('owners', 'page_owner', '--by', 'pid');
    expect(status).toBe(2);
    expect(stderr).toMatch(/RP7016 .*pid.*use stack, comm, gfp or block/);
    expect(replug('owners', 'page_owner', '--top', '0').stderr).toMatch(/RP7017/);
    expect(replug('owners', 'missing').status).toBe(3);
  });
});
