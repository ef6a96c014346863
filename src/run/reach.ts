/** A runner that lives, or did → a connection to it, or the certainty that it is dead. */
import { setTimeout as pause } from 'node:timers/promises';
import { signalProcess } from '../system/process.ts';
import type { Log } from '../system/sink.ts';
import { Connection } from './connection.ts';
import type { Past } from './past.ts';

/** How long a runner may take to answer before it counts as hung, in milliseconds. */
export const ANSWER = 10_000;

/** Who does not listen yet is asked again so soon, in milliseconds. */
const AGAIN = 20;

/**
 * Connect to a living runner. Null: it is dead, or hung and was ended.
 * @throws when it cannot be found out whether it lives
 */
export async function reach(
  id: string,
  socket: string,
  past: Pick<Past, 'isAlive' | 'writer' | 'untilDead'>,
  log: Log,
): Promise<Connection | null> {
  const deadline = performance.now() + ANSWER;
  while (past.isAlive(id)) {
    const patience = deadline - performance.now();
    if (patience <= 0) return end(id, past, log);
    try {
      return await Connection.open(socket, patience);
    } catch {
      await pause(AGAIN); // not there yet, or not any more: the lock tells
    }
  }
  return null;
}

/** End a runner that hangs. */
async function end(id: string, past: Pick<Past, 'writer' | 'untilDead'>, log: Log): Promise<null> {
  const { pid, started } = past.writer(id);
  const detail = `runner ${pid} holds its journal and does not answer: it is ended`;
  log('CRON', 'ERROR', detail, { level: 'error' });
  if (pid !== undefined && started !== undefined) signalProcess(pid, started, 'SIGKILL');
  await past.untilDead(id);
  return null;
}
