/** The little of a shell's grammar that operators' lines need: words, quotes, one redirection. */
export interface Words {
  readonly words: readonly string[];
  /** Path behind `>`. */
  readonly redirect: string | undefined;
}

/** Splits a line; `'…'` and `"…"` keep blanks, `>` and `>>` name the file that is written. */
export function splitWords(line: string): Words {
  const words: string[] = [];
  let redirect: string | undefined;
  let toFile = false;
  const pattern = /\s*(?:(>>?)|((?:"[^"]*"|'[^']*'|[^\s>"']|["'])+))/y;
  for (let match = pattern.exec(line); match !== null; match = pattern.exec(line)) {
    const [, arrow, word] = match;
    if (arrow !== undefined) toFile = true;
    else if (toFile) {
      redirect = unquoted(word);
      toFile = false;
    } else words.push(unquoted(word));
  }
  return { words, redirect };
}

const unquoted = (word: string): string =>
  word.replace(/"([^"]*)"|'([^']*)'/g, (_, a?: string, b?: string) => a ?? b ?? '');
