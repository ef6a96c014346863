/** The minute last visited and the minute it is now → the minutes to visit: vixie's clock. */

/** How far entries have run: two kept values, since clocks are set back and zones change. */
export interface Last {
  /** The local minute up to which fixed entries have run. */
  readonly fixed: number;
  /** The UTC minute, an instant, up to which wild entries have run. */
  readonly wild: number;
}

/** One moment told by two clocks: minutes since the epoch, with and without the local offset. */
export interface Now {
  readonly local: number;
  readonly utc: number;
}

/**
 * A minute for which entries of one or both kinds are due.
 *
 * A wild entry is visited once for each `utc`, a fixed entry once for each `local`: in spring the
 * minutes that were skipped have an `utc` at which an earlier local minute was already visited.
 */
export interface Visit {
  readonly local: number;
  readonly utc: number;
  readonly which: 'all' | 'wild' | 'fixed';
}

export interface Wake {
  readonly last: Last;
  readonly visits: readonly Visit[];
  readonly jump: 'none' | 'normal' | 'small' | 'forward' | 'backward' | 'large';
}

/** Beyond so many minutes a late wake-up is a jump of the clock. */
const SMALL = 5;
/** Beyond so many minutes a jump is no summer time: somebody has set the clock. */
const LARGE = 180;

/**
 * Decide what to visit after waking `now`, when entries have run up to `last`.
 *
 * The four cases of ISC cron 4.1. Wild entries ("every so often") follow the clock on the wall and
 * run in both of autumn's equal hours; fixed ones ("at half past two") run once a day, also when
 * spring skips their hour. Woken twice in one minute, visit nothing.
 */
export function wake(last: Last, now: Now): Wake {
  const gap = now.local - last.fixed;
  const visit = (local: number): Visit => {
    const utc = now.utc - (now.local - local);
    return { local, utc, which: utc > last.wild ? 'all' : 'fixed' };
  };
  const caughtUp = { fixed: now.local, wild: Math.max(last.wild, now.utc) };
  if (gap > LARGE || gap <= -LARGE) {
    // The clock was wrong before, or is now: begin anew, and what lies between is lost.
    const visits = [{ ...now, which: 'all' as const }];
    return { last: { fixed: now.local, wild: now.utc }, visits, jump: 'large' };
  }
  const wild = now.utc > last.wild ? [{ ...now, which: 'wild' as const }] : [];
  if (gap <= 0) {
    // Fixed entries have run for these minutes, and wait until the clock has caught up.
    const jump = now.utc === last.wild ? 'none' : 'backward';
    return { last: { ...caughtUp, fixed: last.fixed }, visits: wild, jump };
  }
  const missed = Array.from({ length: gap }, (_, index) => visit(last.fixed + 1 + index));
  if (gap <= SMALL) {
    return { last: caughtUp, visits: missed, jump: gap === 1 ? 'normal' : 'small' };
  }
  const fixed = missed.map((each) => ({ ...each, which: 'fixed' as const }));
  return { last: caughtUp, visits: [...wild, ...fixed], jump: 'forward' };
}
