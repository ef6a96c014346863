/** A scheduler that needs a runner → one that was started and takes orders; tried as often as it takes. */
import { setTimeout as pause } from 'node:timers/promises';
import { reason } from '../system/failure.ts';
import type { Log } from '../system/sink.ts';
import { Connection } from './connection.ts';
import { ANSWER } from './reach.ts';

/** How a runner is started. */
export interface RecruitTools {
  /** Start a runner of that name; resolves when its journal and its socket are there. */
  readonly fork: (id: string) => Promise<void>;
  readonly socket: (id: string) => string;
  /** Called after a failure and its pause: what was begun may live. */
  readonly onFailed: (id: string) => Promise<unknown>;
  /** Whether none is needed any more. */
  readonly isOver: () => boolean;
  /** Ends the pauses. */
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** Pauses between tries double, from the first to the last, in milliseconds. */
const [FIRST, LAST] = [100, 30_000];

/** Start a runner and connect to it; null: none is needed any more. */
export async function recruit(
  tools: RecruitTools,
): Promise<{ readonly id: string; readonly connection: Connection } | null> {
  const { fork, socket, onFailed, isOver, signal, log } = tools;
  for (let wait = FIRST; !isOver(); wait = Math.min(wait * 2, LAST)) {
    const id = `${Date.now().toString(36)}-${process.pid}`;
    try {
      await fork(id);
      return { id, connection: await Connection.open(socket(id), ANSWER) };
    } catch (error) {
      const detail = `cannot start a runner: ${reason(error)}; next try in ${wait / 1000} s`;
      log('CRON', 'ERROR', detail, { level: 'error' });
      await pause(wait, undefined, { signal }).catch(() => {}); // the signal ends the loop too
      await onFailed(id);
    }
  }
  return null;
}
