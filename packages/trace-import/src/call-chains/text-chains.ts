/**
 * Call chains in a trace's text, line by line:
 *
 *       snapx-187     [001] .....     6.730630: <stack trace>          ftrace: a head of its own, then
 *    => free_unref_page                                               a function a line; trace-cmd adds (its address)
 *       ffffffff812b04c6 __alloc_pages_nodemask+0x22e (/lib/…/vmlinux)   perf script: right after the event
 *
 * Chains of user space (`<user stack trace>`) are passed over. Lines of one chain follow each other; what comes after
 * any other line is a new one.
 *
 * Models: kernel/trace/trace_output.c trace_stack_print(), trace_user_stack_print(); tools/perf/util/evsel_fprintf.c.
 */
import { splitTask } from '../ftrace-text/task-column.ts';
import { MAX_FRAMES, type CallChains } from './call-chains.ts';

const HEAD_LENGTH = 320;
const CPU = /\[(\d{1,5})\]/g;
/** `<stack trace>`, in trace-cmd's words `<stack trace >`. */
const KERNEL = /<stack trace ?>\s*$/;
/** Lines of one chain that are held: those beyond the longest that is kept are only counted. */
const MAX_HELD = 16 * MAX_FRAMES;

export class TextChains {
  private readonly chains: CallChains;
  private readonly taskOf: (column: string) => number;
  /** Row of the chain in hand; -1 for one that nobody owns. */
  private row = -1;
  private frames: string[] = [];
  private lastLine = -1;

  /** `taskOf` gives the index of a task by the text of its column. */
  constructor(chains: CallChains, taskOf: (column: string) => number) {
    this.chains = chains;
    this.taskOf = taskOf;
  }

  /** A line that heads a chain; `number` is its place in the file. */
  head(line: string, number: number): void {
    this.end();
    this.lastLine = number;
    if (!KERNEL.test(line)) return;
    const head = line.slice(0, HEAD_LENGTH);
    for (const { 1: cpu, index } of head.matchAll(CPU)) {
      const { comm, pid } = splitTask(head.slice(0, index));
      if (pid === -1 || Number(cpu) > 65535) continue;
      this.row = this.chains.rowOf(Number(cpu), this.taskOf(`${comm}-${pid}`));
      return;
    }
    // The latency format has its cpu elsewhere.
    this.row = this.chains.lastRow();
  }

  /** A line of a chain. */
  frame(line: string, number: number): void {
    if (number !== this.lastLine + 1) {
      this.end();
      this.row = this.chains.lastRow();
    }
    this.lastLine = number;
    if (this.row >= 0 && this.frames.length < MAX_HELD) this.frames.push(functionOf(line));
  }

  /** Keeps the chain in hand. */
  end(): void {
    this.chains.keep(this.row, this.frames);
    this.row = -1;
    this.frames = [];
  }
}

/** ` => do_sys_open (ffffffff811d4f5e)` and ` ffffffff812b04c6 do_sys_open+0x22e (vmlinux)`: the function. */
function functionOf(line: string): string {
  const text = line.trim();
  if (text.startsWith('=>'))
    return text
      .slice(2)
      .trim()
      .replace(/ +\(?<?[\da-f]{4,16}>?\)?$/, '');
  const [, address, symbol = ''] = /^([\da-f]{4,16})(?: +(.*))?$/.exec(text) ?? [undefined, '', text];
  const name = symbol.replace(/ +\([^()]*\)$/, '');
  return name === '' || name === '[unknown]' ? `0x${address}` : name;
}
