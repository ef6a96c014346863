/** Every zone's clock, one wake-up → the minutes to visit by each. */

import { type Last, type Now, type Visit, wake, type Wake } from './clock.ts';
import { stableDraw, hash } from './draw.ts';
import { localTime, matches } from './due.ts';
import type { Entry } from './entry.ts';
import { isWild, type Schedule } from './schedule.ts';
import { settingsOf } from './settings.ts';

/** Zone → how far the entries of that zone have run; the daemon's own zone is ''. */
export type Lasts = Readonly<Record<string, Last>>;

/** What a wake-up means for each zone. */
export interface WakeAll {
  readonly lasts: Lasts;
  readonly wakes: ReadonlyMap<string, Wake>;
  /** The daemon's own zone. */
  readonly own: Wake;
}

/**
 * Decide for all zones what to visit. Each has its own summer time, and so its own clock: a zone
 * that a crontab names for the first time begins with this minute.
 */
export function wakeAll(
  lasts: Lasts,
  zones: Iterable<string>,
  nowIn: (zone: string) => Now,
): WakeAll {
  const reached: Record<string, Last> = {};
  const wakes = new Map<string, Wake>();
  const visit = (zone: string): Wake => {
    const now = nowIn(zone);
    const woken = wake(lasts[zone] ?? { fixed: now.local - 1, wild: now.utc - 1 }, now);
    wakes.set(zone, woken);
    reached[zone] = woken.last;
    return woken;
  };
  const own = visit('');
  for (const zone of zones) if (!wakes.has(zone)) visit(zone);
  return { lasts: reached, wakes, own };
}

/** The zone whose clock an entry goes by. */
export function zoneOf(entry: Entry): string {
  return settingsOf(entry.environment).zone;
}

/**
 * Tell whether an entry starts at a visit of its zone.
 * @param seed host and crontab, from which RANDOM_DELAY is drawn, once for each entry
 */
export function isDue(entry: Entry, visit: Visit, seed: string): boolean {
  const { schedule } = entry;
  return (
    isVisited(schedule, visit) && matches(schedule, localTime(visit.local - delayOf(entry, seed)))
  );
}

/** Tell whether a visit is for schedules of this kind. */
export function isVisited(schedule: Schedule, { which }: Visit): boolean {
  return which === 'all' || which === (isWild(schedule) ? 'wild' : 'fixed');
}

/** By how many minutes an entry is late on this host, always the same. */
export function delayOf(entry: Entry, seed: string): number {
  const { randomDelay } = settingsOf(entry.environment);
  return randomDelay === 0 ? 0 : stableDraw(hash(seed))(0, randomDelay, entry.identity);
}
