/** The crontabs in force → the entries that start soonest, of everybody and of each user. */
import { setImmediate as turn } from 'node:timers/promises';
import { seedOf } from '../core/plan.ts';
import { dueAfter } from '../core/calendar.ts';
import type { Entry } from '../core/entry.ts';
import { MINUTE_MS, type Offsets, type Span, spans } from '../core/spans.ts';
import { type Start, startsIn } from '../core/starts.ts';
import { zoneOf } from '../core/zones.ts';
import type { Tab } from '../spool/tab.ts';
import { toText } from '../system/bytes.ts';
import type { Clock } from '../system/clock.ts';

/** The next start of an entry. */
export interface Next extends Start {
  readonly tab: Tab;
  readonly entry: Entry;
  readonly user: string;
}

/** Entries that are known of everybody, and of each user. */
const MOST = 20;
/** For so many milliseconds entries are looked at before others have their turn. */
const SLICE = 2;
/** What is more days away than this is not told. */
export const FAR = 400;

/** Knows what is next; looks anew when a minute has passed or a crontab has changed. */
export class Soonest {
  readonly #crontabs: { readonly tabs: readonly Tab[] };
  readonly #clock: Clock;
  readonly #hostname: string;
  #known: { minute: number; tabs: readonly Tab[]; lists: Promise<Lists> } | null = null;

  constructor(crontabs: { readonly tabs: readonly Tab[] }, clock: Clock, hostname: string) {
    this.#crontabs = crontabs;
    this.#clock = clock;
    this.#hostname = hostname;
  }

  /** Tell the entries that start soonest, in their order; null: everybody's. */
  async of(user: string | null): Promise<readonly Next[]> {
    const { tabs } = this.#crontabs;
    const minute = Math.floor(this.#clock.now() / MINUTE_MS);
    const known = this.#known;
    const isSame =
      known?.minute === minute &&
      known.tabs.length === tabs.length &&
      known.tabs.every((tab, at) => tab === tabs[at]);
    const lists = known !== null && isSame ? known.lists : this.#look(tabs, minute);
    this.#known = { minute, tabs, lists };
    return (await lists).of(user);
  }

  async #look(tabs: readonly Tab[], minute: number): Promise<Lists> {
    const lists = new Lists();
    for await (const { start, ...whose } of nextStarts(tabs, this.#clock, this.#hostname, minute))
      if (start !== null) lists.add({ ...start, ...whose });
    return lists;
  }
}

/** An entry and when it starts next; null: at a boot, or not within FAR days. */
export interface NextStart extends Pick<Next, 'tab' | 'entry' | 'user'> {
  readonly start: Start | null;
}

/** Tell of each entry when it starts next, in the order of the files. */
export async function* nextStarts(
  tabs: readonly Tab[],
  clock: Clock,
  hostname: string,
  minute = Math.floor(clock.now() / MINUTE_MS),
): AsyncGenerator<NextStart> {
  const offsets: Offsets = (zone, at) => clock.offset(at, zone);
  const zones = new Map<string, Ahead>();
  let began = performance.now();
  for (const tab of tabs) {
    const seed = seedOf(hostname, tab.label);
    for (const entry of tab.entries) {
      // The minute's jobs must not wait until a hundred thousand entries are looked at.
      if (performance.now() - began > SLICE) {
        await turn();
        began = performance.now();
      }
      const { schedule } = entry;
      const user = entry.user === null ? (tab.user ?? '') : toText(entry.user);
      if (schedule.kind === 'reboot') {
        yield { tab, entry, user, start: null };
        continue;
      }
      const zone = zoneOf(entry);
      const ahead = zones.get(zone) ?? new Ahead((at) => offsets(zone, at), minute + 1);
      zones.set(zone, ahead);
      const starts = startsIn(ahead, entry, (local) => dueAfter(schedule, local, FAR), seed);
      const first = starts.next();
      yield { tab, entry, user, start: first.done === true ? null : first.value };
    }
  }
}

/** The spans of a zone, cut as far as somebody has asked. */
class Ahead {
  readonly #known: Span[] = [];
  readonly #rest: Iterator<Span>;

  constructor(offset: (at: number) => number, first: number) {
    this.#rest = spans(offset, first, first + FAR * 1440);
  }

  *[Symbol.iterator](): Generator<Span> {
    for (let at = 0; ; at++) {
      if (at === this.#known.length) {
        const next = this.#rest.next();
        if (next.done === true) return;
        this.#known.push(next.value);
      }
      const span = this.#known[at];
      if (span !== undefined) yield span;
    }
  }
}

/** The soonest ones; entries are added in the order of the files. */
class Lists {
  readonly #all: Next[] = [];
  readonly #users = new Map<string, Next[]>();

  add(next: Next): void {
    const own = this.#users.get(next.user) ?? [];
    this.#users.set(next.user, own);
    for (const list of [this.#all, own]) insert(list, next);
  }

  of(user: string | null): readonly Next[] {
    return user === null ? this.#all : (this.#users.get(user) ?? []);
  }
}

function insert(list: Next[], next: Next): void {
  const later = list.findIndex(
    ({ at, turn: its }) => next.at < at || (next.at === at && next.turn < its),
  );
  const place = later === -1 ? list.length : later;
  if (place >= MOST) return;
  list.splice(place, 0, next);
  if (list.length > MOST) list.pop();
}
