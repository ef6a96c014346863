/** How a scheduler is run → what every part of it needs: settings, clock, users, log, and when it ends. */
import { type Clock, systemClock } from '../system/clock.ts';
import type { Log, SinkChoice } from '../system/sink.ts';
import { testClock } from '../system/testclock.ts';
import { systemUsers, type Users } from '../system/users.ts';
import type { Settings } from './serve.ts';

/** What every part of the scheduler needs. */
export interface Surroundings {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly users: Users;
  readonly log: Log;
  /** How runners log. */
  readonly choice: SinkChoice;
  /** Started by a cron that leaves the terminal. */
  readonly forked: boolean;
  /** Aborts when the scheduler is to end. */
  readonly signal: AbortSignal;
}

/** Look around; SIGTERM and SIGINT end the scheduler from now on. */
export function surround(
  settings: Settings,
  choice: SinkChoice,
  log: Log,
  forked: boolean,
): Surroundings {
  const end = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => end.abort());
  const { signal } = end;
  return { settings, clock: clockOf(settings), users: systemUsers(), log, choice, forked, signal };
}

/** The machine's clock, or the one of a test. */
function clockOf({ config }: Settings): Clock {
  const { clock } = config.test;
  return clock === undefined ? systemClock() : testClock(clock, systemClock());
}
