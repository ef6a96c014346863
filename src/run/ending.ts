/** Who wants a job to end, and how → signals to all that it started; and what its mail says of that. */
import { startTime } from '../system/process.ts';
import { signalSession } from '../system/session.ts';

/** A signal that somebody wants sent to a job. */
export interface Ending {
  /** A user's name, or cron's own: ITSELF. */
  readonly by: string;
  readonly signal: NodeJS.Signals;
  /** SIGKILL follows after so long, in milliseconds; null: nothing does. */
  readonly grace: number | null;
}

/** Who ends jobs when cron is stopped with them; no user has an empty name. */
export const ITSELF = '';

/** Between SIGTERM and SIGKILL, in milliseconds. */
export const GRACE = 10_000;
/** So many signals are told of in the mail; a job may be sent any number of some. */
const TOLD = 20;

/** A job that can be made to end. */
export interface Endings {
  /** Send a signal; false: the job has ended. */
  end(signal: NodeJS.Signals, grace: number | null, by?: string): boolean;
  /** The job itself has ended; returns what its mail has to say, as lines. */
  stop(): string[];
  /** The job has ended, and cron is stopped: end what it has left in its session. */
  sweep(grace: number): void;
}

/**
 * Take charge of a job's end.
 * @param leader the process that was started: leader of a session and a group
 * @param over resolves when it has ended and no process of its has its output open any more
 */
export function endingsOf(leader: number, over: Promise<unknown>): Endings {
  let ended = false;
  const lines: string[] = [];
  const timers = new Set<NodeJS.Timeout>();
  const strike = (signal: NodeJS.Signals): boolean => {
    // What the job started may ignore SIGTERM and outlive it. But once the job has ended, a
    // process of its number is a stranger, who may lead a session of his own.
    return (!ended || startTime(leader) === null) && signalSession(leader, signal);
  };
  const follow = (grace: number, tell: (line: string) => void): void => {
    const hard = setTimeout(() => {
      if (strike('SIGKILL')) tell(`cron: and SIGKILL followed ${grace / 1000} s later\n`);
    }, grace);
    timers.add(hard);
  };
  void over.then(() => timers.forEach(clearTimeout));
  return {
    end(signal, grace, by) {
      if (ended || !strike(signal)) return false;
      const tell = (line: string): void => {
        if (by !== undefined && lines.length < TOLD) lines.push(line);
      };
      const who = by === ITSELF ? 'cron was stopped, and' : by;
      const how = by === ITSELF ? '--stop-jobs' : 'cronctl kill';
      tell(`cron: ${who} sent this job ${signal} (${how})\n`);
      if (grace !== null) follow(grace, tell);
      return true;
    },
    sweep(grace) {
      if (!strike('SIGTERM')) return;
      lines.push('cron: cron was stopped, and sent what this job had left running SIGTERM\n');
      follow(grace, (line) => lines.push(line));
    },
    stop() {
      ended = true;
      return lines;
    },
  };
}
