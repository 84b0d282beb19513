/** Scenario files of the command line. */
import { parseScenario, type Scenario } from '@replug/replay';
import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { noScenario } from './errors.ts';

/** Reads and parses one; `-` is standard input. Errors: RP5009 with the line, RP7020 for a file that cannot be read. */
export async function scenarioOf(path: string): Promise<Scenario> {
  return path === '-'
    ? parseScenario(await textOf(process.stdin), 'stdin')
    : parseScenario(await textOfFile(path), path);
}

async function textOfFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw noScenario(path, cause as Error);
  }
}
