/** What an earlier scheduler left behind, and the minute now → from where this one goes on. */
import type { Last, Now } from './clock.ts';

/** What is kept across restarts, written after each minute. */
export interface Kept {
  readonly last: Last;
  /** When the scheduler was stopped in order, in milliseconds since the epoch; null: it was not. */
  readonly stopped: number | null;
}

/** An orderly stop of up to a minute is an upgrade or a restart: the minute that passed is made up. */
const UPGRADE = 60_000;
/** After a crash, a kill or a reboot so many minutes are. */
const CRASH = 5;
/** Vixie's bound of a clock change (3 hours): further back, what was kept is from another time. */
const BACK = 180;

/**
 * Decide where to go on. Without anything kept, or after a longer pause, the minute in which cron
 * starts is not run, as in every vixie cron.
 * @param at milliseconds since the epoch
 */
export function goOn(kept: Kept | null, now: Now, at: number): Last {
  const fresh: Last = { fixed: now.local, wild: now.utc };
  if (kept === null) return fresh;
  const missed = now.utc - kept.last.wild;
  if (missed <= 0) return -missed <= BACK ? kept.last : fresh;
  const inTime = kept.stopped === null ? missed <= CRASH : at - kept.stopped <= UPGRADE;
  return inTime && missed <= CRASH ? kept.last : fresh;
}
