/** An entry, the spans of its zone and a calendar → when the daemon will start it. */

import type { Entry } from './entry.ts';
import { isWild } from './schedule.ts';
import { MINUTE_MS, type Span } from './spans.ts';
import { delayOf, isDue } from './zones.ts';

/** One start of an entry. */
export interface Start {
  /** In milliseconds since the epoch: a whole minute. */
  readonly at: number;
  /** The local minute for which; earlier than the clock shows when summer time skipped it. */
  readonly local: number;
  /** Of several starts at one instant, the lower goes first, and in the order of the file. */
  readonly turn: number;
}

/** Tells the first due minute after a local one; null: there is none. */
export type After = (local: number) => number | null;

/**
 * Tell lazily, in order, when an entry starts under a daemon that is awake at each minute. The
 * clock is the daemon's own: the calendar is asked only where local time goes evenly.
 * @param seed host and crontab, from which RANDOM_DELAY is drawn; see seedOf()
 */
export function* startsIn(
  spans: Iterable<Span>,
  entry: Entry,
  calendar: After,
  seed: string,
): Generator<Start> {
  const after = remembering(calendar);
  const delay = delayOf(entry, seed);
  for (const { begin, end, ahead, visits, reached } of spans) {
    for (const [turn, visit] of visits.entries())
      if (isDue(entry, visit, seed)) yield { at: begin * MINUTE_MS, local: visit.local, turn };
    const seen = isWild(entry.schedule) ? begin + ahead : reached;
    for (let local = seen; ;) {
      const next = after(local - delay);
      if (next === null || next + delay >= end + ahead) break;
      local = next + delay;
      yield { at: (local - ahead) * MINUTE_MS, local, turn: 0 };
    }
  }
}

/** Ask a calendar once for what lies spans away. */
function remembering(calendar: After): After {
  // No minute from `asked` to before `found` is due.
  let asked = Infinity;
  let found: number | null = null;
  return (local) => {
    const isKnown = asked <= local && (found === null || local < found);
    if (!isKnown) [asked, found] = [local, calendar(local)];
    return found;
  };
}
