/** Jobs of a runner that have begun → what their scheduler hears of them, and what it has done to them until they end. */
import type { Log } from '../system/sink.ts';
import { type Ending, type Endings, ITSELF } from './ending.ts';
import { shown } from './firing.ts';
import type { Finished, Witness } from './job.ts';
import type { Journal } from './journal.ts';
import { Kills } from './kills.ts';
import type { Output } from './output.ts';
import type { Firing, RunningJob, Word } from './protocol.ts';
import { Watched } from './watched.ts';

/** Who is told of jobs. */
export interface RunningTools {
  readonly journal: Pick<Journal, 'write'>;
  readonly log: Log;
  /** Tell the scheduler; false: there is none. */
  readonly tell: (word: Word) => boolean;
}

/** The jobs that run. */
export class RunningJobs {
  readonly #tools: RunningTools;
  readonly #jobs = new Map<string, RunningJob>();
  readonly #kills = new Kills();
  readonly #watched = new Watched();

  constructor(tools: RunningTools) {
    this.#tools = tools;
  }

  /** Those that have not ended. */
  get all(): readonly RunningJob[] {
    return [...this.#jobs.values()];
  }

  /**
   * A job begins; what it has to tell of itself until it is over().
   * @param onEnded called before the scheduler hears of its end
   */
  begin(firing: Firing, onEnded: () => void): Witness {
    const { run } = firing;
    this.#started(firing, 0);
    return {
      onStart: (pid, endings) => this.#started(firing, pid, endings),
      onOutput: (output) => this.#printing(firing, output),
      onExit: (exit) => {
        if (!this.#jobs.delete(run)) return;
        this.#kills.ended(run);
        // First the next one, then the word: else the entry would seem free, and two start at once.
        onEnded();
        this.#tools.tell({ word: 'ended', run, exit });
      },
    };
  }

  /** Nothing of a job is waited for any more. */
  over(run: string): void {
    this.#kills.over(run);
  }

  /** Send a signal to a job. */
  kill(run: string, ending: Ending): void {
    const done = this.#jobs.has(run);
    if (done) {
      // Before it is sent: should we die of it, who did it is known.
      this.#tools.journal.write([{ kill: run, by: ending.by, signal: ending.signal }]);
      this.#kills.send(run, ending);
    }
    this.#tools.tell({ word: 'killed', run, done });
  }

  /** End all jobs, for cron is stopped, and what those that have ended have left. */
  stop(grace: number): void {
    const ending = { by: ITSELF, signal: 'SIGTERM', grace } as const;
    const running = this.all.filter(({ pid }) => pid !== 0);
    // Before it is sent, as in kill(): whoever ends us too need not wait for the jobs.
    const { by, signal } = ending;
    this.#tools.journal.write(running.map(({ run }) => ({ kill: run, by, signal })));
    for (const { user, command } of running) this.#tools.log(user, 'STOP', command);
    for (const run of this.#jobs.keys()) this.#kills.send(run, ending);
    this.#kills.sweep(grace);
  }

  /** Have the output of a job where it can be read while it comes. */
  watch(run: string): void {
    this.#tools.tell({ word: 'shown', run, done: this.#watched.watch(run) });
  }

  /** Nobody watches a job any more. */
  unwatch(run: string): void {
    this.#watched.release(run);
  }

  /** The scheduler is gone, and with it all who watched. */
  unwatchAll(): void {
    this.#watched.releaseAll();
  }

  /** Let those who watch a job have the rest of its output, before that is changed and removed. */
  async show(run: string, { exit, output }: Finished): Promise<void> {
    if (this.#watched.has(run)) {
      // With what the disk did not take, so that its reader is told that it is missing.
      const size = output.size + output.missing;
      const { isGapped } = output;
      if (this.#tools.tell({ word: 'over', run, exit, size, isGapped }))
        await this.#watched.seen(run);
    }
    this.#watched.remove(run);
  }

  /** @param pid 0: it is on its way */
  #started(firing: Firing, pid: number, endings?: Endings): void {
    const { run, identity, user, command, scheduled } = firing;
    const job = {
      run,
      identity,
      user,
      command: shown(command),
      since: Date.now(),
      pid,
      ...(scheduled !== undefined && { scheduled }),
    };
    this.#jobs.set(run, job);
    this.#tools.tell({ word: 'started', job });
    if (endings !== undefined) this.#kills.started(run, endings);
  }

  #printing({ run, watched }: Firing, output: Output): void {
    this.#watched.add(run, output);
    if (watched === true) this.watch(run);
  }
}
