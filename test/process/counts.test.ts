/** What a job costs the machine, in numbers that the kernel counts: on a slow machine they are the same as on a fast one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { descriptorsOf, memoryOf, type Traffic, trafficOf } from '../support/counters.ts';
import { needsRoot } from '../support/sandbox.ts';
import { type Alone, openAlone } from './alone.ts';

const JOBS = 100;
/** In a minute whose jobs are started when it begins, and in one whose jobs are ready before it. */
const MINUTES = [0, JOBS];
/** A shell writes its pid itself, and the command is a part of it: no process but the one that it has to have. */
const table = (command: string): string => `* * * * * ${command}\n`.repeat(JOBS);

/** What one of a kind costs. */
interface Cost {
  readonly command: string;
  readonly processes: number;
  /**
   * What its runner reads and writes itself, at most: half as much again as was counted. Threads that wake each other
   * up are counted too, and do so more often when there is time between two jobs.
   */
  readonly runner: Traffic;
  /** What the scheduler writes; it reads its clock, as often as there is time to. */
  readonly scheduler: Pick<Traffic, 'writes' | 'written'>;
}

const kinds: Record<string, Cost> = {
  'a job that prints nothing': {
    command: 'echo $$ >> FILE',
    processes: 1,
    runner: { reads: 12, writes: 20, read: 1250, written: 3200 },
    scheduler: { writes: 0.5, written: 1200 },
  },
  'a job whose output is mailed': {
    command: 'echo $$ >> FILE; echo hello',
    processes: 2,
    runner: { reads: 28, writes: 44, read: 1550, written: 5300 },
    scheduler: { writes: 1, written: 1250 },
  },
};

for (const [kind, { command, processes, runner, scheduler }] of Object.entries(kinds))
  test(
    `${kind} starts no process more than it has to, and few calls are made for it`,
    needsRoot,
    async (t) => {
      const cron = await openAlone(t, table(command));
      await run(cron, 0, 1, processes); // what is done once is done now
      for (const [index, armed] of MINUTES.entries()) {
        const before = [trafficOf(cron.runner), trafficOf(cron.scheduler)] as const;
        const pids = await run(cron, armed, index + 2, processes);
        assert.equal(spanOf(pids), JOBS * processes, `${armed} armed`);
        const own = each(before[0], trafficOf(cron.runner));
        const other = each(before[1], trafficOf(cron.scheduler));
        const counted = `${armed} armed, ${JSON.stringify({ runner: own, scheduler: other })}`;
        t.diagnostic(counted);
        assert.deepEqual([over(own, runner), over(other, scheduler)], [[], []], counted);
      }
    },
  );

/** Bytes that are written in a minute in which nothing is due: how far cron is, and what wakes up a thread. */
const QUIET = 300;

test('a minute in which nothing is due writes one short file', needsRoot, async (t) => {
  const cron = await openAlone(t, '@yearly true\n');
  await cron.passed(await cron.minute(0));
  const both = [cron.scheduler, cron.runner];
  const before = both.map(trafficOf);
  const minutes = 5;
  for (let n = 0; n < minutes; n++) await cron.passed(await cron.minute(0));
  const [scheduler = NaN, runner] = both.map(
    (pid, place) => (trafficOf(pid).written - (before[place]?.written ?? 0)) / minutes,
  );
  t.diagnostic(`${scheduler} bytes`);
  assert.ok(scheduler <= QUIET, `${scheduler} bytes`);
  assert.equal(runner, 0);
});

/** Jobs of a minute, as many as it takes for what is not theirs to be little. */
const CROWD = 300;
/** Of these, they only come and go: what grows with the first jobs has grown. */
const [SHORT, LONG] = [5, 2];
/** Bytes of a running job, in scheduler and runner. */
const MEMORY = 20_000;
/** Descriptors of a running job: its output, and the script that tells whether it was reached. */
const DESCRIPTORS = 2;
/** Bytes of a runner that has seen all these jobs: it keeps no room for the next crowd. */
const RUNNER = 48_000_000;

test('a running job takes at most 20 kB of cron, and two descriptors', needsRoot, async (t) => {
  const minutes = [
    `1-${SHORT} * * * * echo >> FILE`,
    `${SHORT + 1}-59 * * * * echo >> FILE; exec sleep 600`,
  ];
  const cron = await openAlone(t, minutes.map((line) => `${line}\n`.repeat(CROWD)).join(''));
  for (let n = 1; n <= SHORT; n++) {
    await cron.minute(0);
    await cron.over(n * CROWD);
  }
  const both = [cron.runner, cron.scheduler];
  const look = (): [memory: number, descriptors: number] => [
    both.reduce((sum, pid) => sum + memoryOf(pid), 0),
    both.reduce((sum, pid) => sum + descriptorsOf(pid), 0),
  ];
  const [memory, descriptors] = look();
  for (let n = 1; n <= LONG; n++) {
    await cron.minute(0);
    await cron.lines((SHORT + n) * CROWD);
  }
  const [then, open] = look();
  const share = (then - memory) / (LONG * CROWD);
  t.diagnostic(`${share.toFixed(0)} bytes a job, ${memoryOf(cron.runner)} bytes in the runner`);
  assert.ok(share <= MEMORY, `${share} bytes a job`);
  assert.ok(memoryOf(cron.runner) <= RUNNER, `${memoryOf(cron.runner)} bytes in the runner`);
  // Besides these it may have one or two open that have nothing to do with jobs, for a moment.
  assert.equal(Math.round((open - descriptors) / (LONG * CROWD)), DESCRIPTORS);
});

/** Let a minute pass, the `nth`; returns the pids of its jobs and mailers. */
async function run(
  cron: Alone,
  armed: number,
  nth: number,
  processes: number,
): Promise<readonly number[]> {
  const count = JOBS * processes;
  await cron.minute(armed);
  const lines = await cron.lines(nth * count);
  await cron.over(nth * JOBS);
  return lines.slice(-count).map(Number);
}

/** How many pids were given from the first one to the last one. */
function spanOf(pids: readonly number[]): number {
  return Math.max(...pids) - Math.min(...pids) + 1;
}

/** What came about meanwhile, for each job. */
function each(before: Traffic, after: Traffic): Traffic {
  const of = (key: keyof Traffic): number => (after[key] - before[key]) / JOBS;
  return { reads: of('reads'), writes: of('writes'), read: of('read'), written: of('written') };
}

/** What is more than it may be. */
function over(is: Traffic, limits: Partial<Traffic>): string[] {
  const keys = ['reads', 'writes', 'read', 'written'] as const;
  return keys.filter((key) => is[key] > (limits[key] ?? Infinity));
}
