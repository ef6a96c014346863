/** Jobs that are running, and signals that somebody wants sent to them → sent, at the latest when the job has started. */
import type { Ending, Endings } from './ending.ts';

/** What is sent to the jobs of a runner. */
export class Kills {
  readonly #jobs = new Map<string, Endings>();
  /** For jobs that are on their way. */
  readonly #early = new Map<string, Ending>();

  /** A job is running. */
  started(run: string, endings: Endings): void {
    this.#jobs.set(run, endings);
    const early = this.#early.get(run);
    if (early !== undefined) this.send(run, early);
    this.#early.delete(run);
  }

  ended(run: string): void {
    this.#jobs.delete(run);
    this.#early.delete(run);
  }

  /** Send a signal to a run that has begun. */
  send(run: string, ending: Ending): void {
    const endings = this.#jobs.get(run);
    if (endings === undefined) this.#early.set(run, ending);
    else endings.end(ending.signal, ending.grace, ending.by);
  }
}
