/** A schedule and a minute of local time → the next minute at which it is due: small and fast, for the daemon. */

import { isEither, type Times } from './days.ts';
import { type Field, has } from './field.ts';

/** Farther than this nothing is away: a 29 February on a certain day of the week, around 2100. */
const FAR = 41 * 366;

/**
 * Find the first due minute after this one; minutes are local ones since the epoch. Null: there is
 * none within so many days. The package that forecast() steps with would make the daemon half as
 * large again.
 */
export function dueAfter(times: Times, local: number, days = FAR): number | null {
  const first = Math.floor((local + 1) / DAY);
  for (let day = first; day <= first + days; day++) {
    const date = new Date(day * DAY_MS);
    if (!has(times.month, date.getUTCMonth() + 1)) {
      day = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1) / DAY_MS - 1;
      continue;
    }
    if (!isDay(times, date)) continue;
    const time = timeFrom(times, day === first ? local + 1 - day * DAY : 0);
    if (time !== null) return day * DAY + time;
  }
  return null;
}

const DAY = 1440;
const DAY_MS = DAY * 60_000;

/** Vixie's rule for the two day fields; the month is right already. */
function isDay(times: Times, date: Date): boolean {
  const [dom, dow] = [has(times.dom, date.getUTCDate()), has(times.dow, date.getUTCDay())];
  return isEither(times) ? dom || dow : dom && dow;
}

/** Find the first due minute of a day from this one on. */
function timeFrom({ minute, hour }: Times, from: number): number | null {
  const start = Math.floor(from / 60);
  for (let each = start; each < 24; each++) {
    if (!has(hour, each)) continue;
    const at = next(minute, each === start ? from % 60 : 0, 59);
    if (at !== null) return each * 60 + at;
  }
  return null;
}

function next(field: Field, from: number, last: number): number | null {
  for (let value = from; value <= last; value++) if (has(field, value)) return value;
  return null;
}
