/** Crontabs and an hour → in which of its minutes each may have something to start: most minutes of most are empty. */

import { rememberTimes, type LocalTime, matchesHour } from './due.ts';
import { type Plan, planOf, type Rule, seedOf, type Table } from './plan.ts';
import type { Schedule } from './schedule.ts';
import type { WakeAll } from './zones.ts';

/**
 * The minutes of an hour, as bits: two numbers for each crontab, of minutes 0 to 31 and 32 to 59, and at the end two for
 * all together. Where a bit is not set, nothing is due.
 */
type Minutes = Uint32Array;

const HOUR = 60;
const ALL = 0xffff_ffff;

/** So many hours are known: this one and the next, of a zone or two. */
const KNOWN = 4;
/** The clocks of more zones are not worth a sieve each. */
const ZONES = 4;

/** What is known of an array of crontabs, which stays as it is: a change of them comes with another array. */
export class Sieve {
  readonly hostname: string;
  /** Those that the crontabs name. */
  readonly zones: ReadonlySet<string>;
  readonly #plans: readonly Plan[];
  /** By zone and hour. */
  readonly #hours = new Map<string, Minutes>();

  constructor(tabs: readonly Table[], hostname: string) {
    this.hostname = hostname;
    this.#plans = tabs.map((tab) => planOf(tab, seedOf(hostname, tab.label)));
    this.zones = new Set(this.#plans.flatMap(({ zones }) => [...zones]));
  }

  /** The crontabs that may have something to start at one of these visits, by their indices; all others have nothing. */
  through(wakes: WakeAll['wakes']): readonly number[] {
    const { length } = this.#plans;
    if (wakes.size > ZONES) return Array.from({ length }, (_, index) => index);
    const asked: { readonly minutes: Minutes; readonly minute: number }[] = [];
    for (const [zone, { visits }] of wakes)
      for (const { local } of visits) {
        const hour = Math.floor(local / HOUR);
        const [minutes, minute] = [this.#minutesOf(zone, hour), local - hour * HOUR];
        if (isSet(minutes, length, minute)) asked.push({ minutes, minute });
      }
    if (asked.length === 0) return [];
    const through: number[] = [];
    for (let index = 0; index < length; index++)
      if (asked.some(({ minutes, minute }) => isSet(minutes, index, minute))) through.push(index);
    return through;
  }

  #minutesOf(zone: string, hour: number): Minutes {
    const name = `${hour} ${zone}`;
    const known = this.#hours.get(name);
    if (known !== undefined) return known;
    const [oldest] = this.#hours.keys();
    if (this.#hours.size >= KNOWN && oldest !== undefined) this.#hours.delete(oldest);
    const minutes = minutesIn(this.#plans, zone, hour);
    this.#hours.set(name, minutes);
    return minutes;
  }
}

function isSet(minutes: Minutes, index: number, minute: number): boolean {
  return (((minutes[2 * index + (minute >> 5)] ?? 0) >>> (minute & 31)) & 1) === 1;
}

/** Look at every schedule, once an hour. */
function minutesIn(plans: readonly Plan[], zone: string, hour: number): Minutes {
  const minutes = new Uint32Array(2 * (plans.length + 1));
  const timeAt = rememberTimes();
  let [allLow, allHigh] = [0, 0];
  for (let index = 0; index < plans.length; index++) {
    const plan = plans[index];
    if (plan === undefined || !plan.zones.has(zone)) continue;
    let [low, high] = [0, 0];
    for (let group = 0; group < plan.schedules.length; group++) {
      const [schedule, rule] = [plan.schedules[group], plan.rules[group]];
      if (schedule?.kind !== 'times' || rule?.zone !== zone) continue;
      if (!mayBeIn(schedule, rule, hour, timeAt)) continue;
      // A delay moves minutes, some of them over the hour's end: whoever has one is looked at in each.
      low |= rule.delay === 0 ? schedule.minute.low32 : ALL;
      high |= rule.delay === 0 ? schedule.minute.high32 : ALL;
    }
    minutes[2 * index] = low;
    minutes[2 * index + 1] = high;
    allLow |= low;
    allHigh |= high;
  }
  minutes[2 * plans.length] = allLow;
  minutes[2 * plans.length + 1] = allHigh;
  return minutes;
}

/** Tell whether a schedule is for one of the two hours in which a delayed hour begins and ends. */
function mayBeIn(
  schedule: Schedule,
  { delay }: Rule,
  hour: number,
  timeAt: (local: number) => LocalTime,
): boolean {
  const [first, last] = [hour * HOUR - delay, hour * HOUR + HOUR - 1 - delay];
  if (matchesHour(schedule, timeAt(first))) return true;
  return delay % HOUR !== 0 && matchesHour(schedule, timeAt(last));
}
