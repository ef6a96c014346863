/** A time on a command line → the instant that is meant. */
import { MINUTE_MS } from '../core/spans.ts';

const DAY = 1440 * MINUTE_MS;

const FORM =
  /^(?<date>\d{4}-\d\d-\d\d)(?:[T ](?<time>\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(?<offset>Z|[+-]\d\d:?\d\d)?)?$/i;

/**
 * Read `now`, `today`, `tomorrow`, `2026-11-22`, `2026-11-22T13:05`, with seconds or without, and
 * with an offset (`Z`, `+01:00`) or without: then clocks in the zone show it. Null: none of these.
 * @param offset how far that zone is ahead of UTC, in minutes
 */
export function readTime(text: string, now: number, offset: (at: number) => number): number | null {
  const midnight = (days: number): number => {
    const wall = now + offset(now) * MINUTE_MS;
    return instantOf(wall - (wall % DAY) + days * DAY, offset);
  };
  if (text === 'now') return now;
  if (text === 'today') return midnight(0);
  if (text === 'tomorrow') return midnight(1);
  const { date = '', time = '00:00', offset: given } = FORM.exec(text)?.groups ?? {};
  const wall = Date.parse(`${date}T${time}Z`);
  // Date.parse() takes 30 February for 2 March.
  if (Number.isNaN(wall) || !new Date(wall).toISOString().startsWith(date)) return null;
  if (given === undefined) return instantOf(wall, offset);
  const at = Date.parse(`${date}T${time}${given.toUpperCase().replace(/(\d\d)(\d\d)$/, '$1:$2')}`);
  return Number.isNaN(at) ? null : at;
}

const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: MINUTE_MS,
  h: 60 * MINUTE_MS,
  d: DAY,
  w: 7 * DAY,
};

/** Read a time that was: as readTime() does, or `yesterday`, or how long ago: `30m`, `2h`, `1d`. */
export function readPast(text: string, now: number, offset: (at: number) => number): number | null {
  if (text === 'yesterday') {
    // Not 24 hours: the day on which clocks change has 23 or 25.
    const today = readTime('today', now, offset) ?? now;
    return readTime('today', today - 1, offset);
  }
  const { count, unit = '' } = /^(?<count>\d{1,6})(?<unit>[smhdw])$/.exec(text)?.groups ?? {};
  if (count !== undefined) return Math.max(0, now - Number(count) * (UNITS[unit] ?? 0));
  return readTime(text, now, offset);
}

/** Find the instant at which clocks show a time: the first of two; after the jump, if none does. */
function instantOf(wall: number, offset: (at: number) => number): number {
  const [before, after] = [offset(wall - DAY), offset(wall + DAY)];
  const shown = [before, after]
    .map((ahead) => wall - ahead * MINUTE_MS)
    .find((at) => at + offset(at) * MINUTE_MS === wall);
  if (shown !== undefined) return shown;
  // Skipped: the jump lies between the two readings of the wall.
  let [low, high] = [wall - after * MINUTE_MS, wall - before * MINUTE_MS];
  while (high - low > MINUTE_MS) {
    const middle = low + Math.floor((high - low) / 2 / MINUTE_MS) * MINUTE_MS;
    if (offset(middle) === before) low = middle;
    else high = middle;
  }
  return high - (high % MINUTE_MS);
}
