/** The clock of a course of minutes: ten times as fast as ours, and never beyond what restarts make up. */
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';

const MINUTE = 60_000;
const SPEED = 10;
const TICK = 100;
/** How long a stop in order may take, and how far the scheduler may be behind: both have to be made up. */
const STOP = 40_000;
const BEHIND = 3;

/** What the scheduler has kept of how far it is. */
interface Kept {
  readonly lasts: Readonly<Record<string, { readonly wild: number }>>;
  readonly stopped: number | null;
}

export class Timepiece {
  readonly #file: string;
  readonly #kept: string;
  readonly #timer: NodeJS.Timeout;
  #at: number;
  #isHeld = true;
  /** When the scheduler that is there was started, or the disk got room again. */
  #since = 0;
  #isOwed = false;

  /** @param kept the file in which the scheduler keeps how far it is */
  constructor(file: string, kept: string, at: number) {
    this.#file = file;
    this.#kept = kept;
    this.#at = at;
    this.set(at);
    this.#timer = setInterval(() => this.#tick(), TICK);
  }

  get now(): number {
    return this.#at;
  }

  /** Minutes since the epoch. */
  get minute(): number {
    return Math.floor(this.#at / MINUTE);
  }

  /** Stop it, or let it go on. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
  }

  /** A scheduler begins. */
  begins(): void {
    this.#since = Date.now();
    this.#isOwed = false;
  }

  /** The disk has room again; until the next minute, what is kept may be old. */
  freed(): void {
    this.begins();
    this.#isOwed = true;
  }

  /** Whether what is kept may be older than a restart could bear. */
  get isOwed(): boolean {
    return this.#isOwed && !this.isSeen;
  }

  /** Whether the scheduler that was started last has looked at the clock. */
  get isSeen(): boolean {
    const stat = statSync(this.#kept, { throwIfNoEntry: false });
    return stat !== undefined && stat.mtimeMs >= this.#since;
  }

  /** Whether it has been through the minute that is shown. */
  get isVisited(): boolean {
    return this.isSeen && this.#read().lasts['']?.wild === this.minute;
  }

  /** Set it; nobody reads half of it. */
  set(at: number): void {
    this.#at = at;
    writeFileSync(`${this.#file}.new`, `${at}\n`);
    renameSync(`${this.#file}.new`, this.#file);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    if (!this.#isHeld && this.#mayGoOn()) this.set(this.#at + TICK * SPEED);
  }

  #mayGoOn(): boolean {
    if (this.isOwed) return true;
    const isSeen = this.isSeen;
    const { lasts, stopped } = this.#read();
    if (this.minute - (lasts['']?.wild ?? 0) >= BEHIND) return false;
    return isSeen || stopped === null || this.#at - stopped < STOP;
  }

  #read(): Kept {
    return JSON.parse(readFileSync(this.#kept, 'utf8'));
  }
}
