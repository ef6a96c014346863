/** The scheduler's parts → the loop of daemon.ts, which goes on where the last scheduler stopped. */
import { hostname } from 'node:os';
import { daemon, type DaemonTools } from '../daemon.ts';
import { Ahead } from './ahead.ts';
import type { LoadedCrontabs } from './crontabs.ts';
import { LeftOut } from './leftout.ts';
import { openProgress } from './progress.ts';
import { firingsOf } from './starts.ts';
import type { Surroundings } from './surroundings.ts';
import type { Works } from './works.ts';

/** What it takes at most to have a job's process ready, and one in a PAM session, in milliseconds. */
const [PROCESS, SESSION] = [5, 100];

/** The loop, before, while and after it runs. */
export interface Loop {
  /** Run it until the scheduler is to end. */
  run(): Promise<void>;
  /** Keep that it ended in order. */
  stop(): void;
  /** Wait until what it left out is recorded. */
  close(): Promise<void>;
}

/**
 * Make the loop ready.
 * @param started see openProgress()
 * @param onMinute called each minute, after its jobs
 */
export function openLoop(
  started: number,
  { settings, clock, log, signal }: Surroundings,
  crontabs: LoadedCrontabs,
  { runners, recorder, start }: Pick<Works, 'runners' | 'recorder' | 'start'>,
  onMinute: () => void,
): Loop {
  const { config, startNothing } = settings;
  const { arm, session } = config.jobs;
  const progress = openProgress(config.paths.state, started, {
    clock,
    log,
    leavesTrace: !startNothing,
  });
  const left = new LeftOut(recorder, log);
  const isRunning = (identity: string): boolean => runners.isRunning(identity);
  const ahead = new Ahead(
    (firings, within) => runners.arm(firings, within),
    isRunning,
    session === 'pam' ? SESSION : PROCESS,
  );
  /** Nothing has started since it was last remembered how far entries have run. */
  let isIdle = true;
  const tools: DaemonTools = {
    clock,
    crontabs,
    start(due) {
      isIdle &&= due.length === 0;
      return start(
        firingsOf(
          due,
          isRunning,
          (each) => left.skip(each),
          (each) => ahead.firing(each),
        ),
      );
    },
    ...(!startNothing && { unseen: (gap) => left.look(crontabs.tabs, gap) }),
    ...(arm && !startNothing && { foresight: ahead }),
    firstSeen: crontabs.firstSeen,
    remember(lasts) {
      progress.remember(lasts, isIdle);
      isIdle = true;
      onMinute();
    },
    hostname: hostname(),
    log,
  };
  return {
    run: () => daemon(tools, progress.from, progress.ran, signal),
    stop: () => progress.stop(),
    close: () => left.close(),
  };
}
