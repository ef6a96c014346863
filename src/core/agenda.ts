/** The crontabs and a wake-up → what starts, in the order in which it starts. */

import { missedStarts } from './catchup.ts';
import type { Visit } from './clock.ts';
import { type LocalTime, matches, rememberTimes } from './due.ts';
import type { Entry } from './entry.ts';
import { type Plan, planOf, seedOf, type Table } from './plan.ts';
import { Sieve } from './sieve.ts';
import { isVisited, type WakeAll } from './zones.ts';

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

/** What each minute asks of the same crontabs again. */
const sieves = new WeakMap<readonly Table[], Sieve>();

function sieveOf(tabs: readonly Table[], hostname: string): Sieve {
  const known = sieves.get(tabs);
  if (known?.hostname === hostname) return known;
  const sieve = new Sieve(tabs, hostname);
  sieves.set(tabs, sieve);
  return sieve;
}

/** The zones that crontabs name. @param tabs never changed: others are another array */
export function zonesOf(tabs: readonly Table[], hostname: string): ReadonlySet<string> {
  return sieveOf(tabs, hostname).zones;
}

/**
 * List what starts: minute by minute, in each minute in the order of the files, late ones last.
 * @param tabs never changed: others are another array
 */
export function agenda<T extends Table>(
  tabs: readonly T[],
  wakes: WakeAll['wakes'],
  past: Past<T>,
  hostname: string,
): Due<T>[][] {
  const rounds: Due<T>[][] = [];
  const late: Due<T>[] = [];
  const timeAt = rememberTimes();
  const sieve = sieveOf(tabs, hostname);
  const isAway = [...sieve.zones].some((zone) => past.away(zone) !== null);
  for (const tab of isAway ? tabs : sieve.through(wakes).flatMap((index) => tabs[index] ?? [])) {
    const seed = seedOf(hostname, tab.label);
    const plan = planOf(tab, seed);
    const found: Found = { rounds: [], missed: [] };
    for (let group = 0; group < plan.schedules.length; group++)
      visitGroup(plan, group, wakes, past, timeAt, found);

    for (const [round, starts] of found.rounds.entries())
      for (const { entry: index, visit } of inOrder(starts)) {
        const entry = tab.entries.at(index);
        if (entry !== undefined) (rounds[round] ??= []).push({ tab, entry, visit, late: false });
      }
    let allowance = TABLE_CAP;
    for (const { entry: index, visits } of inOrder(found.missed)) {
      const entry = tab.entries.at(index);
      if (entry === undefined) continue;
      const starts = missedStarts(entry, visits, past.firstSeen(tab, entry), seed);
      for (const visit of starts.slice(0, allowance)) late.push({ tab, entry, visit, late: true });
      allowance -= Math.min(starts.length, allowance);
    }
  }
  return [...rounds, late].filter((round) => round !== undefined && round.length > 0);
}

/** What a table's groups have to start; entries by their indices. */
interface Found {
  readonly rounds: { readonly entry: number; readonly visit: Visit }[][];
  /** Those that catch up, and the minutes that passed unseen. */
  readonly missed: { readonly entry: number; readonly visits: readonly Visit[] }[];
}

/** Decide for all members of a group at once. */
function visitGroup(
  plan: Plan,
  group: number,
  wakes: WakeAll['wakes'],
  { away }: Pick<Past<Table>, 'away'>,
  timeAt: (local: number) => LocalTime,
  found: Found,
): void {
  const [schedule, rule] = [plan.schedules[group], plan.rules[group]];
  if (schedule === undefined || rule === undefined) return;
  const unseen = rule.catchesUp ? away(rule.zone) : null;
  if (unseen !== null) {
    for (const entry of membersOf(plan, group)) found.missed.push({ entry, visits: unseen });
    return;
  }
  const visits = wakes.get(rule.zone)?.visits ?? [];
  for (let round = 0; round < visits.length; round++) {
    const visit = visits[round]; // no iterator: this is done for each schedule of each table
    if (visit === undefined || !isVisited(schedule, visit)) continue;
    if (matches(schedule, timeAt(visit.local - rule.delay)))
      for (const entry of membersOf(plan, group))
        (found.rounds[round] ??= []).push({ entry, visit });
  }
}

function membersOf({ begins, members }: Plan, group: number): Uint32Array {
  return members.subarray(begins[group], begins[group + 1]);
}

/** File order. */
function inOrder<T extends { readonly entry: number }>(starts: readonly T[] | undefined): T[] {
  return (starts ?? []).toSorted((one, other) => one.entry - other.entry);
}
