/** Figures → which of the goals they hold. */
import { brief, type Figure, median } from './figures.ts';

interface Goal {
  readonly what: string;
  readonly goal: string;
  /** The table and column that it is about. */
  readonly title: string;
  readonly column: string;
  /** At most so much; or, of others' medians, the limit. `-Infinity` where none was measured. */
  readonly limit: (of: (peer: string) => number) => number;
  /** The figure has to be greater, not less. */
  readonly least?: true;
}

const best =
  (times: number) =>
  (of: (peer: string) => number): number =>
    times * Math.min(...['cron', 'bcron', 'busybox', 'mcron'].map(of).filter(Number.isFinite));
const than =
  (times: number, peer: string) =>
  (of: (peer: string) => number): number =>
    times * of(peer);

const GOALS: readonly Goal[] = [
  {
    what: '1 job',
    goal: 'median start at most 10 ms',
    title: '1 job',
    column: 'median, ms',
    limit: () => 10,
  },
  {
    what: '100 jobs',
    goal: 'last start at most 100 ms',
    title: '100 jobs',
    column: 'last, ms',
    limit: () => 100,
  },
  {
    what: '1,000 jobs',
    goal: "last start at most 0.5 x the best other cron's",
    title: '1,000 jobs',
    column: 'last, ms',
    limit: best(0.5),
  },
  {
    what: '3,000 jobs',
    goal: "last start at most 0.6 x the best other cron's",
    title: '3,000 jobs',
    column: 'last, ms',
    limit: best(0.6),
  },
  {
    what: 'CPU a job, of 1,000',
    goal: "at most 0.5 x Debian's cron's",
    title: '1,000 jobs',
    column: 'CPU a job, ms',
    limit: than(0.5, 'cron'),
  },
  {
    what: 'CPU a job, of 1,000',
    goal: "at most bcron's",
    title: '1,000 jobs',
    column: 'CPU a job, ms',
    limit: than(1, 'bcron'),
  },
  {
    what: 'CPU a job, of 1,000',
    goal: "at most busybox's",
    title: '1,000 jobs',
    column: 'CPU a job, ms',
    limit: than(1, 'busybox'),
  },
  {
    what: '1,000 mails',
    goal: "last complete at most bcron's",
    title: '1,000 mails',
    column: 'last, ms',
    limit: than(1, 'bcron'),
  },
  {
    what: 'memory of a running job',
    goal: 'at most 20 kB',
    title: '1,000 running jobs',
    column: 'more for each job, kB',
    limit: () => 20,
  },
  {
    what: 'memory with 1,000 running jobs',
    goal: "at most a fourth of Debian's cron's",
    title: '1,000 running jobs',
    column: 'memory besides them, MB',
    limit: than(0.25, 'cron'),
  },
  {
    what: 'memory when empty',
    goal: 'at most 70 MB',
    title: '100,000 entries of 100 users',
    column: 'memory when empty, MB',
    limit: () => 70,
  },
  {
    what: 'memory of an entry, of 100,000',
    goal: 'at most 300 bytes',
    title: '100,000 entries of 100 users',
    column: 'bytes an entry',
    limit: () => 300,
  },
  {
    what: 'loading 100,000 entries',
    goal: "at most bcron's time",
    title: '100,000 entries of 100 users',
    column: 'loading, ms',
    limit: than(1, 'bcron'),
  },
  {
    what: 'idle, 1,000 users, 3 minutes',
    goal: 'at most 3 wake-ups of a process',
    title: 'idle with 1,000 users, for 3 minutes',
    column: 'wake-ups of one process at most',
    limit: () => 3,
  },
  {
    what: 'idle, 1,000 users, 3 minutes',
    goal: 'at most 10 ms of CPU',
    title: 'idle with 1,000 users, for 3 minutes',
    column: 'CPU, ms',
    limit: () => 10,
  },
  {
    what: 'installed just before the minute',
    goal: 'runs at it',
    title: 'a crontab installed just before the minute',
    column: 'ran at it',
    limit: () => 1,
    least: true,
  },
  {
    what: '1 GiB of output',
    goal: 'at least 1,039 MiB/s',
    title: 'a job that prints 1,024 MiB',
    column: 'into the cron, MiB/s',
    limit: () => 1039,
    least: true,
  },
  {
    what: '1 GiB of output',
    goal: 'at most 8 MB more memory',
    title: 'a job that prints 1,024 MiB',
    column: 'more memory, MB',
    limit: () => 8,
  },
  {
    what: '`crontab -l`',
    goal: 'at most 2 x the start of Node',
    title: 'crontab -l',
    column: 'times as long',
    limit: () => 2,
  },
];

export const GOAL_HEAD = ['', 'goal', 'mailcron', 'limit', 'held'];

/** A row for each goal that was measured: what it is about, the goal, the figure, whether it holds. */
export function judge(figures: readonly Figure[]): string[][] {
  return GOALS.flatMap(({ what, goal, title, column, limit, least }) => {
    const own = figures.filter((one) => one.title === title && one.what === column);
    const run = own.find(({ peer }) => peer === 'mailcron')?.run;
    const of = (name: string): number =>
      median(
        own
          .filter(({ peer, ...one }) => peer === name && one.run === run)
          .map(({ value }) => value),
      );
    const [is, bound] = [of('mailcron'), limit(of)];
    if (!Number.isFinite(is) || !Number.isFinite(bound)) return [];
    const holds = least === true ? is >= bound : is <= bound;
    return [[what, goal, brief(is), brief(bound), holds ? 'yes' : '**no**']];
  });
}
