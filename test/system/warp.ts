/** A plan of what a clock goes through → what Debian's cron starts under it, and what ours does. */
import assert from 'node:assert/strict';
import { parseCrontab } from '../../src/core/crontab.ts';
import { goOn } from '../../src/core/restart.ts';
import { offsetIn } from '../../src/core/zone.ts';
import { daemon, momentAt } from '../../src/daemon.ts';
import type { Tab } from '../../src/spool/tab.ts';
import type { Clock } from '../../src/system/clock.ts';
import type { Box } from '../support/system.ts';

/** What happens to a clock, in seconds. */
export interface Plan {
  readonly zone: string;
  /** The instant at which cron starts. */
  readonly start: number;
  /** How long it lives, by a clock that nobody sets. */
  readonly lasts: number;
  /** After so many seconds of that life, the clock is set by so many. */
  readonly steps: readonly (readonly [at: number, by: number])[];
}

/** A job that was started. */
export interface Start {
  /** The entry's command. */
  readonly id: string;
  /** The second of cron's life. */
  readonly age: number;
  /** The second on the clock, as an instant. */
  readonly at: number;
  /** The local minute for which it was due. */
  readonly minute: number;
}

/** Make a box in which Debian's cron is installed ready for `startedByDebian()`. */
export async function prepareWarp(box: Box): Promise<void> {
  await box.run(`
    gcc -O2 -Wall -Wextra -shared -fPIC -o /opt/warp.so /src/test/system/warp.c
    rm -f /etc/cron.d/* /var/spool/cron/crontabs/*`);
}

/** Run Debian's cron through a plan with this /etc/crontab. */
export async function startedByDebian(box: Box, plan: Plan, table: string): Promise<Start[]> {
  const { zone, start, lasts, steps } = plan;
  await box.write('/etc/crontab', Buffer.from(table, 'latin1'));
  await box.write(
    '/opt/plan',
    [[start, lasts], ...steps, []].map((row) => row.join(' ')).join('\n'),
  );
  const output = await box.run(
    `WARP_PLAN=/opt/plan LD_PRELOAD=/opt/warp.so TZ=${zone} /usr/sbin/cron -f 2> /opt/log`,
  );
  assert.doesNotMatch(await box.read('/opt/log'), /error/i);
  return output
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [age, at, minute, id = ''] = line.split(' ');
      return { id, age: Number(age), at: Number(at), minute: Number(minute) };
    });
}

/** Run our loop through a plan with this /etc/crontab. */
export async function startedByUs(plan: Plan, table: string): Promise<Start[]> {
  const { entries, problems } = parseCrontab(table, { kind: 'system', owner: '', seed: '' });
  assert.deepEqual(problems, []);
  const tab: Tab = { label: '*system*', path: '/etc/crontab', user: null, entries, problems };
  const end = new AbortController();
  const clock = new WarpClock(plan, end);
  const started: Start[] = [];
  const from = goOn(null, momentAt(clock, clock.now()), clock.now());
  const tools = {
    clock,
    crontabs: { tabs: [tab], minute: () => Promise.resolve() },
    start: (due: readonly { entry: { command: string }; visit: { local: number } }[]) => {
      for (const { entry, visit } of due)
        started.push({
          id: entry.command,
          age: clock.age(),
          at: clock.now() / 1000,
          minute: visit.local,
        });
      return Promise.resolve();
    },
    firstSeen: () => 0,
    remember: () => {},
    hostname: 'host',
    log: () => {},
  };
  await daemon(tools, from, from, end.signal);
  return started;
}

/** A clock that goes through a plan while the loop sleeps. */
class WarpClock implements Clock {
  readonly #plan: Plan;
  readonly #end: AbortController;
  #now: number;
  #age = 0;
  #next = 0;

  constructor(plan: Plan, end: AbortController) {
    this.#plan = plan;
    this.#end = end;
    this.#now = plan.start * 1000;
  }

  now(): number {
    return this.#now;
  }

  /** In seconds. */
  age(): number {
    return this.#age / 1000;
  }

  offset(at: number): number {
    return offsetIn(this.#plan.zone, at);
  }

  sleep(ms: number): Promise<void> {
    this.#age += ms;
    this.#now += ms;
    for (;;) {
      const step = this.#plan.steps[this.#next];
      if (step === undefined || step[0] * 1000 > this.#age) break;
      this.#now += step[1] * 1000;
      this.#next++;
    }
    if (this.#age >= this.#plan.lasts * 1000) this.#end.abort();
    return Promise.resolve();
  }
}
