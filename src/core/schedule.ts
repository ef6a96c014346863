/** Five time fields or a nickname, at a place in a line → when an entry is due. */

import { skipBlanks, skipWord } from './blank.ts';
import { quoted } from './escape.ts';
import { DOM, DOW, HOUR, MINUTE, MONTH, parseField, type Draw, type Field } from './field.ts';
import { fail, ok, shift, type Parsed, type Warn } from './problem.ts';

/** When an entry is due: at startup, or at the minutes its five fields agree on. */
export type Schedule =
  | { readonly kind: 'reboot' }
  | {
      readonly kind: 'times';
      readonly minute: Field;
      readonly hour: Field;
      readonly dom: Field;
      readonly month: Field;
      readonly dow: Field;
    };

const FIELDS = [
  ['minute', MINUTE],
  ['hour', HOUR],
  ['dom', DOM],
  ['month', MONTH],
  ['dow', DOW],
] as const;

/** Lower case only, as in every vixie cron. */
const NICKNAMES: ReadonlyMap<string, string> = new Map([
  ['@reboot', ''],
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
]);

const NOTHING: Field = { star: false, low32: 0, high32: 0 };

interface Reading {
  readonly schedule: Schedule;
  /** Where the next word begins, or the line ends. */
  readonly end: number;
}

/** Tell whether an entry follows the clock's every jump: it has a star in minute or hour. */
export function isWild(schedule: Schedule): boolean {
  return schedule.kind === 'times' && (schedule.minute.star || schedule.hour.star);
}

/** Read the schedule that begins at `start`; the fault's column counts from the line's start. */
export function parseSchedule(
  line: string,
  start: number,
  draw: Draw,
  warn: Warn = () => {},
): Parsed<Reading> {
  if (line[start] !== '@') return parseTimes(line, start, draw, warn);
  const stop = skipWord(line, start);
  const nickname = line.slice(start, stop);
  const times = NICKNAMES.get(nickname);
  if (times === undefined) return fail(start + 1, 'bad time specifier', unknownNickname(nickname));
  const end = skipBlanks(line, stop);
  if (times === '') return ok({ schedule: { kind: 'reboot' }, end });
  const reading = parseTimes(times, 0, draw, warn);
  return reading.ok ? ok({ ...reading.value, end }) : reading;
}

function parseTimes(line: string, start: number, draw: Draw, warn: Warn): Parsed<Reading> {
  const times = { minute: NOTHING, hour: NOTHING, dom: NOTHING, month: NOTHING, dow: NOTHING };
  let at = start;
  for (const [name, range] of FIELDS) {
    if (at === line.length) return fail(at + 1, range.reason, TOO_FEW);
    const stop = skipWord(line, at);
    const begin = at;
    const field = parseField(line.slice(begin, stop), range, draw, (odd) =>
      warn(shift(odd, begin)),
    );
    if (!field.ok) return { ok: false, fault: shift(field.fault, begin) };
    times[name] = field.value;
    at = skipBlanks(line, stop);
  }
  return ok({ schedule: { kind: 'times', ...times }, end: at });
}

const TOO_FEW =
  'The line ends too early: an entry has minute, hour, day-of-month, month and day-of-week';

function unknownNickname(nickname: string): string {
  const lower = nickname.toLowerCase();
  return NICKNAMES.has(lower)
    ? `Nicknames are in lower case: did you mean "${lower}"?`
    : `There is no ${quoted(nickname)}: write one of ${[...NICKNAMES.keys()].join(', ')}`;
}
