/** The scheduler's side of watching: what runners say of runs that somebody watches, whoever runs them. */
import type { Exit } from '../system/program.ts';
import type { Connection } from './connection.ts';
import type { Word } from './protocol.ts';

/** A run that is watched, as it is now. */
export interface Watch {
  readonly run: string;
  /**
   * `waiting`: it has not begun; `shown`: its output is in its file; `over`: all of it is, and
   * `exit` how it ended; `lost`: its runner died; `gone`: it had ended before.
   */
  readonly phase: 'waiting' | 'shown' | 'over' | 'lost' | 'gone';
  readonly exit: Exit | null;
  /** Bytes that it has printed; known when it is over. */
  readonly size: number;
  /** From then on its file may be changed; by performance.now(). */
  readonly until: number;
}

interface Watched {
  readonly run: string;
  phase: Watch['phase'];
  exit: Exit | null;
  size: number;
  until: number;
  connection: Connection | null;
  /** Who watch. */
  count: number;
}

/** A file whose middle is left out stays as it is for so long after the end, in milliseconds: less than the runner's HOLD. */
const LAST_LOOK = 1500;

/** Runs that are watched. */
export class Watches {
  readonly #runs = new Map<string, Watched>();

  /** Watch a run; null: it is not there yet. Close it again. */
  open(run: string, connection: Connection | null): Watch {
    let watched = this.#runs.get(run);
    if (watched === undefined) {
      watched = {
        run,
        phase: 'waiting',
        exit: null,
        size: 0,
        until: Infinity,
        connection,
        count: 0,
      };
      this.#runs.set(run, watched);
      connection?.watch(run);
    }
    watched.count++;
    return watched;
  }

  close({ run }: Watch): void {
    const watched = this.#runs.get(run);
    if (watched === undefined || --watched.count > 0) return;
    this.#runs.delete(run);
    watched.connection?.seen(run);
  }

  /** A runner says something. */
  hear(connection: Connection, word: Word): void {
    if (word.word === 'started') {
      const watched = this.#runs.get(word.job.run);
      if (watched === undefined || watched.connection === connection) return;
      watched.connection = connection;
      connection.watch(word.job.run);
    } else if (word.word === 'shown') {
      const watched = this.#runs.get(word.run);
      if (watched?.phase !== 'waiting') return;
      if (word.done) watched.phase = 'shown';
      else if (!connection.jobs.has(word.run)) watched.phase = 'gone';
    } else if (word.word === 'over') {
      const watched = this.#runs.get(word.run);
      if (watched === undefined) return connection.seen(word.run);
      watched.connection = connection;
      watched.phase = 'over';
      watched.exit = word.exit;
      watched.size = word.size;
      if (word.isGapped) watched.until = performance.now() + LAST_LOOK;
    }
  }

  /** A runner has died; or has ended, and has nothing left that could be watched. */
  lose(connection: Connection): void {
    for (const watched of this.#runs.values())
      if (watched.connection === connection && watched.phase !== 'over') watched.phase = 'lost';
  }

  /** These runs died with a runner. */
  loseRuns(runs: readonly string[]): void {
    for (const run of runs) {
      const watched = this.#runs.get(run);
      if (watched !== undefined && watched.phase !== 'over') watched.phase = 'lost';
    }
  }
}
