/** A number, or the name of a month or day, in a time field → its value, if the field can have it. */

import { quoted } from './escape.ts';
import { fail, ok, type Parsed } from './problem.ts';

/** The values a field can have, what vixie says of a bad one, and the names of its values. */
export interface Range {
  readonly low: number;
  readonly high: number;
  readonly reason: string;
  /** `names[0]` is the name of `low`. */
  readonly names?: readonly string[];
}

export const MINUTE: Range = { low: 0, high: 59, reason: 'bad minute' };
export const HOUR: Range = { low: 0, high: 23, reason: 'bad hour' };
export const DOM: Range = { low: 1, high: 31, reason: 'bad day-of-month' };
export const MONTH: Range = {
  low: 1,
  high: 12,
  reason: 'bad month',
  names: 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' '),
};
/** Sunday is 0 and 7: a field that has either has both. */
export const DOW: Range = {
  low: 0,
  high: 7,
  reason: 'bad day-of-week',
  names: 'sun mon tue wed thu fri sat'.split(' '),
};

/** What users call the field: "minute", "day-of-week". */
export function noun(range: Range): string {
  return range.reason.slice('bad '.length);
}

/** The last value that is not another name of the first: a random day is no oftener a Sunday. */
export function lastOf(range: Range): number {
  return range.names === undefined ? range.high : range.low + range.names.length - 1;
}

/** Read a value; only digits, or only a name of three letters in any case. */
export function parseNumber(text: string, column: number, range: Range): Parsed<number> {
  if (text === '') return fail(column, range.reason, `There is no ${noun(range)} here`);
  const junk = text.search(/\D/);
  if (junk < 0) {
    const value = Number(text);
    if (value >= range.low && value <= range.high) return ok(value);
    const limits = `the ${noun(range)} is ${range.low} to ${range.high}`;
    return fail(column, range.reason, `${quoted(text)} is out of range: ${limits}`);
  }
  if (junk > 0) {
    const message = `${quoted(text.slice(junk))} cannot follow ${quoted(text.slice(0, junk))}`;
    return fail(column + junk, range.reason, message);
  }
  const index = range.names?.indexOf(text.toLowerCase()) ?? -1;
  if (index >= 0) return ok(range.low + index);
  return fail(column, range.reason, unknownName(text, range));
}

function unknownName(text: string, range: Range): string {
  const names = range.names ?? [];
  const short = text.slice(0, 3).toLowerCase();
  if (names.includes(short)) return `Names have three letters: write "${short}"`;
  const named = names.length > 0 ? `${names[0]} to ${names.at(-1)} or ` : '';
  return `${quoted(text)} is no ${noun(range)}: write ${named}${range.low} to ${range.high}`;
}
