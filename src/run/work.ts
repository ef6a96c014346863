/** What a runner has under way → whether it may end. */

/** Work that is waited for: runs whose job or mail is not done. */
export class Work {
  readonly #onLess: () => void;
  readonly #onError: (error: unknown) => void;
  #count = 0;
  /** Of it, what waits for what an ended job has left in the background. */
  #late = 0;

  /** @param onLess called whenever something is done, whether it failed or not */
  constructor(onLess: () => void, onError: (error: unknown) => void) {
    this.#onLess = onLess;
    this.#onError = onError;
  }

  /** Whether all is done. */
  get isDone(): boolean {
    return this.#count === 0;
  }

  /** Whether all is done but for what ended jobs have left in the background. */
  get isDoneButLate(): boolean {
    return this.#count === this.#late;
  }

  /** @param late 1 for work that waits for what an ended job has left */
  add(work: Promise<void>, late: 0 | 1 = 0): void {
    this.#count++;
    this.#late += late;
    const settle = (): void => {
      this.#count--;
      this.#late -= late;
      this.#onLess();
    };
    work.catch(this.#onError).then(settle, settle);
  }
}
