/**
 * Every line that the hot loop does not take: comments, call chains, other layouts, fields in another order, lines quoted
 * or wrapped by a mail program, damage. One line at a time, as text.
 *
 * A line that begins as an event but is not a whole one waits: when the lines after it complete it, they are one event;
 * when not, each is skipped for its own reason. Any line that is something by itself ends the waiting, so a text may be
 * cut before an event line and its parts read apart.
 */
import type { Account } from '../account.ts';
import { TextChains } from '../call-chains/text-chains.ts';
import { KNOWN, OTHER_NAMES, STACK_EVENTS, type EventSink } from './event-sink.ts';
import { readHead, type EventHead, type HeadFailure } from './event-head.ts';
import { readKeyedFields, type FieldFailure } from './keyed-fields.ts';
import { lastGuess, plainLine, type Remarks } from './other-lines.ts';

/** Lines that may follow the first one of a wrapped event. */
const MAX_WRAPPED = 4;
const MAX_JOINED = 65536;
const SAMPLE_LENGTH = 400;
const NO_TASK = '<...>-0';

type Failure = Exclude<HeadFailure, 'stack'> | FieldFailure | 'not-an-event-line';
type Outcome = 'event' | 'stack' | Failure;

interface Waiting {
  readonly line: number;
  readonly text: string;
  readonly reason: Failure;
  /** All of it so far, in one line. */
  joined: string;
  readonly more: { readonly line: number; readonly text: string }[];
}

export class OddLines {
  private readonly account: Account;
  private readonly sink: EventSink;
  private readonly remarks: Remarks;
  private readonly chains: TextChains;
  private waiting: Waiting | undefined;

  constructor(account: Account, sink: EventSink, remarks: Remarks) {
    this.account = account;
    this.sink = sink;
    this.remarks = remarks;
    this.chains = new TextChains(sink.chains, (column) => sink.tasks.findText(column));
  }

  /** Whether a line waits to be completed: the next one has to come here too. */
  get pending(): boolean {
    return this.waiting !== undefined;
  }

  /** Reads the line that `account.lines` has just counted. */
  read(text: string): void {
    const { account } = this;
    const line = this.unquoted(text.endsWith('\r') ? text.slice(0, -1) : text);
    const plain = plainLine(line);
    if (plain !== undefined) {
      this.settle();
      this.comment(plain, line);
      return;
    }
    const outcome = this.tryEvent(line);
    if (outcome === 'event' || outcome === 'stack') {
      this.settle();
      if (outcome === 'event') account.event();
      else {
        this.account.comment();
        this.account.detail('stack lines');
        this.chains.head(line, account.lines);
      }
      return;
    }
    if (text.includes('\0')) {
      this.settle();
      this.sink.chains.passedAny();
      account.skip('binary', text.slice(0, SAMPLE_LENGTH));
      return;
    }
    if (outcome !== 'not-an-event-line') {
      this.settle();
      this.waiting = {
        line: account.lines,
        text: text.slice(0, SAMPLE_LENGTH),
        reason: outcome,
        joined: line,
        more: [],
      };
      return;
    }
    const guess = lastGuess(line);
    if (guess !== undefined) {
      this.settle();
      this.comment(guess, line);
    } else if (!this.continues(line, text)) {
      this.settle();
      this.sink.chains.passedAny();
      account.skip(outcome, text.slice(0, SAMPLE_LENGTH));
    }
  }

  /** The current line is longer than any that is read. */
  skipTooLong(text: string): void {
    this.settle();
    this.sink.chains.passedAny();
    this.account.skip('line-too-long', text);
  }

  /** The text has ended. */
  finish(): void {
    this.settle();
    this.chains.end();
    this.sink.chains.finish(this.account);
  }

  /** Gives up what waits. */
  settle(): void {
    const { waiting, account } = this;
    if (waiting === undefined) return;
    this.waiting = undefined;
    this.sink.chains.passedAny();
    account.skip(waiting.reason, waiting.text, waiting.line);
    for (const { line, text } of waiting.more) account.skip('not-an-event-line', text, line);
  }

  /** Adds a line to the one that waits; false when none does or it would become too much. */
  private continues(line: string, text: string): boolean {
    const { waiting, account } = this;
    if (waiting === undefined) return false;
    const joined = `${waiting.joined.trimEnd()} ${line.trim()}`;
    if (waiting.more.length === MAX_WRAPPED || joined.length > MAX_JOINED) return false;
    waiting.joined = joined;
    waiting.more.push({ line: account.lines, text: text.slice(0, SAMPLE_LENGTH) });
    if (this.tryEvent(joined) !== 'event') return true;
    this.waiting = undefined;
    account.event();
    account.comments += waiting.more.length;
    account.detail('wrapped lines', waiting.more.length);
    return true;
  }

  private unquoted(text: string): string {
    if (!text.startsWith('>')) return text;
    this.account.detail('quoted lines');
    return text.replace(/^(?:> ?)+/, '');
  }

  private comment(kind: string, line: string): void {
    this.account.comment();
    if (kind === 'comment') this.remarks.read(line);
    else this.account.detail(kind);
    if (kind === 'stack lines') this.chains.frame(line, this.account.lines);
  }

  /** Stores and counts the event of a line, or says why it is none. */
  private tryEvent(line: string): Outcome {
    const head = readHead(line);
    if (head === undefined) return 'not-an-event-line';
    if (typeof head === 'string') return head;
    return STACK_EVENTS.has(head.name) ? 'stack' : this.store(head);
  }

  private store({ name, fields, time, cpu, task, flags }: EventHead): Outcome {
    const { sink, account } = this;
    const index = sink.nameOf(name);
    if (index === -1) return 'no-event-name';
    const kind = index < KNOWN ? index : (OTHER_NAMES.get(name) ?? -1);
    if (kind !== -1) {
      const values = readKeyedFields(kind, fields);
      if (typeof values === 'string') return values;
      if (!sink.push(kind, time ?? 0, cpu ?? 0, task ?? NO_TASK, flags, values)) return 'bad-fields';
    }
    if (kind === -1 && cpu === undefined) sink.chains.passedAny();
    else if (kind === -1) sink.chains.passed(cpu!);
    if (time === undefined) account.detail('events without a time');
    if (task === undefined) account.detail('events without a task');
    if (cpu === undefined) account.detail('events without a cpu');
    sink.counts[index]++;
    return 'event';
  }
}
