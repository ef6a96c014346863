/** A crontab → its entries by what decides when they start, so that a minute costs what is distinct. */

import type { Entries } from './entries.ts';
import type { Entry } from './entry.ts';
import type { Environment } from './environment.ts';
import type { Schedule } from './schedule.ts';
import { settingsOf } from './settings.ts';
import { delayOf } from './zones.ts';

/** A crontab as far as it matters here. */
export interface Table {
  readonly label: string;
  readonly entries: Entries;
}

/** What decides about a start besides the schedule. */
export interface Rule {
  readonly zone: string;
  /** RANDOM_DELAY as it was drawn, in minutes. */
  readonly delay: number;
  readonly catchesUp: boolean;
}

/**
 * The groups of a crontab's entries that always start together.
 *
 * Arrays of numbers, one after the other, and no object a group: in a table without two equal
 * schedules there are as many groups as entries.
 */
export interface Plan {
  readonly zones: ReadonlySet<string>;
  /** Of each group. */
  readonly schedules: readonly Schedule[];
  readonly rules: readonly Rule[];
  /** Where the members of each group begin; the last number is where the last ones end. */
  readonly begins: Uint32Array;
  /** Indices of entries, ascending in each group. */
  readonly members: Uint32Array;
}

const plans = new WeakMap<Table, { readonly seed: string; readonly plan: Plan }>();

/** The plan of a table, made once. @param seed see delayOf() */
export function planOf(table: Table, seed: string): Plan {
  const known = plans.get(table);
  if (known?.seed === seed) return known.plan;
  const plan = makePlan(table, seed);
  plans.set(table, { seed, plan });
  return plan;
}

function makePlan({ entries }: Table, seed: string): Plan {
  const rules = new Rules();
  const groups = new Map<Rule, Map<Schedule, number>>();
  const all: { readonly schedule: Schedule; readonly rule: Rule; size: number }[] = [];
  /** Of each entry. */
  const places = new Uint32Array(entries.length);
  for (let index = 0; index < entries.length; index++) {
    const entry = entries.at(index);
    if (entry === undefined) continue;
    const { schedule } = entry;
    const rule = rules.of(entry, seed);
    let same = groups.get(rule);
    if (same === undefined) groups.set(rule, (same = new Map()));
    let place = same.get(schedule);
    if (place === undefined)
      same.set(schedule, (place = all.push({ schedule, rule, size: 0 }) - 1));
    const group = all[place];
    if (group !== undefined) group.size++;
    places[index] = place;
  }
  const begins = new Uint32Array(all.length + 1);
  for (const [place, { size }] of all.entries()) begins[place + 1] = (begins[place] ?? 0) + size;
  return {
    zones: new Set(rules.all.map(({ zone }) => zone)),
    schedules: all.map(({ schedule }) => schedule),
    rules: all.map(({ rule }) => rule),
    begins,
    members: membersBy(places, begins),
  };
}

/** Sort entries by their groups, and keep their order in each. */
function membersBy(places: Uint32Array, begins: Uint32Array): Uint32Array {
  const members = new Uint32Array(places.length);
  const next = begins.slice();
  for (const [index, place] of places.entries()) {
    const at = next[place] ?? 0;
    members[at] = index;
    next[place] = at + 1;
  }
  return members;
}

/** One rule for all entries for which the same holds. */
class Rules {
  readonly #known = new Map<string, Rule>();
  /** Of entries without a delay, which is drawn for each of them. */
  #last: { readonly environment: Environment; readonly rule: Rule } | null = null;

  get all(): readonly Rule[] {
    return [...this.#known.values()];
  }

  of(entry: Entry, seed: string): Rule {
    const { environment } = entry;
    if (this.#last?.environment === environment) return this.#last.rule;
    const { zone, catchup, randomDelay } = settingsOf(environment);
    const delay = delayOf(entry, seed);
    const name = `${catchup === 'skip'} ${delay} ${zone}`;
    const rule = this.#known.get(name) ?? { zone, delay, catchesUp: catchup !== 'skip' };
    this.#known.set(name, rule);
    if (randomDelay === 0) this.#last = { environment, rule };
    return rule;
  }
}

/** From what an entry's random choices are drawn: another host and another crontab choose otherwise. */
export function seedOf(hostname: string, label: string): string {
  return `${hostname} ${label}`;
}
