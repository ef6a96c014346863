/** What a scheduler has handed to a runner → waited for until it is in a journal. */
import type { Left } from './past.ts';
import type { Firing } from './protocol.ts';

/** What was handed over, and is not yet known to be in a journal. */
export class Handed {
  readonly #firings = new Map<string, Firing>();
  /** What dead runners left. */
  #left: Left[] = [];
  readonly #onSettled: (left: readonly Left[]) => void;
  #waiting: (() => void)[] = [];

  /** @param onSettled another runner's journal has what a dead one left */
  constructor(onSettled: (left: readonly Left[]) => void) {
    this.#onSettled = onSettled;
  }

  /** Firings that are to start. */
  get firings(): readonly Firing[] {
    return [...this.#firings.values()];
  }

  /** Hand firings over; resolves when all that there are were recorded, or at release(). */
  add(firings: readonly Firing[]): Promise<void> {
    for (const firing of firings) this.#firings.set(firing.run, firing);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Hand on what dead runners left. */
  addLeft(left: readonly Left[]): void {
    this.#left.push(...left);
  }

  /** Take back what dead runners left: the runner that was told of it is gone. */
  takeLeft(): Left[] {
    return this.#left.splice(0);
  }

  /** A runner says that these runs are in its journal. */
  recorded(runs: readonly string[]): void {
    const known = new Set(runs);
    for (const run of runs) this.#firings.delete(run);
    this.#onSettled(this.#left.filter(({ firing }) => known.has(firing.run)));
    this.#left = this.#left.filter(({ firing }) => !known.has(firing.run));
    if (this.#firings.size === 0) this.release();
  }

  /** These keys are in the journal of a runner that could not say so any more. */
  found(keys: ReadonlySet<string>): void {
    const firings = [...this.#firings.values(), ...this.#left.map(({ firing }) => firing)];
    this.recorded(firings.filter(({ key }) => keys.has(key)).map(({ run }) => run));
  }

  /** Let nobody wait any longer. */
  release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
