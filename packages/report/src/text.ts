/** Small helpers of the text renderers. */

/** `99.97 %`: a share with two decimals; `-` when there is nothing to share. Never rounds up to 100. */
export function percent(part: number, whole: number): string {
  if (whole === 0) return '-';
  if (part === whole) return '100 %';
  return `${Math.min(99.99, Math.round((part / whole) * 10000) / 100).toFixed(2)} %`;
}

/** Columns separated by two blanks; cells that look like numbers are aligned right, a rule below the head. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '(none)\n';
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  const numeric = head.map((_, i) => rows.every((row) => /^[-\d]/.test(row[i])));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (numeric[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join('  ')
      .trimEnd();
  return [line(head), widths.map((w) => '-'.repeat(w)).join('  '), ...rows.map(line)].join('\n') + '\n';
}
