/**
 * common_flags and common_preempt_count as the characters that the kernel prints: `d..2.`.
 *
 *   1  interrupts, bottom halves off    D both, d interrupts, b bottom halves, X cannot be told
 *   2  rescheduling needed              N flag and preempt count, n the flag alone, p the count alone; lazily: B b L l
 *   3  context                          Z nmi in hardirq, z nmi, H hardirq in softirq, h, s
 *   4  preempt count                    low four bits, hexadecimal
 *   5  migration disabled               the high four; only since 5.17
 *
 * Architectures do not differ here: those without preempt-count folding never set that bit, so they print `n`.
 *
 * Models: kernel/trace/trace_output.c trace_print_lat_fmt(), 4.19 to 6.15.
 */

const IRQS_OFF = 0x01;
/** Since 6.14 the bit stands for a lazy request to reschedule. */
const NOT_SUPPORTED = 0x02;
const NEED_RESCHED = 0x04;
const HARD = 0x08;
const SOFT = 0x10;
const PREEMPT_RESCHED = 0x20;
const NMI = 0x40;
const BH_OFF = 0x80;

const RESCHED = '.npN';
const LAZY = 'lbLB';

/** Since when there are five characters, and lazy ones. */
const FIVE = [5, 17] as const;
const LAZY_SINCE = [6, 14] as const;

export interface FlagStyle {
  readonly five: boolean;
  readonly lazy: boolean;
}

/** How a kernel prints flags; one that is not known as 6.1 does. */
export function flagStyleOf(release: string | undefined): FlagStyle {
  const match = /^(\d{1,3})\.(\d{1,4})/.exec(release ?? '');
  if (match === null) return { five: true, lazy: false };
  const since = ([major, minor]: readonly [number, number]) =>
    Number(match[1]) > major || (Number(match[1]) === major && Number(match[2]) >= minor);
  return { five: since(FIVE), lazy: since(LAZY_SINCE) };
}

export function flagsText(flags: number, preemptCount: number, { five, lazy }: FlagStyle): string {
  const off = (flags & IRQS_OFF) !== 0;
  const bottom = (flags & BH_OFF) !== 0;
  const second = (flags & NOT_SUPPORTED) !== 0;
  const unknown = second && !lazy;
  const irqs = off ? (bottom ? 'D' : 'd') : bottom ? 'b' : unknown ? 'X' : '.';
  const needs = ((flags & NEED_RESCHED) !== 0 ? 1 : 0) | ((flags & PREEMPT_RESCHED) !== 0 ? 2 : 0);
  const resched = second && lazy ? LAZY[needs] : RESCHED[needs];
  const hard = (flags & HARD) !== 0;
  const soft = (flags & SOFT) !== 0;
  const nmi = (flags & NMI) !== 0;
  const context = nmi ? (hard ? 'Z' : 'z') : hard ? (soft ? 'H' : 'h') : soft ? 's' : '.';
  const head = `${irqs}${resched}${context}`;
  if (!five) return head + digit(preemptCount);
  return head + digit(preemptCount & 15) + digit(preemptCount >> 4);
}

const digit = (value: number) => (value === 0 ? '.' : value.toString(16));
