/** The text of a time field, such as "0-30/5,45" → the set of its values. */

import { quoted } from './escape.ts';
import { fail, ok, type Parsed, type Warn } from './problem.ts';
import { DOW, lastOf, noun, parseNumber, type Range } from './range.ts';

export { DOM, DOW, HOUR, MINUTE, MONTH, type Range } from './range.ts';

/** A set of values, and whether it was written with a star, which decides days and clock changes. */
export interface Field {
  /** The first character is "*": vixie's MIN_STAR, HR_STAR, DOM_STAR and DOW_STAR. */
  readonly star: boolean;
  /** Bits 0 to 31 and 32 to 63 of the set, unsigned. */
  readonly low32: number;
  readonly high32: number;
}

/** Tell whether a value, 0 to 63, is in the set. */
export function has(field: Field, value: number): boolean {
  return (((value < 32 ? field.low32 : field.high32) >>> (value & 31)) & 1) === 1;
}

/** List the values of the set in order. */
export function values(field: Field): number[] {
  return Array.from({ length: 64 }, (_, value) => value).filter((value) => has(field, value));
}

/** Choose a number from `low` to `high`, for `~`; `place` tells apart the choices of one line. */
export type Draw = (low: number, high: number, place: string) => number;

/** Read a list of numbers, names, ranges, steps and random choices, as crontab(5) has them. */
export function parseField(
  text: string,
  range: Range,
  draw: Draw,
  warn: Warn = () => {},
): Parsed<Field> {
  let low32 = 0;
  let high32 = 0;
  let warned = false; // once a field: the list may be as long as the line
  for (let item = 0, start = 0; start <= text.length; item++) {
    const comma = text.indexOf(',', start);
    const end = comma < 0 ? text.length : comma;
    const word = text.slice(start, end);
    const span = word.includes('~')
      ? parseRandom(word, start + 1, range, (low, high) =>
          draw(low, high, `${noun(range)} ${item}`),
        )
      : parseSpan(word, start + 1, range);
    if (!span.ok) return span;
    const { low, high, step } = span.value;
    if (step > 1 && step > high - low && !warned) {
      warned = true;
      const message = `The step is larger than the range: only ${low} is left of ${quoted(word)}`;
      warn({ column: start + word.indexOf('/') + 2, reason: range.reason, message });
    }
    for (let value = low; value <= high; value += step) {
      if (value < 32) low32 |= 1 << value;
      else high32 |= 1 << (value - 32);
    }
    start = end + 1;
  }
  if (range === DOW && (low32 & SUNDAYS) !== 0) low32 |= SUNDAYS;
  return ok({ star: text.startsWith('*'), low32: low32 >>> 0, high32: high32 >>> 0 });
}

const SUNDAYS = (1 << 0) | (1 << 7);

interface Span {
  readonly low: number;
  readonly high: number;
  readonly step: number;
}

/** Read `5`, `*`, `1-5`, and the latter two with a step; `column` is that of the first character. */
function parseSpan(word: string, column: number, range: Range): Parsed<Span> {
  const slash = word.indexOf('/');
  const head = slash < 0 ? word : word.slice(0, slash);
  const span = parseRange(head, column, range);
  if (!span.ok || slash < 0) return span;
  const step = parseStep(word.slice(slash + 1), column + slash + 1, range);
  if (!step.ok) return step;
  if (head === '*' || head.includes('-')) return ok({ ...span.value, step: step.value });
  // FreeBSD reads 5-59/15, V3 just 5, the others refuse it: so ask.
  const meant = quoted(`${head}-${range.high}${word.slice(slash)}`);
  return fail(column + slash, range.reason, `A step needs a range: write ${meant}`);
}

function parseRange(head: string, column: number, range: Range): Parsed<Span> {
  if (head === '*') return ok({ low: range.low, high: range.high, step: 1 });
  if (head.startsWith('*')) {
    return fail(column + 1, range.reason, `${quoted(head.slice(1))} cannot follow "*"`);
  }
  const dash = head.indexOf('-');
  const low = parseNumber(dash < 0 ? head : head.slice(0, dash), column, range);
  if (!low.ok) return low;
  if (dash < 0) return ok({ low: low.value, high: low.value, step: 1 });
  const high = parseNumber(head.slice(dash + 1), column + dash + 1, range);
  if (!high.ok) return high;
  const around = `: write "${low.value}-${range.high},${range.low}-${high.value}"`;
  return inOrder(low.value, high.value, column + dash + 1, range, around);
}

/** Read OpenBSD's `a~b`, where either number may be left out; cronie too lets no step follow. */
function parseRandom(
  word: string,
  column: number,
  range: Range,
  choose: (low: number, high: number) => number,
): Parsed<Span> {
  const tilde = word.indexOf('~');
  const slash = word.indexOf('/');
  if (slash >= 0) {
    return fail(column + slash, range.reason, 'A step cannot follow a random choice');
  }
  const low = tilde === 0 ? ok(range.low) : parseNumber(word.slice(0, tilde), column, range);
  if (!low.ok) return low;
  const end = word.slice(tilde + 1);
  const high =
    end === ''
      ? ok(Math.max(low.value, lastOf(range)))
      : parseNumber(end, column + tilde + 1, range);
  if (!high.ok) return high;
  const span = inOrder(low.value, high.value, column + tilde + 1, range, '');
  if (!span.ok) return span;
  const value = choose(span.value.low, span.value.high);
  return ok({ low: value, high: value, step: 1 });
}

/** Let a range end in Sunday's 0, as in `sat-sun`; refuse any other that runs backwards. */
function inOrder(
  low: number,
  high: number,
  column: number,
  range: Range,
  hint: string,
): Parsed<Span> {
  if (low <= high) return ok({ low, high, step: 1 });
  if (range === DOW && high === 0) return ok({ low, high: 7, step: 1 });
  const message = `The range runs backwards, from ${low} to ${high}${hint}`;
  return fail(column, range.reason, message);
}

/** Read what stands behind the slash; a number too large for any range is a large step. */
function parseStep(text: string, column: number, range: Range): Parsed<number> {
  if (text === '') return fail(column, range.reason, 'There is no step after the "/"');
  const junk = text.search(/\D/);
  if (junk >= 0) {
    const message = `${quoted(text.slice(junk))} cannot be part of a step: write a number`;
    return fail(column + junk, range.reason, message);
  }
  const value = Number(text);
  if (value === 0) return fail(column, range.reason, 'A step of 0 leads nowhere: write 1 or more');
  return ok(value);
}
