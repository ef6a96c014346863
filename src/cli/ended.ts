/** Jobs that ended → the last of them, and the last that failed, of everybody and of each user. */
import type { EndedInfo } from '../control/answers.ts';
import type { HowEnded, RunningJob } from '../run/protocol.ts';

/** Of each user so many of both are remembered ... */
const MOST = 10;
/** ... and so many users, those whose jobs ended last. */
const USERS = 500;

interface Lists {
  readonly ended: EndedInfo[];
  readonly failures: EndedInfo[];
}

/** The memory of a scheduler, which begins with it. */
export class Ended {
  readonly #users = new Map<string, Lists>();

  add(job: RunningJob, how: HowEnded, now: number): void {
    const info = infoOf(job, how, now);
    const lists = this.#users.get(job.user) ?? { ended: [], failures: [] };
    this.#users.delete(job.user); // to the end
    this.#users.set(job.user, lists);
    const [oldest] = this.#users.keys();
    if (this.#users.size > USERS && oldest !== undefined) this.#users.delete(oldest);
    keep(lists.ended, info);
    if (info.result !== 'succeeded') keep(lists.failures, info);
  }

  /** Tell the last ones, the latest first; null: everybody's. */
  of(user: string | null): Lists {
    if (user !== null) return this.#users.get(user) ?? { ended: [], failures: [] };
    const all = [...this.#users.values()];
    return {
      ended: latest(all.flatMap(({ ended }) => ended)),
      failures: latest(all.flatMap(({ failures }) => failures)),
    };
  }
}

function keep(list: EndedInfo[], info: EndedInfo): void {
  list.unshift(info);
  if (list.length > MOST) list.pop();
}

function latest(list: readonly EndedInfo[]): EndedInfo[] {
  return list.toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at)).slice(0, MOST);
}

/** Tell of a job that ended. */
export function infoOf(job: RunningJob, how: HowEnded, now: number): EndedInfo {
  const { run, user, command, since } = job;
  const seconds = Math.max(0, now - since) / 1000;
  const about = { run, user, command, at: new Date(now).toISOString(), seconds };
  if (typeof how === 'string') return { ...about, result: how };
  const result = how.code === 0 ? 'succeeded' : 'failed';
  return { ...about, result, exit: how.code, signal: how.signal };
}
