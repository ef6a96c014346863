/** The real clock: the instant, the local offset at an instant, and a sleep that an abort ends. */
import { setTimeout as pause } from 'node:timers/promises';
import { offsetIn } from '../core/zone.ts';

/** What the loop needs of time; tests bring one of their own. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Minutes that a zone's clocks are ahead of UTC at that instant; '' is the system's own zone. */
  offset(at: number, zone: string): number;
  /** Wait, at most `ms`; an abort ends it without an error. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  offset: (at, zone) =>
    zone === '' ? -new Date(at).getTimezoneOffset() : offsetIn(zone, at),
  async sleep(ms, signal) {
    try {
      await pause(ms, undefined, { signal });
    } catch {
      // The abort is seen by whoever asked for the sleep.
    }
  },
};
