/** Many users who install at once → whether any install was lost, how late a minute was, and what memory it took. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { withoutHeader } from '../../src/spool/header.ts';
import { setTimeout as pause } from 'node:timers/promises';
import { Ledger, numberOf, type Owner, startInstaller } from './installs.ts';
import type { Sandbox } from './sandbox.ts';
import { until } from './wait.ts';

const MINUTE = 60_000;

export type People = readonly { readonly name: string; readonly uid: number }[];

export interface LoadFigures {
  readonly installs: number;
  readonly seconds: number;
  /** Milliseconds from sending to the answer, as the client sees it. */
  readonly median: number;
  readonly slowest: number;
  /** Of each minute that began meanwhile: milliseconds until the first job was started. */
  readonly late: readonly number[];
  /** Of the daemon, in MB: a third of the way, and at the end. */
  readonly memory: readonly [number, number];
}

/** Have everybody install `each` tables, beginning so long before a minute begins; throws when one is lost. */
export async function load(
  sandbox: Sandbox,
  people: People,
  { each, lead }: { readonly each: number; readonly lead: number },
): Promise<LoadFigures> {
  sandbox.systemTab('* * * * * root : tick\n');
  const daemon = await sandbox.start();
  const minute = nextMinute(lead + 1000);
  await pause(minute - lead - Date.now());
  const ledger = new Ledger();
  const owners = people.map((person) => ({ ...person, from: 0 }));
  const socket = sandbox.path('run', 'cron.sock');
  const began = Date.now();
  const client = startInstaller({ socket, owners, each, schedule: '@yearly' }, ledger);
  const total = people.length * each;
  let early = 0;
  const look = setInterval(() => {
    if (early === 0 && ledger.done > total / 3) early = memoryOf(daemon.pid);
  }, 50);
  const status = await client.ended;
  clearInterval(look);
  const ended = Date.now();
  assert.equal(status, 0, sandbox.evidence());
  assert.deepEqual(ledger.refused, []);
  assert.equal(ledger.done, total);
  for (const { name } of people) {
    const table = withoutHeader(readFileSync(sandbox.path('spool', name))).toString('latin1');
    assert.equal(numberOf(name, table, '@yearly'), each - 1);
  }
  const last = memoryOf(daemon.pid);
  await until('the minute', () => Date.now() > minute + 2000);
  const late = ticks(sandbox)
    .filter((at) => at >= began && at <= Math.max(ended, minute + 2000))
    .map((at) => at % MINUTE);
  daemon.kill('SIGTERM');
  assert.equal((await daemon.ended).status, 0);
  const times = ledger.times.toSorted((a, b) => a - b);
  return {
    installs: total,
    seconds: (ended - began) / 1000,
    median: times[Math.floor(times.length / 2)] ?? 0,
    slowest: times.at(-1) ?? 0,
    late,
    memory: [early, last],
  };
}

export interface LastSecond {
  /** Installs that were answered before the minute. */
  readonly answered: number;
  /** Those of them that ran at that minute. */
  readonly ran: number;
  /** Milliseconds from the last of these answers to the minute. */
  readonly margin: number;
}

/** Have everybody install a job of every minute within a second that ends `lead` milliseconds before a minute. */
export async function lastSecond(
  sandbox: Sandbox,
  people: People,
  lead: number,
): Promise<LastSecond> {
  const daemon = await sandbox.start();
  const minute = nextMinute(4000);
  const first = minute - lead - 1000;
  const owners: Owner[] = people.map((person, index) => ({
    ...person,
    from: 0,
    at: first + (index * 1000) / Math.max(1, people.length - 1),
  }));
  const ledger = new Ledger();
  const socket = sandbox.path('run', 'cron.sock');
  const client = startInstaller({ socket, owners, each: 1, schedule: '* * * * *' }, ledger);
  assert.equal(await client.ended, 0, sandbox.evidence());
  assert.deepEqual(ledger.refused, []);
  const answered = people.filter(({ name }) => ledger.of(name).at < minute);
  const ran = (): number =>
    answered.filter(({ name }) => startsOf(sandbox, name).some((at) => minuteOf(at) === minute))
      .length;
  await until(
    'all have run, or will not',
    () => ran() === answered.length || Date.now() > minute + 30_000,
    {
      limit: 100_000,
    },
  );
  const margin = minute - Math.max(...answered.map(({ name }) => ledger.of(name).at));
  daemon.kill('SIGTERM');
  assert.equal((await daemon.ended).status, 0);
  return { answered: answered.length, ran: ran(), margin };
}

/** The next minute that begins in so many milliseconds at least. */
function nextMinute(lead: number): number {
  return Math.ceil((Date.now() + lead) / MINUTE) * MINUTE;
}

function minuteOf(time: number): number {
  return Math.floor(time / MINUTE) * MINUTE;
}

function ticks(sandbox: Sandbox): number[] {
  return starts(sandbox, /^(\S+ \S+) CRON\[\d+\]: \(root\) CMD \(: tick\)$/gm);
}

function startsOf(sandbox: Sandbox, name: string): number[] {
  return starts(sandbox, new RegExp(`^(\\S+ \\S+) CRON\\[\\d+\\]: \\(${name}\\) CMD `, 'gm'));
}

/** When lines were logged, in milliseconds since the epoch. */
function starts(sandbox: Sandbox, pattern: RegExp): number[] {
  return [...sandbox.log().matchAll(pattern)].map(([, time = '']) => Date.parse(time));
}

/** In MB. */
function memoryOf(pid: number): number {
  const [, size] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(size) / 1024;
}
