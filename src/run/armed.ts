/** Firings of the coming minute → their processes, held back until they are started. */
import { readFileSync } from 'node:fs';
import { setImmediate as others } from 'node:timers/promises';
import { descriptorLimit } from '../system/libc/descriptors.ts';
import type { Firing } from './protocol.ts';
import { type Manner, makeReady, type Ready, type StartTools } from './ready.ts';

/** So many are made ready at the same time: each may have to wait for an answer about its user. */
const HANDS = 8;
/** Descriptors of an armed job, of which jobs that wait may take half: they keep nearly all of them when they run. */
const DESCRIPTORS = 2 * 3;
/** Bytes that its processes have for themselves, a shell, of which jobs that wait may take a quarter. */
const SIZE = 4 * 512 * 1024;
/** So many jobs at once are a crowd, whose last is late by what each of them costs. */
const CROWD = 100;
/** What was not started so long after it should have been is dropped, in milliseconds. */
const LATE = 2000;

/**
 * Jobs that are about to start. Until then nothing of theirs runs: each is a shell of its user's that waits for a line
 * which only this process can write. Whatever happens to this process, they end.
 */
export class Armed {
  readonly #tools: StartTools;
  readonly #ready = new Map<string, Ready>();
  /** Those to come. */
  readonly #wanted = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(tools: StartTools) {
    this.#tools = tools;
  }

  /** Make firings ready that start within so many milliseconds, as far as there is room. Never throws. */
  arm(firings: readonly Firing[], within: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.drop(), within + LATE);
    const fresh = firings.filter(({ run }) => !this.#ready.has(run) && !this.#wanted.has(run));
    const rest = fresh.slice(0, Math.max(0, room() - this.#ready.size - this.#wanted.size));
    for (const { run } of rest) this.#wanted.add(run);
    const queue = rest[Symbol.iterator]();
    const manner = { isHeld: true, isOfMany: rest.length >= CROWD };
    for (let hand = 0; hand < HANDS; hand++) void this.#makeReady(queue, manner);
  }

  /** The process of a run, to be let go or dropped; null: it has none. */
  take(run: string): Ready | null {
    this.#wanted.delete(run);
    const ready = this.#ready.get(run);
    if (ready === undefined) return null;
    this.#ready.delete(run);
    if (!ready.running.isOver()) return ready;
    ready.drop(); // its user has ended it
    return null;
  }

  /** End all that were not taken. */
  drop(): void {
    clearTimeout(this.#timer);
    this.#wanted.clear();
    for (const ready of this.#ready.values()) ready.drop();
    this.#ready.clear();
  }

  async #makeReady(queue: Iterator<Firing>, manner: Manner): Promise<void> {
    for (let next = queue.next(); next.done !== true; next = queue.next()) {
      const { run } = next.value;
      if (!this.#wanted.has(run)) continue;
      const ready = await makeReady(next.value, this.#tools, manner);
      // Who is not ready is told of when it is to start.
      if (!('fault' in ready)) {
        if (this.#wanted.delete(run)) this.#ready.set(run, ready);
        else ready.drop();
      }
      await others(); // orders and running jobs do not wait for these
    }
  }
}

/** How many jobs may be armed at the same time. */
function room(): number {
  return Math.floor(Math.min(descriptorLimit().soft / DESCRIPTORS, available() / SIZE));
}

/** Bytes of memory that programs could have now. */
function available(): number {
  try {
    const [, kibibytes] =
      /^MemAvailable: +(\d+)/m.exec(readFileSync('/proc/meminfo', 'latin1')) ?? [];
    return Number(kibibytes ?? 0) * 1024;
  } catch {
    return 0;
  }
}
