/** CRON_TIMEOUT: a job that runs too long is asked to end, and then made to, with all that it started. */

import { startTime } from '../system/process.ts';

/** Between SIGTERM and SIGKILL, in milliseconds. */
const GRACE = 10_000;

/** A limit that is running. */
export interface TimeLimit {
  /** The job has ended; whether the limit ended it. */
  stop(): boolean;
}

/**
 * Limit a job's time.
 * @param group its process group
 * @param seconds 0 for no limit; at most 24 days
 * @param closed resolves when no process of its has its output open any more
 */
export function limitTime(group: number, seconds: number, closed: Promise<void>): TimeLimit {
  let fired = false;
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  const signal = (name: NodeJS.Signals): void => {
    try {
      process.kill(-group, name);
    } catch {
      // All of it has ended.
    }
  };
  const ask = (): void => {
    fired = true;
    signal('SIGTERM');
    timer = setTimeout(() => {
      // What it started may ignore SIGTERM and outlive it. But once the job has ended, a process
      // of its number is a stranger, who may lead a group of his own.
      if (!ended || startTime(group) === null) signal('SIGKILL');
    }, GRACE);
    void closed.then(() => clearTimeout(timer));
  };
  if (seconds > 0) timer = setTimeout(ask, seconds * 1000);
  return {
    stop() {
      ended = true;
      if (!fired) clearTimeout(timer);
      return fired;
    },
  };
}
