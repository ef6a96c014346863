import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { localTime, matches } from '../../src/core/due.ts';
import { parseSchedule, type Schedule } from '../../src/core/schedule.ts';

function schedule(text: string): Schedule {
  const parsed = parseSchedule(text, 0, (low) => low);
  assert.ok(parsed.ok, text);
  return parsed.value.schedule;
}

/** The local minute that a wall clock shows as this time. */
function minuteOf(text: string): number {
  return Date.parse(`${text}:00Z`) / 60_000;
}

/** The days of a month on which a schedule is due at midnight. */
function days(text: string, month: string): number[] {
  const when = schedule(text);
  const first = minuteOf(`${month}-01T00:00`);
  return Array.from({ length: 31 }, (_, index) => localTime(first + index * 1440))
    .filter((time, index) => time.dom === index + 1 && matches(when, time))
    .map((time) => time.dom);
}

const times: Record<string, readonly number[]> = {
  '1970-01-01T00:00': [0, 0, 1, 1, 4],
  '1969-12-31T23:59': [59, 23, 31, 12, 3],
  '1900-02-28T12:30': [30, 12, 28, 2, 3],
  '2000-02-29T00:01': [1, 0, 29, 2, 2],
  '2026-11-22T12:34': [34, 12, 22, 11, 0],
  '2038-01-19T03:15': [15, 3, 19, 1, 2],
  '2100-03-01T00:00': [0, 0, 1, 3, 1],
  '9999-12-31T23:59': [59, 23, 31, 12, 5],
};
test('localTime() reads a local minute, before 1970 and after 2038 too', () => {
  for (const [text, [minute, hour, dom, month, dow]] of Object.entries(times)) {
    assert.deepEqual(localTime(minuteOf(text)), { minute, hour, dom, month, dow }, text);
  }
});

// November 2026 begins on a Sunday: its Mondays are 2, 9, 16, 23 and 30.
const mondays = [2, 9, 16, 23, 30];
const november: Record<string, readonly number[]> = {
  '0 0 1,15 * *': [1, 15],
  '0 0 * * 1': mondays,
  '0 0 1,15 * 1': [1, ...mondays, 15].toSorted((a, b) => a - b),
  '0 0 */2 * 1': [9, 23],
  '0 0 1-31 * 1': Array.from({ length: 30 }, (_, index) => index + 1),
  '0 0 1-7 * */7': [1],
  '0 0 *,5 * 1': mondays,
  '0 0 5,* * 1': Array.from({ length: 30 }, (_, index) => index + 1),
  '0 0 13 * fri': [6, 13, 20, 27],
  '0 0 * * 7': [1, 8, 15, 22, 29],
  '0 0 * * 0': [1, 8, 15, 22, 29],
  '0 0 31 * *': [],
  '0 0 * 10 *': [],
  '0 0 1 10 1': [],
  '1 0 * * *': [],
  '0 1 * * *': [],
  '@reboot': [],
  '@monthly': [1],
  '@weekly': [1, 8, 15, 22, 29],
  '@yearly': [],
};
for (const [text, expected] of Object.entries(november)) {
  test(`matches() finds the days of ${JSON.stringify(text)} in November 2026`, () => {
    assert.deepEqual(days(text, '2026-11'), expected);
  });
}

test('matches() reads minute, hour and month each for itself', () => {
  const when = schedule('15,45 6 * nov *');
  assert.ok(matches(when, localTime(minuteOf('2026-11-22T06:45'))));
  assert.ok(!matches(when, localTime(minuteOf('2026-11-22T06:44'))));
  assert.ok(!matches(when, localTime(minuteOf('2026-11-22T07:45'))));
  assert.ok(!matches(when, localTime(minuteOf('2026-12-22T06:45'))));
});

/** A day field and, found without the parser, what crontab(5) says it stands for. */
function dayField(low: number, high: number): fc.Arbitrary<{ text: string; days: Set<number> }> {
  const all = Array.from({ length: high - low + 1 }, (_, index) => low + index);
  const number = fc.integer({ min: low, max: high });
  const item = fc.oneof(
    number.map((value) => ({ text: `${value}`, days: [value] })),
    fc.tuple(number, number).map(([a, b]) => {
      const [from, to] = a < b ? [a, b] : [b, a];
      return { text: `${from}-${to}`, days: all.filter((day) => day >= from && day <= to) };
    }),
    fc.integer({ min: 1, max: 9 }).map((step) => ({
      text: `*/${step}`,
      days: all.filter((day) => (day - low) % step === 0),
    })),
    fc.constant({ text: '*', days: all }),
  );
  return fc.array(item, { minLength: 1, maxLength: 3 }).map((items) => ({
    text: items.map((each) => each.text).join(','),
    days: new Set(items.flatMap((each) => each.days)),
  }));
}

test('matches() agrees with a brute-force reading of crontab(5) for days', () => {
  const day = fc.integer({ min: -30_000, max: 60_000 });
  fc.assert(
    fc.property(dayField(1, 31), dayField(0, 7), day, (dom, dow, number) => {
      const date = new Date(number * 86_400_000);
      const byDom = dom.days.has(date.getUTCDate());
      const weekday = date.getUTCDay();
      const byDow = dow.days.has(weekday) || (weekday === 0 && dow.days.has(7));
      const starred = dom.text.startsWith('*') || dow.text.startsWith('*');
      const when = schedule(`0 0 ${dom.text} * ${dow.text}`);
      const expected = starred ? byDom && byDow : byDom || byDow;
      assert.equal(matches(when, localTime(number * 1440)), expected);
      assert.equal(matches(when, localTime(number * 1440 + 1)), false);
    }),
    { numRuns: 2000 },
  );
});
