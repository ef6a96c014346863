/** Five time fields or a nickname, at a place in a line → when an entry is due. */

import { skipBlanks, skipWord } from './blank.ts';
import { quoted } from './escape.ts';
import { DOM, DOW, HOUR, MINUTE, MONTH, parseField, type Draw, type Field } from './field.ts';
import { fail, ok, shift, type Parsed, type Warn } from './problem.ts';
import { Shared } from './shared.ts';

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

const REBOOT: Schedule = { kind: 'reboot' };
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
  if (times === '') return ok({ schedule: REBOOT, end });
  const reading = parseTimes(times, 0, draw, warn);
  return reading.ok ? ok({ ...reading.value, end }) : reading;
}

/** Schedules that entries share, by their five words. A `~` is drawn for one line alone, and odd ones have a warning to tell each time. */
const shared = new Shared<Schedule>(10_000);

/** Spare a line the reading whose times are known, with single blanks between them, as most lines' are. */
function parseTimes(line: string, start: number, draw: Draw, warn: Warn): Parsed<Reading> {
  let stop = skipWord(line, start);
  for (let fields = 1; fields < FIELDS.length; fields++) stop = skipWord(line, stop + 1);
  const known = shared.get(line.slice(start, stop));
  if (known === undefined) return readTimes(line, start, draw, warn);
  return ok({ schedule: known, end: skipBlanks(line, stop) });
}

function readTimes(line: string, start: number, draw: Draw, warn: Warn): Parsed<Reading> {
  const columns: number[] = [];
  const words: string[] = [];
  let end = start;
  for (const [, range] of FIELDS) {
    if (end === line.length) {
      const fault = readFields(words, columns, draw, warn); // what stands there comes first
      return fault.ok ? fail(end + 1, range.reason, TOO_FEW) : fault;
    }
    const stop = skipWord(line, end);
    columns.push(end);
    words.push(line.slice(end, stop));
    end = skipBlanks(line, stop);
  }
  const text = words.join(' ');
  const known = shared.get(text);
  if (known !== undefined) return ok({ schedule: known, end });
  let isPlain = !text.includes('~');
  const schedule = readFields(words, columns, draw, (odd) => {
    isPlain = false;
    warn(odd);
  });
  if (!schedule.ok) return schedule;
  if (isPlain) shared.keep(text, schedule.value);
  return ok({ schedule: schedule.value, end });
}

/** Read as many fields as there are words; `columns` are where they begin. */
function readFields(
  words: readonly string[],
  columns: readonly number[],
  draw: Draw,
  warn: Warn,
): Parsed<Schedule> {
  const times = { minute: NOTHING, hour: NOTHING, dom: NOTHING, month: NOTHING, dow: NOTHING };
  for (const [place, word] of words.entries()) {
    const [[name, range], column = 0] = [FIELDS[place] ?? FIELDS[0], columns[place]];
    const field = parseField(word, range, draw, (odd) => warn(shift(odd, column)));
    if (!field.ok) return { ok: false, fault: shift(field.fault, column) };
    times[name] = field.value;
  }
  return ok({ kind: 'times', ...times });
}

const TOO_FEW =
  'The line ends too early: an entry has minute, hour, day-of-month, month and day-of-week';

function unknownNickname(nickname: string): string {
  const lower = nickname.toLowerCase();
  return NICKNAMES.has(lower)
    ? `Nicknames are in lower case: did you mean "${lower}"?`
    : `There is no ${quoted(nickname)}: write one of ${[...NICKNAMES.keys()].join(', ')}`;
}
