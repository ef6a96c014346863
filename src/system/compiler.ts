/** Options of V8's, for processes that do little and are there for months; what it optimizes, and from when on. */
import { setFlagsFromString } from 'node:v8';

/** For the scheduler: give memory back rather than keep it for the next time that all crontabs are loaded. */
export const SAVING = ['--optimize-for-size'] as const;

/**
 * For a runner, and for what it asks of others: give memory back rather than keep it for the next crowd of jobs. By
 * default a runner that has had 3,000 jobs keeps 70 MB, with the first of these 30, for 0.05 to 0.3 ms of processor time
 * a job, of four. The others take 4 MB from one that is idle: V8's copy of its own code, threads that wait for work, and
 * its optimizing compiler, which is 4 MB of code and 3 of data, as long as there is nothing for it to do.
 */
export const FRUGAL = [
  ...SAVING,
  '--max-optimized-bytecode-size=0',
  '--no-short-builtin-calls',
  '--v8-pool-size=1',
] as const;

/** V8's own limit: no function with more bytecode is optimized. FRUGAL and bin/cron set it to nothing for a start. */
const USUAL = 61_440;

/** There is hard work: from now on, what runs often is optimized. What ran often before this never is, so it comes first. */
export function optimize(): void {
  setFlagsFromString(`--max-optimized-bytecode-size=${USUAL}`);
}
