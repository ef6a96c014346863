/** CRON_TIMEOUT: a job that runs too long is asked to end, and then made to, with all that it started. */
import { type Endings, GRACE } from './ending.ts';

/** A limit that is running. */
export interface TimeLimit {
  /** The job has ended; whether the limit ended it. */
  stop(): boolean;
}

/**
 * Limit a job's time.
 * @param seconds 0 for no limit; at most 24 days
 */
export function limitTime(endings: Endings, seconds: number): TimeLimit {
  let fired = false;
  const ask = (): void => {
    fired = true;
    endings.end('SIGTERM', GRACE);
  };
  const timer = seconds > 0 ? setTimeout(ask, seconds * 1000) : undefined;
  return {
    stop() {
      clearTimeout(timer);
      return fired;
    },
  };
}
