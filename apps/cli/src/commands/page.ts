import { pageHistory } from '@replug/analysis';
import { renderPageHistory } from '@replug/report';
import { parseTime } from '@replug/workload';
import type { Command } from 'commander';
import { badPfn } from '../errors.ts';
import { open } from '../open.ts';
import { print, printJson } from '../output.ts';

/** Frames that event columns can hold. */
const PFN_LIMIT = 2 ** 40;

export function addPage(program: Command): void {
  program
    .command('page')
    .description('tell the history of one page frame: every event of a block that covers it, and who holds it')
    .argument('<path>', 'a recording')
    .argument('<pfn>', 'page frame number, 0x1f2a or 7978')
    .option('--at <time>', "who holds it then: a step's name or number, seconds (12.5s), start or end", 'end')
    .option('--json', 'machine-readable')
    .addHelpText(
      'after',
      '\nExample:\n  $ replug page fixtures/captures/s390x-6.1-exact-anonhog 0xb801 --at fragmented',
    )
    .action(async (path: string, text: string, options: { at: string; json?: boolean }) => {
      const pfn = parsePfn(text);
      const at = parseTime(options.at);
      const report = pageHistory(await open(path), pfn, { at });
      if (options.json === true) printJson(report);
      else print(renderPageHistory(report));
    });
}

/** Hexadecimal with 0x, else decimal; throws RP7005. */
export function parsePfn(text: string): number {
  const pfn = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN;
  if (!(pfn < PFN_LIMIT)) throw badPfn(text);
  return pfn;
}
