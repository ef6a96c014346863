/** The real clock: the instant, the offset of a zone at an instant, and a sleep that an abort ends. */
import { lstatSync } from 'node:fs';
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

/** The machine's clock and zone; a changed /etc/localtime is noticed. */
export function systemClock(localtime = '/etc/localtime'): Clock {
  let mark = markOf(localtime);
  return {
    now: () => Date.now(),
    offset(at, zone) {
      if (zone !== '') return offsetIn(zone, at);
      const marked = markOf(localtime);
      if (marked !== mark && process.env['TZ'] === undefined) {
        mark = marked;
        delete process.env['TZ']; // Node reads the zone again whenever TZ is set or deleted
      }
      return -new Date(at).getTimezoneOffset();
    },
    async sleep(ms, signal) {
      try {
        await pause(ms, undefined, { signal });
      } catch {
        // The abort is seen by whoever asked for the sleep.
      }
    },
  };
}

function markOf(file: string): string {
  const stat = lstatSync(file, { throwIfNoEntry: false });
  return stat === undefined ? '' : `${stat.ino} ${stat.mtimeMs} ${stat.ctimeMs}`;
}
