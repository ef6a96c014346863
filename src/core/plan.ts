/** A crontab → its entries by what decides when they start, so that a minute costs what is distinct. */

import type { Entry } from './entry.ts';
import type { Schedule } from './schedule.ts';
import { settingsOf } from './settings.ts';
import { delayOf } from './zones.ts';

/** A crontab as far as it matters here. */
export interface Table {
  readonly label: string;
  readonly entries: readonly Entry[];
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
  const rules = new Map<string, Rule>();
  const groups = new Map<Schedule, Map<Rule, number[]>>();
  for (const [index, entry] of entries.entries()) {
    const { zone, catchup } = settingsOf(entry.environment);
    const delay = delayOf(entry, seed);
    const name = `${catchup === 'skip'} ${delay} ${zone}`;
    let rule = rules.get(name);
    if (rule === undefined)
      rules.set(name, (rule = { zone, delay, catchesUp: catchup !== 'skip' }));
    let same = groups.get(entry.schedule);
    if (same === undefined) groups.set(entry.schedule, (same = new Map()));
    const group = same.get(rule);
    if (group === undefined) same.set(rule, [index]);
    else group.push(index);
  }
  const all = [...groups].flatMap(([schedule, same]) =>
    [...same].map(([rule, members]) => ({ schedule, rule, members })),
  );
  const begins = new Uint32Array(all.length + 1);
  const members = new Uint32Array(entries.length);
  for (const [place, group] of all.entries()) {
    members.set(group.members, begins[place]);
    begins[place + 1] = (begins[place] ?? 0) + group.members.length;
  }
  return {
    zones: new Set([...rules.values()].map(({ zone }) => zone)),
    schedules: all.map(({ schedule }) => schedule),
    rules: all.map(({ rule }) => rule),
    begins,
    members,
  };
}
