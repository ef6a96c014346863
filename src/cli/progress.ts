/** How far entries have run: what an earlier daemon kept → where this one goes on, and what it keeps itself. */
import { join } from 'node:path';
import { goOn, type Kept } from '../core/restart.ts';
import type { Lasts } from '../core/zones.ts';
import { momentAt } from '../daemon.ts';
import type { Clock } from '../system/clock.ts';
import type { Log } from '../system/sink.ts';
import { readKept, writeKept } from './kept.ts';

/** The file of the last minute, as the loop needs it. */
export interface Progress {
  /** How far entries have run, as the rule for restarts has it. */
  readonly from: Lasts;
  /** How far they really ran. */
  readonly ran: Lasts;
  /** @param isIdle nothing has started since the last time */
  readonly remember: (lasts: Lasts, isIdle: boolean) => void;
  /** The daemon ends in order. */
  readonly stop: () => void;
}

/**
 * Go on from what is kept in the state directory; with `leavesTrace` false nothing is written.
 * @param started when this daemon began, in milliseconds since the epoch: a minute that begins while it still gets
 *   ready is one of its own, and is run
 */
export function openProgress(
  state: string,
  started: number,
  { clock, log, leavesTrace }: { clock: Clock; log: Log; leavesTrace: boolean },
): Progress {
  const file = join(state, 'last-minute');
  const before = readKept(file, log);
  const from = goOn(before, momentAt(clock, started), started);
  const ran = before?.ran ?? from;
  let kept: Kept = { lasts: from, ran, stopped: null };
  const keep = (next: Kept, isIdle = false): void => {
    kept = next;
    if (leavesTrace) writeKept(file, kept, log, isIdle);
  };
  keep(kept);
  return {
    from,
    ran,
    remember: (lasts, isIdle) => keep({ lasts, ran: lasts, stopped: null }, isIdle),
    stop: () => keep({ ...kept, stopped: clock.now() }),
  };
}
