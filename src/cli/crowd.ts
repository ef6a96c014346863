/** Crontabs and a window of time → how many jobs start in each minute of it. */
import { seedOf } from '../core/plan.ts';
import { dueAfter } from '../core/calendar.ts';
import { comes } from '../core/days.ts';
import type { Entry } from '../core/entry.ts';
import { MINUTE_MS, type Offsets, type Span, spans } from '../core/spans.ts';
import { startsIn } from '../core/starts.ts';
import { zoneOf } from '../core/zones.ts';
import type { Tab } from '../spool/tab.ts';

/** The starts of one minute. */
export interface Crowd {
  readonly starts: number;
  /** The first ones, in the order of the files. */
  readonly first: readonly { readonly tab: Tab; readonly entry: Entry }[];
}

/** A window; instants are in milliseconds since the epoch. */
export interface Window {
  readonly from: number;
  readonly until: number;
  readonly offsets: Offsets;
}

/** Of one minute so many starts are told. */
const TOLD = 3;

/** Count; minutes in which nothing starts are left out, and the others are in order. */
export function crowds(
  tabs: readonly Tab[],
  hostname: string,
  { from, until, offsets }: Window,
): ReadonlyMap<number, Crowd> {
  const found = new Map<number, { starts: number; first: { tab: Tab; entry: Entry }[] }>();
  const zones = new Map<string, readonly Span[]>();
  const timeIn = (zone: string): readonly Span[] => {
    const [first, end] = [Math.ceil(from / MINUTE_MS), Math.ceil(until / MINUTE_MS)];
    const time = zones.get(zone) ?? [...spans((at) => offsets(zone, at), first, end)];
    zones.set(zone, time);
    return time;
  };
  for (const tab of tabs) {
    const seed = seedOf(hostname, tab.label);
    for (const entry of tab.entries) {
      const { schedule } = entry;
      if (schedule.kind === 'reboot' || !comes(schedule)) continue;
      const calendar = (local: number): number | null => dueAfter(schedule, local);
      for (const { at } of startsIn(timeIn(zoneOf(entry)), entry, calendar, seed)) {
        const crowd = found.get(at) ?? { starts: 0, first: [] };
        if (++crowd.starts <= TOLD) crowd.first.push({ tab, entry });
        found.set(at, crowd);
      }
    }
  }
  return new Map([...found].toSorted(([a], [b]) => a - b));
}
