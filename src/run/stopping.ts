/** Living runners → told to end their jobs, and waited for. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Connection } from './connection.ts';

/** What a runner is told through. */
type Way = Pick<Connection, 'stop' | 'stopped' | 'closed'>;

/** A runner that lives, or did. */
export interface Living {
  /** Null: it has hung up. */
  readonly connection: Way | null;
  /** @throws when that cannot be found out */
  readonly isAlive: () => boolean;
  /** Connect once more; rejects when it does not answer. */
  readonly reopen: () => Promise<Way>;
}

/**
 * Have all runners end their jobs; returns whether the signal came before all had done so.
 * @param grace from SIGTERM to SIGKILL, in milliseconds
 */
export async function stopJobs(
  runners: readonly Living[],
  grace: number,
  signal: AbortSignal,
): Promise<boolean> {
  const aborted = new Promise<true>((resolve) => {
    if (signal.aborted) resolve(true);
    else signal.addEventListener('abort', () => resolve(true), { once: true });
  });
  const stopped = Promise.all(runners.map((runner) => stop(runner, grace, signal)));
  return Promise.race([stopped.then(() => false), aborted]);
}

/** What ends all processes of a container ends a runner too: it hangs up, and is asked once more. */
async function stop(
  { connection, isAlive, reopen }: Living,
  grace: number,
  signal: AbortSignal,
): Promise<void> {
  let current = connection;
  while (!signal.aborted) {
    if (current === null) {
      if (!lives(isAlive)) return;
      // When it does not answer it ends this moment, or is busy.
      current = await reopen().catch(() => null);
      if (current === null) await pause(AGAIN);
      continue;
    }
    current.stop(grace);
    const isDone = current.stopped.then(() => true);
    if (await Promise.race([isDone, current.closed.then(() => false)])) return;
    current = null;
  }
}

function lives(isAlive: () => boolean): boolean {
  try {
    return isAlive();
  } catch {
    return false; // out of reach: nothing more can be done
  }
}

/** In milliseconds. */
const AGAIN = 50;
