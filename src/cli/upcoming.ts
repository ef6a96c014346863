/** Crontabs → their starts to come in one order, and how these are shown. */
import { seedOf } from '../core/plan.ts';
import type { Entry } from '../core/entry.ts';
import { forecast, type ForecastOptions, type Start } from '../core/forecast.ts';
import type { Offsets } from '../core/spans.ts';
import type { Tab } from '../spool/tab.ts';
import { fromText, toText } from '../system/bytes.ts';
import { systemClock } from '../system/clock.ts';
import { clockTime, distance, fit, onOneLine } from './lines.ts';

/** An entry that will start. */
export interface Upcoming extends Start {
  readonly tab: Tab;
  readonly entry: Entry;
}

/** Know the zones as this host does, with a zone of its own or, without one, with TZ or /etc/localtime. */
export function localOffsets(own = ''): Offsets {
  const clock = systemClock();
  // All entries ask for the same instants.
  const known = new Map<string, number>();
  return (zone, at) => {
    const key = `${zone} ${at}`;
    const hit = known.get(key);
    if (hit !== undefined) return hit;
    const offset = clock.offset(at, zone === '' ? own : zone);
    known.set(key, offset);
    return offset;
  };
}

/** Tell lazily what starts, in the order of the daemon: of one instant, in the order of the files. */
export function* upcoming(
  tabs: readonly Tab[],
  hostname: string,
  options: Omit<ForecastOptions, 'seed'>,
): Generator<Upcoming> {
  // The next start of each entry, soonest last.
  const waiting: {
    readonly next: Upcoming;
    readonly rank: number;
    readonly rest: Iterator<Start>;
  }[] = [];
  const wait = (tab: Tab, entry: Entry, rank: number, rest: Iterator<Start>): void => {
    const result = rest.next();
    if (result.done === true) return;
    const { at, turn } = result.value;
    let [low, high] = [0, waiting.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = waiting[middle];
      if (other === undefined) break;
      const later = other.next.at - at || other.next.turn - turn || other.rank - rank;
      if (later > 0) low = middle + 1;
      else high = middle;
    }
    waiting.splice(low, 0, { next: { ...result.value, tab, entry }, rank, rest });
  };
  let rank = 0;
  for (const tab of tabs) {
    const seed = seedOf(hostname, tab.label);
    for (const entry of tab.entries)
      wait(tab, entry, rank++, forecast(entry, { ...options, seed }));
  }
  for (let soonest = waiting.pop(); soonest !== undefined; soonest = waiting.pop()) {
    yield soonest.next;
    wait(soonest.next.tab, soonest.next.entry, soonest.rank, soonest.rest);
  }
}

/** How a start is shown. */
export type Show = (start: Upcoming) => string;

/** One start as a line of JSON. */
export function asJson({ at, tab, entry }: Upcoming): string {
  return JSON.stringify({
    at: new Date(at).toISOString(),
    file: tab.path,
    line: entry.line,
    user: toText(entry.user ?? fromText(tab.user ?? '')),
    command: toText(entry.command),
  });
}

/** One start as a line of a table: when, in how long unless it is counted from another time, who, what. */
export function asText(tabs: readonly Tab[], offsets: Offsets, now: number | null): Show {
  const users = tabs.flatMap((tab) =>
    Array.from(tab.entries, (entry) => userOf(tab, entry).length),
  );
  const width = users.reduce((most, length) => Math.max(most, length), 0);
  return ({ at, tab, entry }) => {
    const away = now === null ? [] : [distance(at - now).padEnd(DISTANCE)];
    const who = userOf(tab, entry).padEnd(width);
    return fit([clockTime(at, offsets('', at)), ...away, who, onOneLine(entry.command)].join('  '));
  };
}

/** Whose job it is. */
export function userOf(tab: Tab, entry: Entry): string {
  return entry.user === null ? (tab.user ?? '') : onOneLine(entry.user);
}

/** `in 23 h 59 min` */
const DISTANCE = 14;
