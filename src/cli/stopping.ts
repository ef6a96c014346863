/** The stop policy → jobs that go on when cron ends, or are ended with it. */
import type { Rounds } from '../mail/rounds.ts';
import type { Runners } from '../run/runners.ts';
import type { Config } from '../system/config.ts';
import type { Log } from '../system/sink.ts';
import { count } from './columns.ts';

/** How long the mail of ended jobs may take to get on its way, in milliseconds ... */
const MAILING = 10_000;
/** ... and what is in the outbox then, and due, to be tried: Docker waits for ten seconds in all. */
const TRYING = 3000;

/** End the jobs, if that is wanted, and wait until their mail is on its way; a second signal ends the waiting. */
export async function stopJobs(
  runners: Pick<Runners, 'jobs' | 'stopJobs'>,
  rounds: Pick<Rounds, 'settle'> | null,
  { stop, stop_grace: seconds }: Config['jobs'],
  log: Log,
): Promise<void> {
  if (stop === 'leave') return;
  const jobs = runners.jobs.length;
  if (jobs > 0) {
    const detail = `ending ${count(jobs, 'job')}: SIGTERM, and SIGKILL after ${seconds} s`;
    log('CRON', 'INFO', detail);
  }
  const hurry = new AbortController();
  const end = (): void => hurry.abort();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, end);
  const late = setTimeout(end, seconds * 1000 + MAILING);
  const isLate = await runners.stopJobs(seconds * 1000, hurry.signal);
  clearTimeout(late);
  if (isLate) {
    const detail = 'not all jobs and mails are done: a runner sees them to their end';
    log('CRON', 'ERROR', detail, { level: 'error' });
  }
  await rounds?.settle(TRYING);
}
