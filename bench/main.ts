/** Cases and crons → mailcron beside others, measured on this machine: `npm run bench -- burst 1000 mailcron cron`. */
import { parseArgs } from 'node:util';
import { packagesOf, tools } from './beside/cache.ts';
import type { Ask } from './beside/course.ts';
import { compare, type Figure, table } from './beside/figures.ts';
import { GOAL_HEAD, judge } from './beside/goals.ts';
import { has, keep, kept } from './beside/kept.ts';
import { everybody, peers } from './beside/peers.ts';
import { nameOf, write } from './beside/report.ts';
import { closeAll } from './beside/stage.ts';
import { able, cases, inOrder, minutesOf, plans, titleOf, unable } from './cases/plan.ts';

const USAGE = `usage: npm run bench [-- all | goals | quick | CASE] [SIZE...] [CRON...]
               [--repeat N] [--users N] [--groups N] [--write] [--resume]`;

const { values, positionals } = given();

/** The command line's words, or an end with what is wrong about them. */
function given() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        repeat: { type: 'string' },
        users: { type: 'string' },
        groups: { type: 'string' },
        write: { type: 'boolean', default: false },
        resume: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function refuse(why: string): never {
  process.stderr.write(`bench: ${why}\n${USAGE}\n`);
  process.exit(64);
}

/** How many, or nothing where none is told. */
function count(option: 'repeat' | 'users' | 'groups'): number | undefined {
  const text = values[option];
  if (text === undefined) return undefined;
  const least = option === 'groups' ? 0 : 1;
  if (!/^\d{1,6}$/.test(text) || Number(text) < least)
    refuse(`--${option} wants a number of at least ${least}, not ${text}`);
  return Number(text);
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Those that are named, or all; one that cannot be had is left out. */
function present(named: readonly string[]): string[] {
  return (named.length > 0 ? named : everybody).filter((name) => {
    const { packages = [] } = peers[name] ?? {};
    if (!Object.hasOwn(peers, name))
      refuse(`no such cron: ${name} (there are ${Object.keys(peers).join(', ')})`);
    try {
      packagesOf(packages);
      return true;
    } catch (error) {
      say(`${name} is left out: ${error instanceof Error ? error.message : String(error)}`);
      return false;
    }
  });
}

interface Asked {
  readonly asks: readonly Ask[];
  readonly repeat: number;
  readonly names: string[];
  /** Whether the document has all of it, and so is written in any case. */
  readonly whole: boolean;
}

/** What the command line asks for. */
function asked(): Asked {
  const [first = 'all', ...rest] = positionals;
  const names = present(rest.filter((word) => !/^\d+$/.test(word)));
  if (first === 'all' || first === 'goals' || first === 'quick')
    return { ...plans[first], names, whole: first !== 'quick' && rest.length === 0 };
  if (!Object.hasOwn(cases, first))
    refuse(
      `no such case: ${first} (there are all, goals, quick, ${Object.keys(cases).join(', ')})`,
    );
  const [people, groups] = [count('users'), count('groups')];
  const ask = {
    name: first,
    ...(people === undefined ? {} : { people }),
    ...(groups === undefined ? {} : { groups }),
  };
  const sizes = rest.filter((word) => /^\d+$/.test(word)).map(Number);
  const asks = sizes.length > 0 ? sizes.map((size) => ({ ...ask, size })) : [ask];
  return { asks, repeat: 1, names, whole: false };
}

const times = count('repeat');
const { asks, names, whole, ...plan } = asked();
const repeat = times ?? plan.repeat;
const writes = values.write || whole;
// Of one that was ended early, what it has is not measured again.
const before = values.resume ? kept() : [];
const run = before.at(-1)?.run ?? new Date().toISOString();
const isThere = (ask: Ask): boolean =>
  has(before, { run, title: titleOf(ask), names: able(ask, names), repeat });
const left = values.resume ? asks.filter((ask) => !isThere(ask)) : asks;

const minutes = Math.ceil(minutesOf(left, names, repeat));
const until = new Date(Date.now() + minutes * 60_000).toTimeString().slice(0, 5);
say(
  `${left.length} case${left.length === 1 ? '' : 's'}, ${repeat === 1 ? 'once' : `${repeat} times`}: ` +
    `about ${minutes} minute${minutes === 1 ? '' : 's'}, until ${until}`,
);

let ended = false;
function end(number: number): void {
  ended = true;
  void closeAll().finally(() => process.exit(128 + number));
}
process.once('SIGINT', () => end(2));
process.once('SIGTERM', () => end(15));
process.stdout.on('error', () => end(13)); // nobody reads any more, such as head(1)

const [course, measured] = [{ tools: tools(), repeat, say }, [] as Figure[]];
for (const ask of left) {
  const [title, taking] = [titleOf(ask), able(ask, names)];
  say(`${title}: ${taking.join(', ')}`);
  for (const name of names) {
    const why = unable(ask, name);
    if (why !== undefined) say(`  ${name} is left out: ${why}`);
  }
  if (taking.length === 0) continue;
  try {
    const figures =
      (await cases[ask.name]?.measure({ ...course, title, names: taking }, ask)) ?? [];
    measured.push(...figures);
    say(compare(figures, nameOf));
    // Case by case: a run that is ended early has written what it knows.
    if (writes) {
      const all = keep(figures.map((figure) => ({ ...figure, run })));
      write(all, inOrder(new Set(all.map((figure) => figure.title))));
    }
  } catch (error) {
    // One case that fails leaves the others their figures.
    process.exitCode = 1;
    if (ended) break; // and all boxes with it
    say(`${title} failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}
const goals = judge(measured);
if (goals.length > 0) say(table([GOAL_HEAD, ...goals]));
