import { OperatorShell, type CommandResult } from '@replug/replay';
import type { Command } from 'commander';
import { createInterface } from 'node:readline/promises';
import { addOperatorFlags, operatorKernelOf, type OperatorFlags } from './run.ts';

const PROMPT = 'replug# ';

export function addShell(program: Command): void {
  const command = program
    .command('shell')
    .description(
      'type operator commands at a machine: read and write its files, plug memory, take and give back memory',
    )
    .argument('<machine>', 'a recording, a machine file, or a shorthand such as x86-64,8G,nodes=2');
  addOperatorFlags(command)
    .option('--json', 'one JSON object a command instead of its text')
    .addHelpText(
      'after',
      '\nThe commands are those of a scenario; help lists them, exit or Ctrl-D ends. Lines may come from a pipe.' +
        "\n\nExample:\n  $ echo 'cat /proc/buddyinfo' | replug shell s390x,512M",
    )
    .action(async (machine: string, options: OperatorFlags & { json?: boolean }) => {
      using kernel = await operatorKernelOf(machine, options);
      const shell = new OperatorShell(kernel);
      const terminal = process.stdin.isTTY === true;
      const lines = createInterface({
        input: process.stdin,
        output: terminal ? process.stdout : undefined,
        prompt: PROMPT,
      });
      if (terminal) lines.prompt();
      for await (const raw of lines) {
        const line = raw.trim();
        if (line === 'exit' || line === 'quit') break;
        if (line !== '' && !line.startsWith('#')) {
          const result = shell.run(line);
          process.stdout.write(options.json === true ? `${JSON.stringify(result)}\n` : shown(result));
        }
        if (terminal) lines.prompt();
      }
      lines.close();
    });
}

function shown({ errno, error, output }: CommandResult): string {
  const text = output === '' || output.endsWith('\n') ? output : `${output}\n`;
  return errno === 0 ? text : `${error} ${errno}: ${text}`;
}
