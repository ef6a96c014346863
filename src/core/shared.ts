/** Values made of the same text → one value for all: a hundred thousand entries have few schedules. */

/** A bounded memory of values by their text. */
export class Shared<T> {
  readonly #known = new Map<string, T>();
  readonly #limit: number;

  /** @param limit so many are known at most; then all are forgotten, and those in use live on */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get(text: string): T | undefined {
    return this.#known.get(text);
  }

  /** Know a value from now on. The text must be no slice, which would keep the whole of its crontab. */
  keep(text: string, value: T): T {
    if (this.#known.size >= this.#limit) this.#known.clear();
    this.#known.set(text, value);
    return value;
  }
}
