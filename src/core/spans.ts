/** A zone's offsets → its time in spans of one offset, each with what a clock visits at its beginning. */

import { type Last, type Visit, wake } from './clock.ts';
import { offsetIn } from './zone.ts';

/** Minutes that a zone's clocks are ahead of UTC at an instant in milliseconds; '' is the daemon's own. */
export type Offsets = (zone: string, at: number) => number;

/** Some time in which the clocks on the wall go evenly; all in minutes since the epoch. */
export interface Span {
  /** The first UTC minute. */
  readonly begin: number;
  /** The UTC minute after the last. */
  readonly end: number;
  /** How far local time is ahead of UTC. */
  readonly ahead: number;
  /** What a daemon visits in the first minute: after a change of the offset, more than one. */
  readonly visits: readonly Visit[];
  /** Up to this local minute fixed entries have run then; it lies ahead when the clock was set back. */
  readonly reached: number;
}

export const MINUTE_MS = 60_000;
const DAY = 1440;
/** Longest span, so that a zone without summer time costs no more than what is asked of it. */
const LONGEST = 30 * DAY;

/** Know the zones by their names, the daemon's own by this one. */
export function offsetsOf(own: string): Offsets {
  return (zone, at) => offsetIn(zone === '' ? own : zone, at);
}

/**
 * Cut the time from UTC minute `from` to before `until` into spans, as a daemon sees them that is
 * awake at each minute, and was on the day before.
 */
export function* spans(
  offset: (at: number) => number,
  from: number,
  until: number,
): Generator<Span> {
  const ahead = (utc: number): number => offset(utc * MINUTE_MS);
  // A day ago the clock had caught up, if ever it was set back: that is over after three hours.
  let begin = from - DAY;
  let last: Last = { fixed: begin - 1 + ahead(begin - 1), wild: begin - 1 };
  while (begin < until) {
    const limit = begin < from ? from : Math.min(until, begin + LONGEST);
    const end = changeAfter(ahead, begin, limit);
    const now = { local: begin + ahead(begin), utc: begin };
    const { last: first, visits } = wake(last, now);
    const span = { begin, end, ahead: now.local - begin, visits, reached: first.fixed };
    if (begin >= from) yield span;
    last = { fixed: Math.max(first.fixed, end - 1 + span.ahead), wild: end - 1 };
    begin = end;
  }
}

/** Find the UTC minute at which the offset is another than at `utc`, or `limit`. */
export function changeAfter(ahead: (utc: number) => number, utc: number, limit: number): number {
  const before = ahead(utc);
  // No zone has ever changed its offset twice within a week (tzdata since 1970).
  for (let same = utc; same < limit; same += DAY) {
    let other = Math.min(same + DAY, limit);
    if (ahead(other) === before) continue;
    for (let low = same; other - low > 1;) {
      const middle = Math.floor((low + other) / 2);
      if (ahead(middle) === before) low = middle;
      else other = middle;
    }
    return other;
  }
  return limit;
}
