/** Jobs due in one minute, under each cron in turn → when they start, and what they cost. */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { brief, spread, table } from './beside/figures.ts';
import { peers } from './beside/peers.ts';
import { Stage } from './beside/stage.ts';

const MINUTE = 60_000;
/** From the start of the boxes to the first minute, at least: all have loaded their crontabs. */
const LEAD = 15_000;
/** The processor time of a minute is counted from so long before it: what is done ahead belongs to it. */
const BEFORE = 12_000;
/** And until so long after it: busybox looks after its jobs every ten seconds. */
const AFTER = 46_000;

export interface Plan {
  readonly names: readonly string[];
  readonly tools: string;
  /** Jobs due. */
  readonly jobs: number;
  /** Minutes for each cron. */
  readonly repeat: number;
  /** Whose jobs they are: so many users, each in so many more groups. */
  readonly people: number;
  readonly groups: number;
  readonly say: (line: string) => void;
}

/** One minute of one cron. Times are milliseconds after the minute began. */
export interface Burst {
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

/** Measure minute by minute, one cron after the other, until each has had its share. */
export async function burst(plan: Plan): Promise<Burst[]> {
  const { names, tools, people, groups, repeat } = plan;
  const start = Math.ceil((Date.now() + LEAD) / MINUTE) * MINUTE;
  const minutesOf = (turn: number): number[] =>
    Array.from({ length: repeat }, (_, round) => start + (round * names.length + turn) * MINUTE);
  const stages = new Map<string, Stage>();
  const bursts: Burst[] = [];
  try {
    for (const [turn, peer] of names.entries()) {
      const tabs = crontabs(peer, minutesOf(turn), plan);
      stages.set(
        peer,
        new Stage({ peer, tools, tabs, people: Math.max(people, tabs.size), groups }),
      );
    }
    await Promise.all([...stages.values()].map(async (stage) => stage.begun()));
    for (let round = 0; round < repeat; round++)
      for (const [turn, peer] of names.entries()) {
        const stage = stages.get(peer);
        const minute = minutesOf(turn)[round];
        if (stage === undefined || minute === undefined) continue;
        const result = await observe(stage, { peer, minute, jobs: plan.jobs });
        bursts.push(result);
        plan.say(
          `  ${peer}: first ${brief(result.first)}, median ${brief(result.median)}, last ${brief(result.last)} ms; ` +
            `${brief(result.cpu)} ms of CPU a job; ${plan.jobs - result.lost} of ${plan.jobs} ran, ` +
            `${result.early} early, ${result.twice} twice; ${brief(result.others)} cores busy with other things`,
        );
      }
  } finally {
    await Promise.all([...stages.values()].map(async (stage) => stage.close()));
  }
  return bursts;
}

/** Each job's entry is due in these minutes. A cron that takes few lines of a user gets more users. */
function crontabs(
  peer: string,
  minutes: readonly number[],
  { jobs, people }: Plan,
): Map<string, string> {
  const { quiet = '', lines = Infinity } = peers[peer] ?? {};
  const field = minutes.map((minute) => new Date(minute).getMinutes()).join(',');
  const count = Math.max(people, Math.ceil(jobs / lines));
  const tabs = new Map<string, string>();
  for (let user = 0; user < count; user++) {
    const from = Math.floor((jobs * user) / count);
    const to = Math.floor((jobs * (user + 1)) / count);
    const entries = Array.from(
      { length: to - from },
      (_, at) => `${field} * * * * /tools/stamp ${from + at}\n`,
    );
    tabs.set(`u${user}`, `${quiet}\n${entries.join('')}`);
  }
  return tabs;
}

async function observe(
  stage: Stage,
  { peer, minute, jobs }: { readonly peer: string; readonly minute: number; readonly jobs: number },
): Promise<Burst> {
  await pause(Math.max(0, minute - BEFORE - Date.now()));
  const [used, busy, since] = [stage.account.used(), machine(), performance.now()];
  const own = (): number => stage.account.used() - used;
  let others = NaN;
  while (Date.now() < minute + AFTER) {
    await pause(200);
    // Once all run, the burst is over: what others do later does not concern it.
    if (Number.isNaN(others) && Date.now() > minute + 500 && started(stage, minute).length >= jobs)
      others = (machine() - busy - own()) / (performance.now() - since);
  }
  const cpu = own() / jobs;
  const ran = started(stage, minute);
  const times = ran.map(({ at }) => at - minute).toSorted((a, b) => a - b);
  const ids = new Set(ran.map(({ id }) => id)).size;
  return {
    peer,
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

/** The jobs of that minute; one that is a few seconds early belongs to it too. */
function started(stage: Stage, minute: number): readonly { at: number; id: string }[] {
  return stage.stamps().filter(({ at }) => at > minute - BEFORE && at < minute + MINUTE - BEFORE);
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

/** A row for each cron: medians and spreads of its minutes. */
export function tell(bursts: readonly Burst[]): string {
  const names = [...new Set(bursts.map(({ peer }) => peer))];
  const rows = names.map((name) => {
    const own = bursts.filter(({ peer }) => peer === name);
    const of = (key: 'first' | 'median' | 'last' | 'cpu'): string =>
      spread(own.map((one) => one[key]));
    const wrong = own.reduce((sum, { lost, early, twice }) => sum + lost + early + twice, 0);
    return [
      peers[name]?.title ?? name,
      of('first'),
      of('median'),
      of('last'),
      of('cpu'),
      `${wrong}`,
    ];
  });
  const head = ['', 'first, ms', 'median, ms', 'last, ms', 'CPU a job, ms', 'lost, early, twice'];
  return table([head, ...rows]);
}
