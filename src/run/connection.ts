/** A scheduler's connection to one runner. */
import { createConnection, type Socket } from 'node:net';
import { type Exit, isTold } from '../system/program.ts';
import type { Ending } from './ending.ts';
import type { Counts } from './limits.ts';
import {
  batchesOf,
  type HowEnded,
  type Firing,
  listenTo,
  type LostRun,
  type RunningJob,
  say,
  type Word,
} from './protocol.ts';

/** A runner that takes this scheduler's orders, and no other's any more. */
export class Connection {
  readonly #socket: Socket;
  /** What it was told last of the other runners. */
  #elsewhere = '[]';
  /** Its jobs, by run. */
  readonly jobs = new Map<string, RunningJob>();
  /** Called with the runs that it has put into its journal. */
  onRecorded: (runs: readonly string[]) => void = () => {};
  /** Called with each job that has begun. */
  onStarted: (job: RunningJob) => void = () => {};
  /** Called with each job that has ended. */
  onEnded: (job: RunningJob, how: HowEnded) => void = () => {};
  /** Called with all that it says, when that is known here. */
  onWord: (word: Word) => void = () => {};
  /** Who waits for an answer to a kill, by run. */
  readonly #killing = new Map<string, ((done: boolean) => void)[]>();
  /** Called when its jobs are others than before. */
  onChange: () => void = () => {};
  /** Called when it has put a mail into the outbox. */
  onPosted: () => void = () => {};
  /** Called when it has recorded how a run ended. */
  onWritten: () => void = () => {};
  /** Resolves when it has ended all its jobs, as it was told to. */
  readonly stopped: Promise<void>;
  #onStopped: () => void = () => {};
  /** Resolves when the runner has ended, or died. */
  readonly closed: Promise<void>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.stopped = new Promise((resolve) => (this.#onStopped = resolve));
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => {}); // `close` follows
  }

  /** Connect and take over; resolves when all that an earlier scheduler ordered is in the journal. */
  static open(path: string, patience: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(path);
      const connection = new Connection(socket);
      const fail = (): void => {
        clearTimeout(timer);
        socket.destroy();
        reject(new Error(`no answer from the runner at "${path}"`));
      };
      const timer = setTimeout(fail, patience);
      socket.once('close', fail);
      listenTo(socket, (message) => {
        if (!('word' in message)) return;
        if (message.word === 'taken') {
          clearTimeout(timer);
          socket.off('close', fail);
          resolve(connection);
        }
        connection.#hear(message);
        connection.onWord(message);
      });
      say(socket, { order: 'take' });
    });
  }

  /** @param busy entries with jobs in other runners */
  start(firings: readonly Firing[], busy: readonly string[]): void {
    for (const batch of batchesOf(firings))
      say(this.#socket, { order: 'start', firings: batch, busy });
  }

  /** Have these ready, which are likely to be started within so many milliseconds. */
  arm(firings: readonly Firing[], within: number): void {
    for (const batch of batchesOf(firings))
      say(this.#socket, { order: 'arm', firings: batch, within });
  }

  free(identity: string): void {
    say(this.#socket, { order: 'free', identity });
  }

  /** Tell how many jobs run in the other runners, unless it knows. */
  elsewhere(counts: Counts): void {
    const told = JSON.stringify(counts);
    if (told === this.#elsewhere) return;
    this.#elsewhere = told;
    say(this.#socket, { order: 'elsewhere', counts });
  }

  report(lost: readonly LostRun[]): void {
    say(this.#socket, { order: 'report', lost });
  }

  /** Send a signal to a job; resolves with whether it is running, or when the runner is gone. */
  kill(run: string, ending: Ending): Promise<boolean> {
    const answer = new Promise<boolean>((resolve) => {
      this.#killing.set(run, [...(this.#killing.get(run) ?? []), resolve]);
    });
    say(this.#socket, { order: 'kill', run, ending });
    return Promise.race([answer, this.closed.then(() => false)]);
  }

  watch(run: string): void {
    say(this.#socket, { order: 'watch', run });
  }

  seen(run: string): void {
    say(this.#socket, { order: 'seen', run });
  }

  /** Have all jobs ended; see `stopped`. */
  stop(grace: number): void {
    say(this.#socket, { order: 'stop', grace });
  }

  drain(): void {
    say(this.#socket, { order: 'drain' });
  }

  /** Let it be: it goes on and ends by itself. */
  leave(): void {
    this.#socket.end();
    this.#socket.unref();
  }

  #hear(word: Word): void {
    switch (word.word) {
      case 'taken':
        for (const job of word.running) this.jobs.set(job.run, job);
        return;
      case 'recorded':
        return this.onRecorded(word.runs);
      case 'started':
        this.jobs.set(word.job.run, word.job);
        if (word.job.pid !== 0) this.onStarted(word.job);
        return this.onChange();
      case 'ended': {
        const job = this.jobs.get(word.run);
        this.jobs.delete(word.run);
        if (job !== undefined) this.onEnded(job, howOf(word.exit));
        return this.onChange();
      }
      case 'posted':
        return this.onPosted();
      case 'stopped':
        return this.#onStopped();
      case 'killed': {
        const [first, ...others] = this.#killing.get(word.run) ?? [];
        if (others.length > 0) this.#killing.set(word.run, others);
        else this.#killing.delete(word.run);
        return first?.(word.done);
      }
      case 'shown':
      case 'over':
        return; // for who watches
      case 'written':
        return this.onWritten();
      default:
        word satisfies never;
    }
  }
}

function howOf(exit: Exit | null): HowEnded {
  if (exit === null) return 'not started';
  return isTold(exit) ? exit : 'unknown';
}
