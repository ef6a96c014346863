/** Jobs that may not overlap (CRON_OVERLAP=queue): who waits for whom. */
import type { Firing } from './protocol.ts';

/** Of one entry so many wait at most; a job that hangs must not gather a year of them. */
const LIMIT = 100;

/** The jobs of each entry, running and waiting. */
export class Queue {
  readonly #running = new Map<string, number>();
  /** Entries with jobs in other runners. */
  readonly #elsewhere = new Set<string>();
  readonly #waiting = new Map<string, Firing[]>();

  /** How many wait. */
  get size(): number {
    return [...this.#waiting.values()].reduce((sum, { length }) => sum + length, 0);
  }

  /** Whether a firing has to wait. */
  holds({ identity, overlap }: Firing): boolean {
    return overlap === 'queue' && (this.#isBusy(identity) || this.#waiting.has(identity));
  }

  /** Let it wait; false: too many do. */
  wait(firing: Firing): boolean {
    const waiting = this.#waiting.get(firing.identity) ?? [];
    if (waiting.length >= LIMIT) return false;
    this.#waiting.set(firing.identity, [...waiting, firing]);
    return true;
  }

  started(identity: string): void {
    this.#running.set(identity, (this.#running.get(identity) ?? 0) + 1);
  }

  /** A job of ours has ended; returns the one that is next. */
  ended(identity: string): Firing | null {
    const rest = (this.#running.get(identity) ?? 0) - 1;
    if (rest > 0) this.#running.set(identity, rest);
    else this.#running.delete(identity);
    return this.#next(identity);
  }

  /** Jobs of these entries run in other runners. */
  busyElsewhere(identities: readonly string[]): void {
    for (const identity of identities) this.#elsewhere.add(identity);
  }

  /** The last job of an entry in other runners has ended; returns the one that is next. */
  free(identity: string): Firing | null {
    this.#elsewhere.delete(identity);
    return this.#next(identity);
  }

  /** Nobody will tell of other runners any more. */
  freeAll(): Firing[] {
    return [...this.#elsewhere].flatMap((identity) => this.free(identity) ?? []);
  }

  /** Take all out that wait, in the order of each entry. */
  takeAll(): Firing[] {
    const all = [...this.#waiting.values()].flat();
    this.#waiting.clear();
    return all;
  }

  #isBusy(identity: string): boolean {
    return this.#running.has(identity) || this.#elsewhere.has(identity);
  }

  #next(identity: string): Firing | null {
    if (this.#isBusy(identity)) return null;
    const [next, ...others] = this.#waiting.get(identity) ?? [];
    if (others.length > 0) this.#waiting.set(identity, others);
    else this.#waiting.delete(identity);
    return next ?? null;
  }
}
