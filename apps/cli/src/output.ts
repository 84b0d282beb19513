/** Results to stdout, everything else to stderr. */
import { SingleBar } from 'cli-progress';

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

export function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

/** A line about what is being done; only where somebody watches. */
export function say(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`${text}\n`);
}

/** Work shorter than this shows no bar. */
const PATIENCE_MS = 500;

/** A progress bar on stderr once work has taken a moment, if stderr is a terminal. Call `stop()` at the end. */
export function progress(title: string): { update(done: number, total: number): void; stop(): void } {
  if (!process.stderr.isTTY) return { update: () => {}, stop: () => {} };
  const bar = new SingleBar({
    format: `${title} {bar} {percentage}% {value}/{total}`,
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  });
  const since = performance.now();
  let shown = false;
  return {
    update(done, total) {
      if (!shown && performance.now() - since < PATIENCE_MS) return;
      if (!shown) bar.start(total, done);
      shown = true;
      bar.setTotal(total);
      bar.update(done);
    },
    stop() {
      if (shown) bar.stop();
    },
  };
}
