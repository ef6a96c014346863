/** Jobs due in one minute, under each cron in turn → when they start, and what they cost. */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { type Ask, type Case, type Course, MINUTE, minuteIn } from '../beside/course.ts';
import { brief, type Figure, row } from '../beside/figures.ts';
import { type Stage, withStages } from '../beside/stage.ts';
import { tabsOf } from '../beside/tabs.ts';

/** From the start of the boxes to the first minute, at least: all have loaded their crontabs. */
const LEAD = 20_000;
/** The processor time of a minute is counted from so long before it: what is done ahead belongs to it. */
const BEFORE = 18_000;
/** And until so long after it: busybox looks after its jobs every ten seconds. The next case can have the next minute then. */
const AFTER = 40_000;
/** With no more jobs than these, all crons have theirs in the same minute. */
const FEW = 10;

export const burst = due(false);
export const mail = due(true);

/** Jobs, of which is told when they start, or when their mails of a line each are complete. */
function due(mailed: boolean): Case {
  return {
    title: (ask) => {
      const { jobs, people, groups } = sizeOf(ask);
      const whose = people > 1 ? ` of ${people} users in ${groups} more groups` : '';
      const one = mailed ? 'mail' : 'job';
      return `${jobs.toLocaleString('en')} ${one}${jobs === 1 ? '' : 's'}${whose}`;
    },
    minutes: (ask, crons, repeat) => repeat * (sizeOf(ask).jobs <= FEW ? 1 : crons),
    measure: async (course, ask) => measure({ ...course, ...sizeOf(ask), mailed }),
  };
}

function sizeOf({ size: jobs = 1000, people = 1, groups = 0 }: Ask): Size {
  return { jobs, people, groups };
}

interface Size {
  /** Jobs due. */
  readonly jobs: number;
  /** Whose jobs they are: so many users, each in so many more groups. */
  readonly people: number;
  readonly groups: number;
}

interface Plan extends Course, Size {
  readonly mailed: boolean;
}

/** One minute of one cron. Times are milliseconds after the minute began. */
interface Burst {
  readonly peer: string;
  readonly first: number;
  readonly median: number;
  readonly last: number;
  /** Jobs that did not run. */
  readonly lost: number;
  /** Jobs that ran before the minute, and starts beyond one of a job. */
  readonly early: number;
  readonly twice: number;
  /** Processor time per job, in milliseconds: the cron's and the job's, its shell included. */
  readonly cpu: number;
  /** Cores that others kept busy meanwhile. */
  readonly others: number;
}

/** Minute by minute, one cron after the other, until each has had its share. */
async function measure(plan: Plan): Promise<Figure[]> {
  const { names, tools, people, groups, repeat, jobs } = plan;
  const start = minuteIn(LEAD);
  // So few are over before another cron would notice.
  const turns = jobs <= FEW ? [names] : names.map((peer) => [peer]);
  const minuteOf = (turn: number, round: number): number =>
    start + (round * turns.length + turn) * MINUTE;
  const rounds = Array.from({ length: repeat }, (_, round) => round);
  const scenes = turns.flatMap((those, turn) =>
    those.map((peer) => {
      const minutes = rounds.map((round) => minuteOf(turn, round));
      const tabs = crontabs(peer, minutes, plan);
      return { peer, tools, tabs, people: Math.max(people, tabs.size), groups };
    }),
  );
  return withStages(scenes, async (stages) => {
    const bursts: Burst[] = [];
    for (const round of rounds)
      for (const [turn, those] of turns.entries()) {
        const minute = minuteOf(turn, round);
        const results = await Promise.all(
          stages
            .filter(({ peer }) => those.includes(peer))
            .map(async (stage) => observe(stage, minute, plan)),
        );
        bursts.push(...results);
        for (const result of results) plan.say(sentence(result, jobs));
      }
    return bursts.flatMap((one) => figuresOf(plan.title, one));
  });
}

function sentence(result: Burst, jobs: number): string {
  return (
    `  ${result.peer}: first ${brief(result.first)}, median ${brief(result.median)}, last ${brief(result.last)} ms; ` +
    `${brief(result.cpu)} ms of CPU a job; ${jobs - result.lost} of ${jobs} ran, ` +
    `${result.early} early, ${result.twice} twice; ${brief(result.others)} cores busy with other things`
  );
}

/** Each job's entry is due in these minutes. */
function crontabs(peer: string, minutes: readonly number[], plan: Plan): Map<string, string> {
  const field = minutes.map((minute) => new Date(minute).getMinutes()).join(',');
  const command = plan.mailed ? 'echo' : '/tools/stamp';
  const size = { entries: plan.jobs, people: plan.people, mailed: plan.mailed };
  return tabsOf(peer, size, (entry) => `${field} * * * * ${command} ${entry}`);
}

async function observe(stage: Stage, minute: number, { jobs, mailed }: Plan): Promise<Burst> {
  await pause(Math.max(0, minute - BEFORE - Date.now()));
  const [used, busy, since] = [stage.account.used(), machine(), performance.now()];
  const own = (): number => stage.account.used() - used;
  let others = NaN;
  while (Date.now() < minute + AFTER) {
    await pause(200);
    // Once all run, the burst is over: what others do later does not concern it.
    if (
      Number.isNaN(others) &&
      Date.now() > minute + 500 &&
      marks(stage, minute, mailed).length >= jobs
    )
      others = (machine() - busy - own()) / (performance.now() - since);
  }
  const cpu = own() / jobs;
  const ran = marks(stage, minute, mailed);
  const times = ran.map(({ at }) => at - minute).toSorted((a, b) => a - b);
  const ids = new Set(ran.map(({ id }) => id)).size;
  return {
    peer: stage.peer,
    first: times[0] ?? NaN,
    median: times[Math.floor(times.length / 2)] ?? NaN,
    last: times.at(-1) ?? NaN,
    lost: jobs - ids,
    early: times.filter((time) => time < 0).length,
    twice: ran.length - ids,
    cpu,
    others: Math.max(0, others),
  };
}

/** The jobs of that minute, or their mails; one that is a few seconds early belongs to it too. */
function marks(
  stage: Stage,
  minute: number,
  mailed: boolean,
): readonly { at: number; id: string }[] {
  // A fake sendmail that saw no number of the job counts its mails: none is a second one of another.
  const all = mailed ? stage.mails().map((at, n) => ({ at, id: `${n}` })) : stage.stamps();
  return all.filter(({ at }) => at > minute - BEFORE && at < minute + MINUTE - BEFORE);
}

/** Processor time of the whole machine, in milliseconds. */
function machine(): number {
  const [line = ''] = readFileSync('/proc/stat', 'latin1').split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line
    .split(/ +/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq) * 10;
}

function figuresOf(title: string, one: Burst): Figure[] {
  return row(title, one.peer, {
    'first, ms': one.first,
    'median, ms': one.median,
    'last, ms': one.last,
    'CPU a job, ms': one.cpu,
    'lost, early, twice': one.lost + one.early + one.twice,
  });
}
