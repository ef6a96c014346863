/** What one user may take of the daemon's connections and memory, so that enough is left for all others. */

/** How much; times in milliseconds, sizes in bytes. */
export interface Limits {
  /** Connections of one user at a time; root may have them all. */
  readonly perUser: number;
  /** Connections of all users but root. */
  readonly connections: number;
  /** Bodies of one user in memory; of root, as those of all. */
  readonly userBytes: number;
  /** Bodies of all users but root. */
  readonly bytes: number;
  /** Until a connection asks for something. */
  readonly idle: number;
  /** Until a request is whole once it has begun, or an answer read; a body has longer, by `pace`. */
  readonly patience: number;
  /** Bytes a second. */
  readonly pace: number;
  /** Until who waits for the next part of an answer is told that there is none yet. */
  readonly sign: number;
}

export const LIMITS: Limits = {
  perUser: 32,
  connections: 500,
  userBytes: 24 * 1024 * 1024,
  bytes: 96 * 1024 * 1024,
  idle: 60_000,
  patience: 20_000,
  pace: 256 * 1024,
  sign: 10_000,
};

const ROOT = 0;

/** Shares of something there is a limited amount of, by uid. */
export class Shares {
  readonly #each: number;
  readonly #all: number;
  readonly #taken = new Map<number, number>();
  #sum = 0;

  constructor(each: number, all: number) {
    this.#each = each;
    this.#all = all;
  }

  /** Take so much; false: there is not enough left. What root takes is nobody else's loss. */
  take(uid: number, amount: number): boolean {
    const own = (this.#taken.get(uid) ?? 0) + amount;
    if (uid === ROOT ? own > this.#all : own > this.#each || this.#sum + amount > this.#all)
      return false;
    this.#taken.set(uid, own);
    if (uid !== ROOT) this.#sum += amount;
    return true;
  }

  give(uid: number, amount: number): void {
    const left = (this.#taken.get(uid) ?? 0) - amount;
    if (left > 0) this.#taken.set(uid, left);
    else this.#taken.delete(uid);
    if (uid !== ROOT) this.#sum -= amount;
  }
}
