/** Jobs that are running, and signals that somebody wants sent to them → sent, at the latest when the job has started. */
import type { Ending, Endings } from './ending.ts';

/** What is sent to the jobs of a runner. */
export class Kills {
  readonly #jobs = new Map<string, Endings>();
  /** For jobs that are on their way. */
  readonly #early = new Map<string, Ending>();
  /** Of jobs that have ended, and left something that has their output open. */
  readonly #left = new Map<string, Endings>();

  /** A job is running. */
  started(run: string, endings: Endings): void {
    this.#jobs.set(run, endings);
    const early = this.#early.get(run);
    if (early !== undefined) this.send(run, early);
    this.#early.delete(run);
  }

  ended(run: string): void {
    const endings = this.#jobs.get(run);
    if (endings !== undefined) this.#left.set(run, endings);
    this.#jobs.delete(run);
    this.#early.delete(run);
  }

  /** Nothing of a job is waited for any more. */
  over(run: string): void {
    this.#left.delete(run);
  }

  /** End what jobs have left, of which something is waited for. */
  sweep(grace: number): void {
    for (const endings of this.#left.values()) endings.sweep(grace);
  }

  /** Send a signal to a run that has begun. */
  send(run: string, ending: Ending): void {
    const endings = this.#jobs.get(run);
    if (endings === undefined) this.#early.set(run, ending);
    else endings.end(ending.signal, ending.grace, ending.by);
  }
}
