/** A time at which cron was not running → the starts that an entry missed, as CRON_CATCHUP wants them. */

import { type Last, type Now, type Visit, wake } from './clock.ts';
import type { Entry } from './entry.ts';
import { settingsOf } from './settings.ts';
import { isDue } from './zones.ts';

/** Further back nothing is looked for, in minutes: a month. */
export const HORIZON = 31 * 1440;
/** Of more missed starts, only so many are made up: the latest. */
export const CAP = 100;

/**
 * List the visits of a cron that had been awake all the time.
 * @param last how far entries have run, in one zone
 * @param offset of that zone, at a UTC minute
 */
export function visitsWhileAway(last: Last, now: Now, offset: (utc: number) => number): Visit[] {
  const begin = Math.max(last.wild, now.utc - HORIZON);
  let reached: Last = begin === last.wild ? last : { fixed: begin + offset(begin), wild: begin };
  const visits: Visit[] = [];
  for (let utc = begin + 1; utc <= now.utc; utc++) {
    const woken = wake(reached, { utc, local: utc + offset(utc) });
    visits.push(...woken.visits);
    reached = woken.last;
  }
  return visits;
}

/**
 * Choose from those visits the ones at which an entry starts now.
 * @param since the UTC minute at which the entry was first seen: it missed nothing before
 * @param seed see isDue()
 */
export function missedStarts(
  entry: Entry,
  visits: readonly Visit[],
  since: number,
  seed: string,
): Visit[] {
  const { catchup } = settingsOf(entry.environment);
  if (catchup === 'skip') return [];
  const missed = visits.filter((visit) => visit.utc > since && isDue(entry, visit, seed));
  return missed.slice(catchup === 'once' ? -1 : -CAP);
}
