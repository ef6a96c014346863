/** What the scheduler knows of itself → the status that is asked for over the control socket. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Answer, Call } from '../control/desk.ts';
import { isPrivileged } from '../control/permit.ts';
import type { NextInfo, RunningInfo } from '../control/answers.ts';
import type { RunningJob } from '../run/protocol.ts';
import type { Runners } from '../run/runners.ts';
import type { Tab } from '../spool/tab.ts';
import { toText } from '../system/bytes.ts';
import type { Counts } from '../mail/listing.ts';
import type { Ended } from './ended.ts';
import type { Next, Soonest } from './soonest.ts';
import { version } from './version.ts';

/** What a status is put together from. */
export interface OverviewTools {
  readonly crontabs: { readonly tabs: readonly Tab[] };
  readonly runners: Pick<Runners, 'jobs' | 'list'>;
  readonly soonest: Soonest;
  readonly ended: Ended;
  readonly mails: (call: Call) => Promise<Counts>;
  /** Where the output of running jobs lies. */
  readonly outputs: string;
  /** In milliseconds since the epoch. */
  readonly started: number;
  /** The daemon's uid. */
  readonly daemon: number;
}

/** Jobs that a status tells at most; it counts all. */
const TOLD = 10_000;
/** Of so many jobs it tells how much they have printed. */
const MEASURED = 200;
/** Bytes of a command by which people recognise it. */
const SHOWN = 200;

/** Answer: users are told of their own, root of all. */
export function overview(tools: OverviewTools): (call: Call) => Promise<Answer> {
  const { crontabs, runners, soonest, ended, mails, outputs, started, daemon } = tools;
  const ours = version();
  return async (call) => {
    const { head, caller, user } = call;
    const whose = head.user === undefined && isPrivileged(caller, daemon) ? null : user.name;
    const tabs = crontabs.tabs.filter((tab) => whose === null || tab.user === whose);
    const all = runners.jobs.filter((job) => whose === null || job.user === whose);
    const waiting = all.filter((job) => job.waiting === true);
    const jobs = all.filter((job) => job.waiting !== true);
    const infos = (some: readonly RunningJob[]): Promise<RunningInfo[]> =>
      Promise.all(some.slice(0, TOLD).map((job, at) => running(job, at, outputs)));
    const { list } = runners;
    const status = {
      pid: process.pid,
      started: new Date(started).toISOString(),
      version: ours,
      crontabs: tabs.length,
      entries: tabs.reduce((sum, { entries }) => sum + entries.length, 0),
      jobs: jobs.length,
      running: await infos(jobs),
      waiting: await infos(waiting),
      waits: waiting.length,
      runners: list.length,
      // How much others have to do is not everybody's.
      ...(whose === null && { runnerList: list }),
      next: (await soonest.of(whose)).map(nextInfo),
      ...ended.of(whose),
      mails: await mails(call),
    };
    return { head: { ok: true, status } };
  };
}

async function running(job: RunningJob, at: number, outputs: string): Promise<RunningInfo> {
  const { run, user, command, pid, since, scheduled } = job;
  const bytes =
    at < MEASURED && job.waiting !== true ? await sizeOf(join(outputs, run)) : undefined;
  return {
    run,
    user,
    command,
    pid,
    // A runner of an older version does not tell.
    ...(since > 0 && { since: new Date(since).toISOString() }),
    ...(scheduled !== undefined && { scheduled: new Date(scheduled).toISOString() }),
    ...(bytes !== undefined && { bytes }),
  };
}

/** What is in memory still is not counted: at most what came within the last second. */
async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch {
    return 0; // nothing yet
  }
}

function nextInfo({ at, tab, entry, user }: Next): NextInfo {
  return {
    at: new Date(at).toISOString(),
    user,
    command: toText(entry.command.slice(0, SHOWN)),
    file: tab.path,
    line: entry.line,
  };
}
