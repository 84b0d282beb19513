/**
 * Words, gfp texts, flag texts, tasks and call chains: written as they come up, before the events that use them, and put together again.
 * Each part says with which index it begins, so that a lost part leaves a gap and not a shift.
 */
import type { Task } from '../events.ts';
import { rpwMisuse } from '../errors.ts';
import type { Dictionaries } from './event-chunk.ts';
import { BadMessage } from './messages.ts';
import type { DictionaryMessage } from './schema.ts';

/** Entries, and characters, in one part. */
const PART_ENTRIES = 16384;
const PART_LENGTH = 1 << 20;

/** Entries that a reader fills in for a part that was lost. */
const MAX_GAP = 1 << 16;
const LOST_TASK: Task = { comm: '', pid: -1 };

export class DictionaryWriter {
  private words = 0;
  private gfpTexts = 0;
  private flagTexts = 0;
  private tasks = 0;
  private stacks = 0;

  /** What is new in `all` since the last call. */
  *additions(all: Dictionaries): Generator<DictionaryMessage> {
    const { words, gfpTexts, flagTexts, tasks, stacks } = this;
    const chains = all.stacks ?? [];
    if (
      words > all.words.length ||
      gfpTexts > all.gfpTexts.length ||
      flagTexts > all.flagTexts.length ||
      tasks > all.tasks.length ||
      stacks > chains.length
    )
      throw rpwMisuse('a dictionary became shorter');
    while (
      this.words < all.words.length ||
      this.gfpTexts < all.gfpTexts.length ||
      this.flagTexts < all.flagTexts.length ||
      this.tasks < all.tasks.length ||
      this.stacks < chains.length
    ) {
      const part = {
        firstWord: this.words,
        words: portion(all.words, this.words, (text) => text.length),
        firstGfpText: this.gfpTexts,
        gfpTexts: portion(all.gfpTexts, this.gfpTexts, (text) => text.length),
        firstFlagText: this.flagTexts,
        flagTexts: portion(all.flagTexts, this.flagTexts, (text) => text.length),
        firstTask: this.tasks,
        tasks: portion(all.tasks, this.tasks, ({ comm }) => comm.length),
        firstStack: this.stacks,
        stacks: portion(chains, this.stacks, (text) => text.length),
      };
      this.words += part.words.length;
      this.gfpTexts += part.gfpTexts.length;
      this.flagTexts += part.flagTexts.length;
      this.tasks += part.tasks.length;
      this.stacks += part.stacks.length;
      yield part;
    }
  }
}

function portion<T>(list: readonly T[], from: number, size: (item: T) => number): readonly T[] {
  let to = from;
  let length = 0;
  while (to < list.length && to - from < PART_ENTRIES && length < PART_LENGTH) length += size(list[to++]);
  return list.slice(from, to);
}

/** The dictionaries as they grow. */
export class DictionaryReader implements Dictionaries {
  readonly words: string[] = [];
  readonly gfpTexts: string[] = [];
  readonly flagTexts: string[] = [];
  readonly tasks: Task[] = [];
  readonly stacks: string[] = [];
  /** Entries that were lost and stand as empty texts. */
  lost = 0;

  /** Throws BadMessage for a part that does not follow. */
  add(part: DictionaryMessage): void {
    const lists = [
      [this.words, part.firstWord, part.words, ''],
      [this.gfpTexts, part.firstGfpText, part.gfpTexts, ''],
      [this.flagTexts, part.firstFlagText, part.flagTexts, ''],
      [this.tasks, part.firstTask, part.tasks, LOST_TASK],
      [this.stacks, part.firstStack, part.stacks, ''],
    ] as const;
    for (const [list, first] of lists) {
      if (first < list.length || first - list.length > MAX_GAP) throw new BadMessage('entries that do not follow');
    }
    for (const [list, first, items, filler] of lists) {
      const texts = list as unknown[];
      for (; texts.length < first; this.lost++) texts.push(filler);
      for (const item of items) texts.push(item);
    }
  }
}
