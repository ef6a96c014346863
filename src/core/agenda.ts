/** The crontabs and a wake-up → what starts, in the order in which it starts. */

import { missedStarts } from './catchup.ts';
import type { Visit } from './clock.ts';
import type { Entry } from './entry.ts';
import { settingsOf } from './settings.ts';
import { isDue, type WakeAll, zoneOf } from './zones.ts';

/** A crontab as far as it matters here. */
export interface Table {
  readonly label: string;
  readonly entries: readonly Entry[];
}

/** An entry that is to start, and the minute for which. */
export interface Due<T extends Table> {
  readonly tab: T;
  readonly entry: Entry;
  readonly visit: Visit;
  /** It is made up for, which goes one after the other. */
  readonly late: boolean;
}

/** What CRON_CATCHUP needs to know of the past. */
export interface Past<T extends Table> {
  /** The visits of a zone while cron was not awake; null if it was. */
  readonly away: (zone: string) => readonly Visit[] | null;
  /** The UTC minute at which an entry was first seen. */
  readonly firstSeen: (tab: T, entry: Entry) => number;
}

/** So many starts are made up for at once, of one crontab: a table of thousands must not stop the others. */
const TABLE_CAP = 1000;

/** List what starts: minute by minute, in each minute in the order of the files, late ones last. */
export function agenda<T extends Table>(
  tabs: readonly T[],
  wakes: WakeAll['wakes'],
  past: Past<T>,
  hostname: string,
): Due<T>[][] {
  const rounds: Due<T>[][] = [];
  const late: Due<T>[] = [];
  for (const tab of tabs) {
    const seed = seedOf(hostname, tab.label);
    let allowance = TABLE_CAP;
    for (const entry of tab.entries) {
      const zone = zoneOf(entry);
      const catchesUp = settingsOf(entry.environment).catchup !== 'skip';
      const missed = catchesUp ? past.away(zone) : null;
      if (missed !== null) {
        const starts = missedStarts(entry, missed, past.firstSeen(tab, entry), seed);
        for (const visit of starts.slice(0, allowance))
          late.push({ tab, entry, visit, late: true });
        allowance -= Math.min(starts.length, allowance);
        continue;
      }
      for (const [round, visit] of (wakes.get(zone)?.visits ?? []).entries())
        if (isDue(entry, visit, seed))
          (rounds[round] ??= []).push({ tab, entry, visit, late: false });
    }
  }
  return [...rounds, late].filter((round) => round !== undefined && round.length > 0);
}

/** From what an entry's random choices are drawn: another host and another crontab choose otherwise. */
export function seedOf(hostname: string, label: string): string {
  return `${hostname} ${label}`;
}
