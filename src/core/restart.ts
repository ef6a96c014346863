/** What an earlier scheduler left behind, and the minute now → from where this one goes on. */
import type { Last, Now } from './clock.ts';
import type { Lasts } from './zones.ts';

/** What is kept across restarts, written after each minute. */
export interface Kept {
  /** How far entries have run, or are taken to have, after a pause that is not made up. */
  readonly lasts: Lasts;
  /** How far they really ran: from there on CRON_CATCHUP makes up. */
  readonly ran: Lasts;
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
 * Decide where to go on, zone by zone. Without anything kept, or after a longer pause, the minute
 * in which cron starts is not run, as in every vixie cron.
 * @param at milliseconds since the epoch
 */
export function goOn(kept: Kept | null, nowIn: (zone: string) => Now, at: number): Lasts {
  const fresh = (zone: string): Last => ({ fixed: nowIn(zone).local, wild: nowIn(zone).utc });
  const known = Object.entries(kept?.lasts ?? {});
  const lasts = known.map(([zone, last]) => {
    const missed = nowIn(zone).utc - last.wild;
    const stopped = kept?.stopped ?? null;
    const inTime =
      missed <= 0
        ? -missed <= BACK
        : missed <= CRASH && (stopped === null || at - stopped <= UPGRADE);
    return [zone, inTime ? last : fresh(zone)] as const;
  });
  return { '': fresh(''), ...Object.fromEntries(lasts) };
}
