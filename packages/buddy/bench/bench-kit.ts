/** What the benchmarks share. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** This folder in the checkout, from wherever the bundled benchmark runs. */
export const benchFolder = ((): string => {
  for (let at = dirname(fileURLToPath(import.meta.url)); at !== dirname(at); at = dirname(at)) {
    const folder = join(at, 'packages', 'buddy', 'bench');
    if (existsSync(folder)) return folder;
  }
  throw new Error('run benchmarks inside the repository');
})();

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** One line for people, one JSON line for machines. */
export function printFigure(name: string, figures: Readonly<Record<string, number>>): void {
  const shown = Object.entries(figures).map(
    ([key, value]) => `${key} ${Number.isInteger(value) ? value : value.toFixed(2)}`,
  );
  console.log(`${name}: ${shown.join(', ')}`);
  console.log(JSON.stringify({ bench: name, ...figures }));
}
