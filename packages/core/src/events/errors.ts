/** Texts of RP13xx: clock, notifier chains, context tracker. */
import { ReplugError } from '../base/errors.ts';

const clock = 'virtual clock';

export const badDuration = (ns: number) =>
  new ReplugError({
    code: 'RP1301',
    who: clock,
    what: 'time can only go forward, by a finite number of ns',
    value: ns,
  });
export const badAlarmTime = (ns: number) =>
  new ReplugError({ code: 'RP1302', who: clock, what: 'not a time for an alarm', value: ns });
export const unknownCost = (name: string, known: readonly string[]) =>
  new ReplugError({
    code: 'RP1303',
    who: clock,
    what: 'unknown cost',
    value: name,
    hint: `one of ${known.join(', ')}`,
  });

// RP1320…: faults of a subsystem that the context tracker finds

export const sleepsWhileAtomic = (who: string, what: string, inside: string) =>
  new ReplugError({ code: 'RP1320', who, what: `${what} may sleep while atomic`, value: inside });
export const lockOrderReversed = (who: string, held: string, acquired: string, seenBy: string) =>
  new ReplugError({
    code: 'RP1321',
    who,
    what: 'locks taken in an order contrary to an earlier one',
    value: `${held} -> ${acquired}`,
    hint: `${seenBy} took ${acquired} before ${held}`,
  });
export const lockTakenTwice = (who: string, lock: string) =>
  new ReplugError({ code: 'RP1322', who, what: 'lock taken while it is held', value: lock });
export const lockNotHeld = (who: string, lock: string) =>
  new ReplugError({ code: 'RP1323', who, what: 'releases what it does not hold', value: lock });
export const flagClaimedTwice = (who: string, flag: string, owner: string) =>
  new ReplugError({ code: 'RP1324', who, what: `page flag is owned by ${owner} already`, value: flag });
export const flagNotOwned = (who: string, flag: string, owner: string) =>
  new ReplugError({ code: 'RP1325', who, what: `writes a page flag that ${owner} owns`, value: flag });
export const pageNotHeld = (who: string, flag: string, holder: string) =>
  new ReplugError({
    code: 'RP1326',
    who,
    what: `writes flags of a page that ${holder} holds`,
    value: flag,
    hint: 'an update by its holder, who need not be atomic, may be lost',
  });
