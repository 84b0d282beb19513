/** saved_cmdlines: `pid comm` a line. What the kernel has forgotten is `<...>`, as in its text. */

/** Lines that are kept; the kernel keeps 128 unless told otherwise. */
const MAX_TASKS = 1 << 20;
const LINE = /^\s*(\d{1,10}) (.{0,64})$/;

export class Cmdlines {
  private readonly names = new Map<number, string>();

  constructor(text: string) {
    for (const line of text.split('\n')) {
      const match = LINE.exec(line);
      if (match !== null && this.names.size < MAX_TASKS) this.names.set(Number(match[1]), match[2]);
    }
  }

  /** The name of a task as the text of the trace has it. */
  nameOf(pid: number): string {
    if (pid === 0) return '<idle>';
    if (pid < 0) return '<XXX>';
    return this.names.get(pid) ?? '<...>';
  }
}
