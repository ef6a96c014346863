import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { dueAfter } from '../../src/core/calendar.ts';
import { comes, type Times } from '../../src/core/days.ts';
import { localTime, matches } from '../../src/core/due.ts';
import { parseCrontab } from '../../src/core/crontab.ts';
import { forecast } from '../../src/core/forecast.ts';
import { parseSchedule } from '../../src/core/schedule.ts';

function timesOf(text: string): Times {
  const parsed = parseSchedule(text, 0, (low) => low);
  assert.ok(parsed.ok && parsed.value.schedule.kind === 'times', text);
  return parsed.value.schedule;
}

const after: readonly (readonly [string, string, string | null])[] = [
  ['* * * * *', '2026-11-22T23:59', '2026-11-23T00:00'],
  ['*/20 * * * *', '2026-11-22T13:00', '2026-11-22T13:20'],
  ['59 23 31 12 *', '2026-12-31T23:59', '2027-12-31T23:59'],
  ['0 0 1 * *', '2026-12-01T00:00', '2027-01-01T00:00'],
  ['0 0 1,15 * sun', '2026-11-22T00:00', '2026-11-29T00:00'],
  ['0 0 1-7 * */7', '2026-11-22T00:00', '2026-12-06T00:00'],
  ['30 2 29 2 *', '2096-03-01T00:00', '2104-02-29T02:30'],
  ['30 2 29 2 */1', '2026-11-22T00:00', '2028-02-29T02:30'],
  ['0 0 30 2 *', '2026-11-22T00:00', null],
];
for (const [text, from, expected] of after)
  test(`dueAfter() finds what follows ${from} for ${text}`, () => {
    const found = dueAfter(timesOf(text), Date.parse(`${from}Z`) / 60_000);
    assert.equal(found && new Date(found * 60_000).toISOString().slice(0, 16), expected);
  });

const field = (low: number, high: number): fc.Arbitrary<string> => {
  const value = fc.integer({ min: low, max: high });
  return fc.oneof(
    fc.constantFrom('*', '*/7', '*/2'),
    fc.array(value, { minLength: 1, maxLength: 3 }).map((list) => list.join(',')),
  );
};
const five = fc
  .tuple(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7))
  .map((fields) => fields.join(' '));
const minute = fc.integer({ min: 29_000_000, max: 33_000_000 });

test('dueAfter() finds the first minute that matches', () => {
  fc.assert(
    fc.property(five, minute, (text, from) => {
      const times = timesOf(text);
      const found = dueAfter(times, from);
      const end = Math.min(found ?? Infinity, from + 5000);
      for (let local = from + 1; local < end; local++) assert.ok(!matches(times, localTime(local)));
      if (found !== null) assert.ok(matches(times, localTime(found)));
      assert.equal(found !== null, comes(times));
    }),
    { numRuns: 100 },
  );
});

test('dueAfter() agrees with forecast(), which steps with another calendar', () => {
  fc.assert(
    fc.property(five, minute, (text, from) => {
      const [entry] = parseCrontab(`${text} x\n`, { kind: 'user', owner: 'a', seed: '' }).entries;
      assert.ok(entry !== undefined);
      const [start] = forecast(entry, { from: (from + 1) * 60_000 });
      assert.equal(dueAfter(timesOf(text), from), start === undefined ? null : start.at / 60_000);
    }),
    { numRuns: 200 },
  );
});
