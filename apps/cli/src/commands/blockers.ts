import { blockers } from '@replug/analysis';
import { renderBlockers } from '@replug/report';
import { parseTime } from '@replug/workload';
import type { Command } from 'commander';
import { badTop } from '../errors.ts';
import { print, printJson, progress } from '../output.ts';

interface Flags {
  at?: string;
  owners: boolean;
  top: string;
  json?: boolean;
}

export function addBlockers(program: Command): void {
  program
    .command('blockers')
    .description('tell which memory blocks can be offlined, and whose pages stop the others')
    .argument('<path>', "a recording, a step's folder, a folder or file with kpageflags, or a live host: / (as root)")
    .option('--at <time>', "a step's name or number, seconds (12.5s), start or end (default: the last step with pages)")
    .option('--no-owners', 'leave page_owner unread')
    .option('--top <n>', 'blocks and owners that are told', '20')
    .option('--json', 'machine-readable; all blocks and owners')
    .addHelpText(
      'after',
      '\nExample:\n  $ replug blockers fixtures/captures/x86_64-6.12-exact-fileio --at before\n  $ sudo npx replug blockers /',
    )
    .action(async (path: string, flags: Flags) => {
      const top = topOf(flags.top);
      const at = flags.at === undefined ? undefined : parseTime(flags.at);
      const bar = progress(`blockers of ${path}`);
      const onProgress = (_: string, done: number, total: number) => bar.update(done, total);
      const open = { onProgress: ({ read, size }: { read: number; size: number }) => bar.update(read, size) };
      try {
        const report = await blockers(path, { at, owners: flags.owners, onProgress, open });
        bar.stop();
        if (flags.json === true) printJson(report);
        else print(renderBlockers(report, top));
      } finally {
        bar.stop();
      }
    });
}

/** The value of `--top`. Throws RP7017. */
function topOf(text: string): number {
  const top = Number(text);
  if (!Number.isSafeInteger(top) || top < 1) throw badTop(text);
  return top;
}
