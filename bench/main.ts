/** Cases and crons → mailcron beside others, measured on this machine: `npm run bench -- burst 1000 mailcron cron`. */
import { parseArgs } from 'node:util';
import { packagesOf, tools } from './beside/cache.ts';
import type { Course } from './beside/course.ts';
import { compare, type Figure } from './beside/figures.ts';
import { everybody, peers } from './beside/peers.ts';
import { write } from './beside/report.ts';
import { burst, figuresOf } from './cases/burst.ts';
import { idle } from './cases/idle.ts';
import { install } from './cases/install.ts';
import { list } from './cases/list.ts';
import { memory } from './cases/memory.ts';
import { output } from './cases/output.ts';
import { running } from './cases/running.ts';

const USAGE = `usage: npm run bench [-- quick | CASE] [SIZE...] [CRON...]
               [--repeat N] [--users N] [--groups N] [--write]`;

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
const nameOf = (peer: string): string => peers[peer]?.title ?? peer;

/** What a case is asked for; without a size it has the one it is known for. */
interface Ask {
  readonly name: string;
  readonly size?: number;
  /** Of so many users, each in so many more groups. */
  readonly people?: number;
  readonly groups?: number;
}

const CASES: Readonly<Record<string, (course: Course, ask: Ask) => Promise<Figure[]>>> = {
  burst: async (course, { size: jobs = 1000, people = 1, groups = 0 }) =>
    due(course, { jobs, people, groups, mailed: false }),
  mail: async (course, { size: jobs = 1000, people = 1, groups = 0 }) =>
    due(course, { jobs, people, groups, mailed: true }),
  memory: async (course, { size: entries = 10_000, people = Math.ceil(entries / 1000) }) =>
    memory(course, { entries, people }),
  running: async (course, { size: jobs = 1000 }) => running(course, jobs),
  idle: async (course, { size: users = 1000 }) => idle(course, users),
  install,
  output: async (course, { size: mebibytes = 1024 }) => output(course, mebibytes),
  list,
};

interface Size {
  readonly jobs: number;
  readonly people: number;
  readonly groups: number;
  readonly mailed: boolean;
}

async function due(course: Course, size: Size): Promise<Figure[]> {
  const whose = size.people > 1 ? ` of ${size.people} users in ${size.groups} more groups` : '';
  const one = size.mailed ? 'mail' : 'job';
  const title = `${size.jobs.toLocaleString('en')} ${one}${size.jobs === 1 ? '' : 's'}${whose}`;
  return figuresOf(title, await burst({ ...course, ...size }));
}

/** Everything, in the order of the report; `quick` has one round of the cases that tell most. */
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
const QUICK: readonly Ask[] = [
  { name: 'burst', size: 1000 },
  { name: 'memory', size: 10_000 },
  { name: 'list' },
];

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

/** What the command line asks for: cases with their sizes, and how often. */
function asked(): {
  readonly cases: readonly Ask[];
  readonly repeat: number;
  readonly names: string[];
} {
  const [first, ...rest] = positionals;
  const crons = (named: readonly string[]): string[] =>
    present(named.filter((word) => !/^\d+$/.test(word)));
  if (first === undefined) return { cases: ALL, repeat: 5, names: crons([]) };
  if (first === 'quick') return { cases: QUICK, repeat: 1, names: crons(rest) };
  if (!Object.hasOwn(CASES, first))
    refuse(`no such case: ${first} (there are quick, ${Object.keys(CASES).join(', ')})`);
  const [people, groups] = [count('users'), count('groups')];
  const whose = {
    ...(people === undefined ? {} : { people }),
    ...(groups === undefined ? {} : { groups }),
  };
  const sizes = rest.filter((word) => /^\d+$/.test(word)).map(Number);
  return {
    cases:
      sizes.length > 0
        ? sizes.map((size) => ({ ...whose, name: first, size }))
        : [{ ...whose, name: first }],
    repeat: 1,
    names: crons(rest),
  };
}

const times = count('repeat');
const { cases, repeat, names } = asked();
const course = { names, tools: tools(), repeat: times ?? repeat, say };
for (const ask of cases) {
  say(`${ask.name}${ask.size === undefined ? '' : ` ${ask.size}`}: ${names.join(', ')}`);
  const figures = (await CASES[ask.name]?.(course, ask)) ?? [];
  say(compare(figures, nameOf));
  // Case by case: a run that is ended early has written what it knows.
  if (values.write || positionals.length === 0) write(figures);
}
