import { ownerGroups } from '@replug/analysis';
import { OWNER_KEYS, renderOwners, type OwnerKey } from '@replug/report';
import { parseTime } from '@replug/workload';
import type { Command } from 'commander';
import { badTop, unknownOwnerKey } from '../errors.ts';
import { open } from '../open.ts';
import { print, printJson } from '../output.ts';

interface Flags {
  at: string;
  by: string;
  top: string;
  json?: boolean;
}

export function addOwners(program: Command): void {
  program
    .command('owners')
    .description('tell whose the pages are: pages and blocks by owner, from page_owner and the events after it')
    .argument('<path>', 'a recording, or a page_owner file')
    .option('--at <time>', "the instant: a step's name or number, seconds (12.5s), start or end", 'end')
    .option('--by <key>', 'what makes a group: stack, comm, gfp or block', 'stack')
    .option('--top <n>', 'groups with most pages', '20')
    .option('--json', 'machine-readable')
    .addHelpText(
      'after',
      '\nExample:\n  $ replug owners fixtures/captures/s390x-6.1-exact-anonhog --at fragmented --by comm',
    )
    .action(async (path: string, flags: Flags) => {
      const by = ownerKeyOf(flags.by);
      const top = topOf(flags.top);
      const at = parseTime(flags.at);
      const report = ownerGroups(await open(path), { at, by, top });
      if (flags.json === true) printJson(report);
      else print(renderOwners(report));
    });
}

/** The value of `--by`. Throws RP7016. */
function ownerKeyOf(text: string): OwnerKey {
  const key = OWNER_KEYS.find((known) => known === text);
  if (key === undefined) throw unknownOwnerKey(text);
  return key;
}

/** The value of `--top`. Throws RP7017. */
function topOf(text: string): number {
  const top = Number(text);
  if (!Number.isSafeInteger(top) || top < 1) throw badTop(text);
  return top;
}
