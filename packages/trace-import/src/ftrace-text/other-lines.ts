/**
 * Lines of a trace that are no events and should not be: headers, marks of lost events, call chains, the function calls of
 * function_graph. What they look like tells, whatever stands before them, so a text may be cut anywhere between lines.
 */

/** Comments of a kind of their own, counted by this name in `FileAccount.details`. */
export type OtherLine = 'comment' | 'stack lines' | 'graph lines';

/** ` => do_page_fault`, `=> do_sys_open (ffffffff811d4f5e)`, ` =>  <00007f0c1a2b3c4d>` */
const ARROW = /^\s*=> *\S/;
/** perf: `    ffffffff812b04c6 __alloc_pages_nodemask+0x22e (/lib/…/vmlinux)`; longer than a pid. */
const ADDRESS = /^\s+[\da-f]{8,16}(?:\s|$)/;
/** The same in low memory, or inlined; not before the line was tried as an event. */
const SHORT_ADDRESS = /^\s+[\da-f]{4,7}(?: \S|\s*$)|^\s+\S.{0,500} \(inlined\)\s*$/;

/** ` 0)   3.328 us    |  }`, `   14.520417 |   0)  sh-612   |   |  __alloc_pages() {` */
const CALL = /^(?:\s*\d+\.\d{6} +\| +)?(?:\s*\d+\)|\s*[+!#*@$]? *\d+\.\d+ us +\||\s{6,}\|)\s/;
/** Frame of ` 0)  sh-612  =>  bash-790`. */
const RULE = /^\s?-{10,}\s*$/;

const MARK = /^(?:CPU:\d+ \[.*EVENTS|CPU \d+ is empty$|cpus=\d+$|version = \d+$)/;

/** Lines known at first sight: asked before the line is tried as an event. */
export function plainLine(line: string): OtherLine | undefined {
  if (line === '' || line.startsWith('#') || line.trim() === '' || MARK.test(line)) return 'comment';
  return ARROW.test(line) || ADDRESS.test(line) ? 'stack lines' : undefined;
}

/** Lines that are known once they turned out to be no event. */
export function lastGuess(line: string): OtherLine | undefined {
  if (CALL.test(line) || RULE.test(line)) return 'graph lines';
  return SHORT_ADDRESS.test(line) ? 'stack lines' : undefined;
}

/** What headers and marks tell. */
export class Remarks {
  /** Events that are missing according to the header, and to the marks between the lines. */
  overrun = 0;
  lostMarked = 0;
  cpus: number | undefined;
  tracer: string | undefined;

  /** The header counts what was overwritten, the marks may be of the same events: the larger of the two. */
  get lost(): number {
    return Math.max(this.overrun, this.lostMarked);
  }

  read(line: string): void {
    const entries =
      /^# entries-in-buffer\/entries-written: (\d+)\/(\d+)\s+#P:(\d+)/.exec(line) ??
      /^# latency: \d+ us, #(\d+)\/(\d+), .*#P:(\d+)/.exec(line);
    if (entries !== null) {
      this.overrun = Math.max(0, Number(entries[2]) - Number(entries[1]));
      this.cpus = Number(entries[3]);
      return;
    }
    const tracer = /^# tracer: (\S+)/.exec(line);
    if (tracer !== null) this.tracer = tracer[1];
    const cpus = /^cpus=(\d+)$/.exec(line);
    if (cpus !== null) this.cpus = Number(cpus[1]);
    // `[LOST EVENTS]` tells no number: at least one.
    const lost = /^CPU:\d+ \[(?:LOST (\d+) EVENTS|(\d+) EVENTS DROPPED|LOST EVENTS|EVENTS DROPPED)\]/.exec(line);
    if (lost !== null) this.lostMarked += Number(lost[1] ?? lost[2] ?? 1);
  }
}
