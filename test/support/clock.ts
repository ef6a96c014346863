/** A clock that moves only when the code under test sleeps, or when the test pushes it. */
import type { Clock } from '../../src/system/clock.ts';

const MINUTE = 60_000;

export class FakeClock implements Clock {
  #ms: number;
  #offset: number;
  /** How much each sleep misses its end by, in milliseconds: timers fire early, suspends make it late. */
  readonly #errors: number[] = [];
  /** What happens while the code under test sleeps, in turn. */
  readonly #events: (() => void)[] = [];

  /** @param start as Date.parse() reads it; @param offset minutes that local time is ahead of UTC */
  constructor(start: string, offset = 0) {
    this.#ms = Date.parse(start);
    this.#offset = offset;
  }

  now(): number {
    return this.#ms;
  }

  offset(): number {
    return this.#offset;
  }

  sleep(ms: number): Promise<void> {
    this.#ms += ms + (this.#errors.shift() ?? 0);
    this.#events.shift()?.();
    return Promise.resolve();
  }

  /** A suspend, `date -s` or NTP: time has moved, and nobody was told. */
  jump(ms: number): void {
    this.#ms += ms;
  }

  /** Summer time begins or ends: the same instant, another offset. */
  shift(minutes: number): void {
    this.#offset += minutes;
  }

  /** The coming sleeps end so much too late; early for a negative number. */
  miss(...errors: readonly number[]): this {
    this.#errors.push(...errors);
    return this;
  }

  /** The coming sleeps end with these events; `undefined` for a quiet one. */
  during(...events: readonly ((() => void) | undefined)[]): this {
    this.#events.push(...events.map((event) => event ?? ((): void => {})));
    return this;
  }

  /** The time on the wall: `02:30`. */
  wall(): string {
    return new Date(this.#ms + this.#offset * MINUTE).toISOString().slice(11, 16);
  }
}
