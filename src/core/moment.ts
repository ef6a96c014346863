/** Entries and an instant → those that a daemon starts in that minute. */

import type { Entry } from './entry.ts';
import { MINUTE_MS, type Offsets, offsetsOf, spans } from './spans.ts';
import { isDue, zoneOf } from './zones.ts';

export interface DueOptions {
  /** How far zones are ahead of UTC; without it the daemon's own is UTC. */
  readonly offsets?: Offsets;
  /** Host and crontab, from which RANDOM_DELAY is drawn; see seedOf(). */
  readonly seed?: string;
}

/**
 * List the entries that start in the minute of an instant, in the order in which they start, under
 * a daemon that is awake at each minute. When summer time skips an hour, the minute after it has
 * the starts of that hour too: an entry is listed as often as it starts.
 * @param at milliseconds since the epoch
 */
export function due(
  entries: readonly Entry[],
  at: number,
  { offsets = offsetsOf('UTC'), seed = '' }: DueOptions = {},
): Entry[] {
  const utc = Math.floor(at / MINUTE_MS);
  const zones = [...new Set(entries.map(zoneOf))].map((zone) => {
    const [span] = spans((when) => offsets(zone, when), utc, utc + 1);
    return [zone, span?.visits ?? []] as const;
  });
  const visits = new Map(zones);
  const rounds: Entry[][] = [];
  for (const entry of entries)
    for (const [turn, visit] of (visits.get(zoneOf(entry)) ?? []).entries())
      if (isDue(entry, visit, seed)) (rounds[turn] ??= []).push(entry);
  return rounds.flat(); // passes over turns in which nothing starts
}
