/** Minutes that passed unseen → the starts that are left out because of that. */

import type { Due } from './agenda.ts';
import type { Visit } from './clock.ts';
import { matches, rememberTimes } from './due.ts';
import { planOf, seedOf, type Table } from './plan.ts';
import { isWild, type Schedule } from './schedule.ts';
import { isVisited, type WakeAll } from './zones.ts';

/** Minutes in which cron was not running, the machine slept, or the clock was set over. */
export interface Gap {
  /** How many. */
  readonly minutes: number;
  /** The visits of a cron that had been awake all the time, zone by zone; null: there is no gap. */
  readonly away: (zone: string) => readonly Visit[] | null;
  /** What is visited now. */
  readonly wakes: WakeAll['wakes'];
}

/**
 * Find the entries of a crontab that missed a start which nothing makes up for; of each the latest one. A null after each
 * schedule: who has other things to do may look to them.
 * @param since the UTC minute at which the crontab was last changed: nobody knows what it said before
 */
export function* leftOut<T extends Table>(
  tab: T,
  { away, wakes }: Gap,
  since: number,
  hostname: string,
  timeAt = rememberTimes(),
): Generator<Due<T> | null> {
  const { schedules, rules, begins, members } = planOf(tab, seedOf(hostname, tab.label));
  for (const [group, schedule] of schedules.entries()) {
    const rule = rules[group];
    const unseen = rule === undefined || rule.catchesUp ? null : away(rule.zone);
    if (rule === undefined || unseen === null) continue;
    const made = new Set(
      (wakes.get(rule.zone)?.visits ?? [])
        .filter((visit) => isVisited(schedule, visit))
        .map((visit) => minuteOf(schedule, visit)),
    );
    const visit = unseen.findLast(
      (each) =>
        each.utc > since &&
        isVisited(schedule, each) &&
        !made.has(minuteOf(schedule, each)) &&
        matches(schedule, timeAt(each.local - rule.delay)),
    );
    if (visit !== undefined)
      for (const index of members.subarray(begins[group], begins[group + 1])) {
        const entry = tab.entries.at(index);
        if (entry !== undefined) yield { tab, entry, visit, late: false };
      }
    yield null;
  }
}

/** What tells the starts of an entry apart: as in instantOf(). */
function minuteOf(schedule: Schedule, { utc, local }: Visit): number {
  return isWild(schedule) ? utc : local;
}
