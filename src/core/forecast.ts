/** An entry and a window of time → when the daemon will start it. */

import {
  CronDayOfMonth,
  CronDayOfWeek,
  CronExpression,
  CronFieldCollection,
  CronHour,
  CronMinute,
  CronMonth,
  CronSecond,
} from 'cron-parser';
import { comes, isEither, type Times } from './days.ts';
import { localTime, matches } from './due.ts';
import type { Entry } from './entry.ts';
import { type Field, has, values } from './field.ts';
import { MINUTE_MS, type Offsets, offsetsOf, spans } from './spans.ts';
import { type Start, startsIn } from './starts.ts';
import { zoneOf } from './zones.ts';

export type { Start };

export interface ForecastOptions {
  /** The first instant, in milliseconds since the epoch. */
  readonly from: number;
  /** The first instant that no longer counts; without it, as far as any entry can be away. */
  readonly until?: number;
  /** How far zones are ahead of UTC; without it the daemon's own is UTC. */
  readonly offsets?: Offsets;
  /** Host and crontab, from which RANDOM_DELAY is drawn; see seedOf(). */
  readonly seed?: string;
}

/** The longest wait for any date: a 29 February on a certain day of the week, around 2100. */
const FAR = 41 * 366 * 1440 * MINUTE_MS;

/**
 * Tell lazily, in order, when an entry starts under a daemon that is awake at each minute. The
 * clock is the daemon's own: calendar steps are taken only where local time goes evenly.
 */
export function* forecast(entry: Entry, options: ForecastOptions): Generator<Start> {
  const { from, until = from + FAR, offsets = offsetsOf('UTC'), seed = '' } = options;
  const { schedule } = entry;
  if (schedule.kind === 'reboot' || !comes(schedule)) return;
  const calendar = new Calendar(schedule);
  const zone = zoneOf(entry);
  const [first, end] = [Math.ceil(from / MINUTE_MS), Math.ceil(until / MINUTE_MS)];
  const time = spans((at) => offsets(zone, at), first, end);
  yield* startsIn(time, entry, (local) => calendar.after(local), seed);
}

/** Which local minutes are due, one after the other: wall-clock time, stepped as if it were UTC. */
class Calendar {
  readonly #times: Times;
  readonly #steps: CronExpression;

  constructor(times: Times) {
    this.#times = times;
    this.#steps = new CronExpression(fields(times), { currentDate: 0, tz: 'UTC' });
  }

  /** Find the first due minute after this one; null if there is none in the package's reach. */
  after(local: number): number | null {
    for (let reached = local; ;) {
      const next = this.#step(reached);
      // Where both day fields must match, the package knows one of them.
      if (next === null || matches(this.#times, localTime(next))) return next;
      reached = (Math.floor(next / DAY) + 1) * DAY - 1;
    }
  }

  #step(local: number): number | null {
    try {
      this.#steps.reset(new Date(local * MINUTE_MS));
      return this.#steps.next().getTime() / MINUTE_MS;
    } catch (error) {
      if (error instanceof Error && error.message.includes('loop limit')) return null;
      throw error;
    }
  }
}

const DAY = 1440;

/**
 * Put our fields into the package's. It takes a restricted field for one of two that suffice, and
 * ignores the values of a wildcard: where vixie wants both days to match, it gets the rarer one.
 */
function fields(times: Times): CronFieldCollection {
  const { minute, hour, dom, month, dow } = times;
  const dowOnly = values(dow).length / 8 < values(dom).length / 31;
  const [noDom, noDow] = isEither(times) ? [false, false] : [dowOnly, !dowOnly];
  return new CronFieldCollection({
    second: new CronSecond([0]),
    minute: new CronMinute(listed(minute)),
    hour: new CronHour(listed(hour)),
    dayOfMonth: new CronDayOfMonth(listed(dom), { wildcard: noDom }),
    month: new CronMonth(listed(month)),
    dayOfWeek: new CronDayOfWeek(listed(dow), { wildcard: noDow }),
  });
}

/** List the values of a field, which its parser has kept within the package's types. */
function listed<T>(field: Field): (T & number)[] {
  return values(field).filter((value): value is T & number => has(field, value));
}
