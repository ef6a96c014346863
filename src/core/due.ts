/** A schedule and a minute of local time → whether the entry is due then. */

import { has } from './field.ts';
import type { Schedule } from './schedule.ts';

/** A minute as a calendar and a clock on the wall show it. */
export interface LocalTime {
  readonly minute: number;
  readonly hour: number;
  /** 1 to 31. */
  readonly dom: number;
  /** 1 to 12. */
  readonly month: number;
  /** 0 to 6, from Sunday. */
  readonly dow: number;
}

const MINUTE_MS = 60_000;

/** Read a local minute: minutes since the epoch moved by the local offset, so that UTC tells it. */
export function localTime(localMinute: number): LocalTime {
  const date = new Date(localMinute * MINUTE_MS);
  return {
    minute: date.getUTCMinutes(),
    hour: date.getUTCHours(),
    dom: date.getUTCDate(),
    month: date.getUTCMonth() + 1,
    dow: date.getUTCDay(),
  };
}

/**
 * Tell whether a schedule is due at a minute; `@reboot` never is.
 *
 * The two day fields are vixie's: a star in either means that both must match, no star that one
 * is enough. So `0 0 1,15 * Sun` is due on the 1st, on the 15th and each Sunday.
 */
export function matches(schedule: Schedule, time: LocalTime): boolean {
  return (
    schedule.kind === 'times' && has(schedule.minute, time.minute) && matchesHour(schedule, time)
  );
}

/** Tell whether a schedule is due at some minutes of an hour. */
export function matchesHour(schedule: Schedule, time: LocalTime): boolean {
  if (schedule.kind === 'reboot') return false;
  const { hour, dom, month, dow } = schedule;
  if (!has(hour, time.hour) || !has(month, time.month)) return false;
  const thisDom = has(dom, time.dom);
  const thisDow = has(dow, time.dow);
  // A star with a step is a star too: "0 0 1-7 * */7" is each month's first Sunday.
  return dom.star || dow.star ? thisDom && thisDow : thisDom || thisDow;
}

/** Read each local minute once: the calendar costs more than all else. */
export function rememberTimes(): (local: number) => LocalTime {
  const known = new Map<number, LocalTime>();
  return (local) => {
    const time = known.get(local) ?? localTime(local);
    known.set(local, time);
    return time;
  };
}
