/** Pieces of work that must not overlap → one after the other, with a look at the clock in between. */
import { setImmediate as breathe } from 'node:timers/promises';

/** A queue of one. */
export class Turns {
  readonly #waiting: (() => Promise<void>)[] = [];
  #working = false;

  /** Nothing is being done, and nothing waits. */
  get isIdle(): boolean {
    return !this.#working;
  }

  /** Do this before all that waits. */
  first<T>(work: () => Promise<T>): Promise<T> {
    return this.#enqueue(work, (turn) => this.#waiting.unshift(turn));
  }

  /** Do this after all that waits. */
  last<T>(work: () => Promise<T>): Promise<T> {
    return this.#enqueue(work, (turn) => this.#waiting.push(turn));
  }

  #enqueue<T>(work: () => Promise<T>, place: (turn: () => Promise<void>) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      // Nothing begins before who asks for it has the promise.
      place(() => Promise.resolve().then(work).then(resolve, reject));
      if (!this.#working) void this.#workOff(); // never throws: whoever asked is told
    });
  }

  async #workOff(): Promise<void> {
    this.#working = true;
    for (let turn = this.#waiting.shift(); turn !== undefined; turn = this.#waiting.shift()) {
      await turn();
      if (this.#waiting.length > 0) await breathe(); // else a long queue would stop all timers
    }
    this.#working = false;
  }
}
