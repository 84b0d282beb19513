/**
 * What an operator types, on a kernel: files are read and written with the shell's own words, memory is taken and given
 * back to make load, time passes; every other line is a command of a subsystem.
 *
 * A refusal is a result, never an exception: errno by name and the words a shell would print.
 */
import { ERRNO, errnoText, formatSize, KernfsError, ReplugError, type ErrnoName, type Kernel } from '@replug/core';
import { parseDuration } from '@replug/workload';
import { Holdings } from './holdings.ts';
import { splitWords } from './words.ts';

export interface CommandResult {
  readonly text: string;
  /** Instant at which it began and ended, virtual ns. */
  readonly begin: number;
  readonly end: number;
  /** 0: it did what it should. */
  readonly errno: number;
  readonly error: ErrnoName | null;
  /** What it printed; of a refusal, the error's text. */
  readonly output: string;
}

const BUILTINS: Readonly<Record<string, { readonly usage: string; readonly summary: string }>> = {
  echo: { usage: 'TEXT > PATH', summary: 'writes to a file; without > it prints' },
  cat: { usage: 'PATH…', summary: 'prints files' },
  ls: { usage: '[PATH]', summary: 'names in a folder' },
  wait: { usage: 'LENGTH', summary: 'lets virtual time pass: 1s, 250ms' },
  alloc: {
    usage: 'NAME SIZE|SHARE% [movable|unmovable|reclaimable] [order=N] [node=N] [cpu=N]',
    summary: 'takes memory and holds it under a name; SHARE% is of the free memory',
  },
  free: {
    usage: 'NAME [SHARE%] [cpu=N]',
    summary: 'gives what is held under a name back, all or a share spread over it',
  },
  help: { usage: '', summary: 'this list' },
};

export class OperatorShell {
  private readonly kernel: Kernel;
  private readonly holdings: Holdings;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.holdings = new Holdings(kernel);
  }

  /** Runs one line. */
  run(text: string): CommandResult {
    const { clock } = this.kernel;
    const begin = clock.now;
    const result = (errno: ErrnoName | null, output: string): CommandResult => ({
      text,
      begin,
      end: clock.now,
      errno: errno === null ? 0 : ERRNO[errno],
      error: errno,
      output,
    });
    try {
      return result(null, this.dispatch(text));
    } catch (error) {
      if (error instanceof KernfsError) return result(error.errno, refusal(text, error));
      if (error instanceof ReplugError) return result('EINVAL', error.message);
      throw error;
    }
  }

  /** Commands and what they do, built-in ones first. */
  help(): string {
    const lines = [...Object.entries(BUILTINS), ...this.kernel.commands()].map(([name, { usage, summary }]) => [
      `${name} ${usage}`.trim(),
      summary,
    ]);
    const width = Math.min(48, Math.max(...lines.map(([call]) => call.length)));
    return lines
      .map(([call, summary]) =>
        call.length > width ? `${call}\n${''.padEnd(width)}  ${summary}` : `${call.padEnd(width)}  ${summary}`,
      )
      .join('\n')
      .concat('\n');
  }

  private dispatch(text: string): string {
    const { words, redirect } = splitWords(text);
    const [name, ...args] = words;
    switch (name) {
      case 'echo': {
        const newline = args[0] === '-n' ? '' : '\n';
        const line = (newline === '' ? args.slice(1) : args).join(' ') + newline;
        if (redirect === undefined) return line;
        this.kernel.write(redirect, line);
        return '';
      }
      case 'cat':
        if (args.length === 0) throw new KernfsError('EINVAL', 'cat needs a path');
        return args.map((path) => this.kernel.read(path)).join('');
      case 'ls':
        return this.kernel
          .list(args[0] ?? '/')
          .map((entry) => `${entry}\n`)
          .join('');
      case 'wait':
        this.kernel.clock.advance(parseDuration(args[0] ?? ''));
        return '';
      case 'alloc': {
        const { pages, wanted } = this.holdings.take(args);
        const bytes = (count: number) => formatSize(count * this.holdings.pageSize);
        if (pages < wanted) throw new KernfsError('ENOMEM', `${bytes(pages)} of ${bytes(wanted)} taken`);
        return `${bytes(pages)} taken\n`;
      }
      case 'free':
        return `${formatSize(this.holdings.give(args) * this.holdings.pageSize)} given back\n`;
      case 'help':
        return this.help();
      default:
        return this.kernel.execute(text);
    }
  }
}

/** As a shell words it, with the kernel's reason behind. */
function refusal(text: string, { errno, what }: KernfsError): string {
  const reason = what.replace(`${errno}, `, '');
  const said = text.trimStart().startsWith('echo') ? `write error: ${errnoText(errno)}` : errnoText(errno);
  return reason === 'write refused' ? said : `${said} (${reason})`;
}
