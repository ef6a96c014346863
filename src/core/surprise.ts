/** When an entry is due → what its author may not have meant: days, and summer time. */

import { isEither, isRestricted, comes, type Times } from './days.ts';
import { localTime, matches } from './due.ts';
import { quoted } from './escape.ts';
import { DOM, DOW, HOUR } from './field.ts';
import type { Warn } from './problem.ts';
import { isWild } from './schedule.ts';
import { settingsOf } from './settings.ts';
import { changeAfter, MINUTE_MS, type Offsets } from './spans.ts';
import type { WrittenEntry } from './written.ts';

/** Warn of days that join in a way one does not expect, or never come. */
export function warnOfDays({ entry: { schedule }, fields }: WrittenEntry, warn: Warn): void {
  const [, , dom, month, dow] = fields;
  if (schedule.kind === 'reboot' || dom === undefined || month === undefined || dow === undefined)
    return; // a nickname says what it means
  const [day, weekday] = [quoted(dom.text), quoted(dow.text)];
  const tell = (column: number, reason: string, message: string): void =>
    warn({ column, reason, message });
  if (!comes(schedule)) {
    const message = `Day ${day} never comes in month ${quoted(month.text)}: the entry never starts`;
    tell(dom.column, 'never due', message);
    return;
  }
  const restricted = [isRestricted(schedule.dom, DOM), isRestricted(schedule.dow, DOW)];
  const both = restricted.every(Boolean);
  if (both && isEither(schedule)) {
    const message = `One day field is enough: the entry starts on days ${day} and also on each ${weekday}`;
    tell(dow.column, 'day-of-month or day-of-week', message);
  } else if (both) {
    const list = schedule.dom.star ? day : weekday;
    const message = `${list} begins with a star, so that both day fields must match, ${day} and ${weekday}`;
    tell(dow.column, 'day-of-month and day-of-week', message);
  } else if (isEither(schedule) && restricted.some(Boolean)) {
    const [all, none] = restricted[0] === true ? [weekday, day] : [day, weekday];
    const message = `${all} is every day, and one day field is enough: ${none} changes nothing; write "*" for ${all}`;
    tell(dow.column, 'day-of-month or day-of-week', message);
  }
}

/** A change of a zone's clocks. */
export interface Change {
  /** The local minute at which it comes, and the one that follows instead. */
  readonly before: number;
  readonly after: number;
}

/** How far ahead summer time is looked for, in minutes: it comes each year. */
const AHEAD = 400 * 1440;
/** Longer changes are no summer time; the clock begins anew (see wake()). */
const LARGE = 180;

/** Remember, for each zone, the changes of its clocks in the year after an instant. */
export function changesFrom(at: number, offsets: Offsets): (zone: string) => readonly Change[] {
  const known = new Map<string, readonly Change[]>();
  return (zone) => {
    const found = known.get(zone) ?? changes(at, (utc) => offsets(zone, utc * MINUTE_MS));
    known.set(zone, found);
    return found;
  };
}

function changes(at: number, ahead: (utc: number) => number): Change[] {
  const found: Change[] = [];
  const from = Math.floor(at / MINUTE_MS);
  for (let utc = from; ;) {
    utc = changeAfter(ahead, utc, from + AHEAD);
    if (utc === from + AHEAD) return found;
    found.push({ before: utc + ahead(utc - 1), after: utc + ahead(utc) });
  }
}

/** Warn of a time that the clock skips, or shows twice, on some day of the coming year. */
export function warnOfSummerTime(
  { entry, fields }: WrittenEntry,
  changesIn: (zone: string) => readonly Change[],
  warn: Warn,
): void {
  const { schedule, environment } = entry;
  const { zone, randomDelay } = settingsOf(environment);
  if (schedule.kind === 'reboot' || randomDelay > 0 || !comes(schedule)) return;
  // Whoever asks for each hour, or every so many, wants what passes and not what a clock shows.
  if (schedule.hour.star || (isWild(schedule) && !isRestricted(schedule.hour, HOUR))) return;
  const all = changesIn(zone).filter(({ before, after }) => Math.abs(after - before) < LARGE);
  const told = [
    all.filter(({ before, after }) => before < after),
    all.filter(({ before, after }) => before > after),
  ].flatMap((alike) => {
    const first = alike.map((change) => effect(schedule, change)).find((text) => text !== null);
    return first ?? [];
  });
  if (told.length === 0) return;
  const where = zone === '' ? 'On' : `In ${zone}, on`;
  const column = (fields[1] ?? fields[0])?.column ?? 1;
  warn({ column, reason: 'summer time', message: `${where} ${told.join('; on ')}` });
}

/** Say what a change does to an entry; null: nothing. */
function effect(times: Times, { before, after }: Change): string | null {
  const [low, high] = before < after ? [before, after] : [after, before];
  const hit: number[] = [];
  for (let at = low; at < high; at++) if (matches(times, localTime(at))) hit.push(at);
  const [first, last] = [hit[0], hit.at(-1)];
  if (first === undefined || last === undefined) return null;
  const time = first === last ? clock(first) : `${clock(first)} to ${clock(last)}`;
  const day = new Date(first * MINUTE_MS).toISOString().slice(0, 10);
  if (before > after)
    return `${day} ${time} comes twice: the entry starts ${isWild(times) ? 'both times' : 'the first time only'}`;
  const instead = hit.length === 1 ? 'the entry starts' : `the ${hit.length} starts come`;
  return `${day} there is no ${time}: ${isWild(times) ? 'nothing starts' : `${instead} at ${clock(after)}`}`;
}

/** A local minute as a clock shows it. */
function clock(local: number): string {
  return new Date(local * MINUTE_MS).toISOString().slice(11, 16);
}
