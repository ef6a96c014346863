/** What is asked for → the cases, who takes part in each, and how long that takes. */
import type { Ask, Case } from '../beside/course.ts';
import { peers } from '../beside/peers.ts';
import { burst, mail } from './burst.ts';
import { idle } from './idle.ts';
import { install } from './install.ts';
import { list } from './list.ts';
import { memory } from './memory.ts';
import { output } from './output.ts';
import { running } from './running.ts';

export const cases: Readonly<Record<string, Case>> = {
  burst,
  mail,
  memory,
  running,
  idle,
  install,
  output,
  list,
};

/** Everything, in the order of the document. */
const ALL: readonly Ask[] = [
  { name: 'burst', size: 1 },
  { name: 'burst', size: 10 },
  { name: 'burst', size: 100 },
  { name: 'burst', size: 1000 },
  { name: 'burst', size: 1000, people: 100, groups: 5 },
  { name: 'burst', size: 3000 },
  { name: 'mail', size: 1000 },
  { name: 'memory', size: 10_000 },
  { name: 'memory', size: 100_000 },
  { name: 'running', size: 1000 },
  { name: 'idle', size: 0 },
  { name: 'idle', size: 1000 },
  { name: 'install' },
  { name: 'output', size: 1024 },
  { name: 'list' },
];

const OWN = ['mailcron'];
/** What there are goals for, beside the crons that these name: what is against no other has mailcron alone. */
const GOALS: readonly Ask[] = [
  { name: 'burst', size: 1000, crons: ['mailcron', 'cron', 'bcron', 'busybox'] },
  { name: 'burst', size: 1 },
  { name: 'burst', size: 100, crons: OWN },
  { name: 'mail', size: 1000, crons: ['mailcron', 'bcron'] },
  { name: 'memory', size: 100_000, crons: ['mailcron', 'bcron'] },
  { name: 'running', size: 1000, crons: ['mailcron', 'cron'] },
  { name: 'list', crons: OWN },
  { name: 'install', crons: OWN },
  { name: 'output', size: 1024, crons: OWN },
  { name: 'idle', size: 1000, crons: OWN },
  { name: 'burst', size: 3000, crons: ['mailcron', 'bcron', 'busybox'] },
];

/** Cases in the order in which they are measured, and how often each. */
export interface Plan {
  readonly asks: readonly Ask[];
  readonly repeat: number;
}

export function titleOf(ask: Ask): string {
  return cases[ask.name]?.title(ask) ?? ask.name;
}

const goals = GOALS.map(titleOf);

export const plans: Readonly<Record<'all' | 'goals' | 'quick', Plan>> = {
  // What there are goals for comes first: a run may be ended before it is through.
  all: { asks: ALL.toSorted((a, b) => rank(a, goals) - rank(b, goals)), repeat: 5 },
  goals: { asks: GOALS, repeat: 5 },
  quick: {
    asks: [{ name: 'burst', size: 1000 }, { name: 'memory', size: 10_000 }, { name: 'list' }],
    repeat: 1,
  },
};

/** Where a table stands among these; those that are not there come last. */
function rank(table: Ask | string, order: readonly string[]): number {
  const at = order.indexOf(typeof table === 'string' ? table : titleOf(table));
  return at < 0 ? order.length : at;
}

/** Tables in the order of the document. */
export function inOrder(titles: Iterable<string>): string[] {
  const order = ALL.map(titleOf);
  return [...titles].toSorted((a, b) => rank(a, order) - rank(b, order));
}

/** Why a cron is left out of a case, or nothing. */
export function unable({ name, size = 0 }: Ask, peer: string): string | undefined {
  const { cannot = {}, most = Infinity } = peers[peer] ?? {};
  return name === 'memory' && size > most
    ? `it takes longer than anybody waits to load ${size.toLocaleString('en')} entries`
    : cannot[name];
}

/** Those of the crons that take part. */
export function able(ask: Ask, names: readonly string[]): string[] {
  return names.filter(
    (peer) => (ask.crons?.includes(peer) ?? true) && unable(ask, peer) === undefined,
  );
}

/** How long they take together, about, in minutes. */
export function minutesOf(asks: readonly Ask[], names: readonly string[], repeat: number): number {
  return asks.reduce(
    (sum, ask) => sum + (cases[ask.name]?.minutes(ask, able(ask, names).length, repeat) ?? 0),
    1,
  );
}
