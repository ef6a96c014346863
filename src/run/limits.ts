/** How many jobs may run at the same time, in all and of one user: who has to wait, and who is next. */
import type { Firing } from './protocol.ts';

/** So many jobs run at the same time. */
export interface JobLimits {
  readonly all: number;
  readonly perUser: number;
}

/** Of one entry, and of one user, so many wait at most: what hangs must not gather a year of them. */
const ENTRY_LIMIT = 100;
const USER_LIMIT = 10_000;

/** Users and how many jobs each has running. */
export type Counts = readonly (readonly [user: string, count: number])[];

interface Waiting {
  readonly firing: Firing;
  /** The how-manieth it is of all that ever waited. */
  readonly turn: number;
}

/**
 * The places for jobs of one runner. What runs in other runners takes places too, as far as this one is told.
 *
 * Of one user they start in the order in which they came. Between users the one with the fewest running jobs is next:
 * who is at a limit, or floods cron, holds up nobody else.
 */
export class Limits {
  readonly #limits: JobLimits;
  readonly #running = new Map<string, number>();
  #elsewhere: ReadonlyMap<string, number> = new Map();
  readonly #waiting = new Map<string, Waiting[]>();
  #turn = 0;

  constructor(limits: JobLimits) {
    this.#limits = limits;
  }

  /** How many wait. */
  get size(): number {
    return sum([...this.#waiting.values()].map(({ length }) => length));
  }

  /** Why a job of this user has to wait; null: it need not. */
  reached(user: string): string | null {
    const { all, perUser } = this.#limits;
    if (this.#count(user) >= perUser) return `${jobs(perUser, ` of ${user}`)} running`;
    // Nobody is overtaken by a later one of the same user.
    return this.#total >= all || this.#waiting.has(user) ? `${jobs(all)} running` : null;
  }

  /** Let a firing wait; false: too many do. */
  wait(firing: Firing): boolean {
    const waiting = this.#waiting.get(firing.user) ?? [];
    const ofEntry = waiting.filter((other) => other.firing.identity === firing.identity).length;
    if (waiting.length >= USER_LIMIT || ofEntry >= ENTRY_LIMIT) return false;
    waiting.push({ firing, turn: this.#turn++ });
    this.#waiting.set(firing.user, waiting);
    return true;
  }

  /** Of firings to come, as many as there are places in all: those that would have one, and those of users who would wait. */
  fit(firings: readonly Firing[]): Firing[] {
    const { all, perUser } = this.#limits;
    const room = new Map<string, number>();
    const more = new Map<string, number>();
    const fitting = new Set<Firing>();
    const rest = Math.max(0, all - this.#total);
    for (const firing of firings) {
      const { user } = firing;
      const own = room.get(user) ?? (this.#waiting.has(user) ? 0 : perUser - this.#count(user));
      room.set(user, own - 1);
      if (own > 0 && fitting.size < rest) fitting.add(firing);
    }
    // Who is at a limit has short jobs, or else waits in vain: both is over soon. Nobody gets more than as many again.
    for (const firing of firings) {
      if (fitting.size >= rest) break;
      if (fitting.has(firing)) continue;
      const own = more.get(firing.user) ?? perUser;
      if (own > 0) fitting.add(firing);
      more.set(firing.user, own - 1);
    }
    return [...fitting];
  }

  /** A job takes a place. */
  started(user: string): void {
    this.#running.set(user, (this.#running.get(user) ?? 0) + 1);
  }

  /** A job has left its place: see `next()`. */
  ended(user: string): void {
    const rest = (this.#running.get(user) ?? 0) - 1;
    if (rest > 0) this.#running.set(user, rest);
    else this.#running.delete(user);
  }

  /** So many run in other runners. */
  elsewhere(counts: Counts): void {
    this.#elsewhere = new Map(counts);
  }

  /** Take the one out that may start now; null: none may. */
  next(): Firing | null {
    const { all, perUser } = this.#limits;
    if (this.#waiting.size === 0 || this.#total >= all) return null;
    let best: { user: string; count: number; turn: number } | null = null;
    for (const [user, [first]] of this.#waiting) {
      const count = this.#count(user);
      if (first === undefined || count >= perUser) continue;
      const { turn } = first;
      if (best === null || count < best.count || (count === best.count && turn < best.turn))
        best = { user, count, turn };
    }
    return best === null ? null : this.#take(best.user);
  }

  /** Take all out that wait, in the order in which they came. */
  takeAll(): Firing[] {
    const all = [...this.#waiting.values()].flat().toSorted((a, b) => a.turn - b.turn);
    this.#waiting.clear();
    return all.map(({ firing }) => firing);
  }

  #take(user: string): Firing | null {
    const [first, ...others] = this.#waiting.get(user) ?? [];
    if (others.length > 0) this.#waiting.set(user, others);
    else this.#waiting.delete(user);
    return first?.firing ?? null;
  }

  #count(user: string): number {
    return (this.#running.get(user) ?? 0) + (this.#elsewhere.get(user) ?? 0);
  }

  get #total(): number {
    return sum([...this.#running.values(), ...this.#elsewhere.values()]);
  }
}

function jobs(count: number, of = ''): string {
  return `${count} ${count === 1 ? 'job' : 'jobs'}${of} ${count === 1 ? 'is' : 'are'}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
