/** When a mail is tried again, and when it is given up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOver, nextTry, pauseAfter } from '../../src/mail/terms.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
const terms = { keep: 5 * DAY, firstPause: MINUTE };

test('pauseAfter() grows up to four hours', () => {
  const pauses = Array.from({ length: 9 }, (_, at) => pauseAfter(at + 1, terms) / MINUTE);
  assert.deepEqual(pauses, [1, 5, 15, 30, 60, 120, 240, 240, 240]);
});

test('pauseAfter() grows with the first pause', () => {
  const pauses = [1, 2, 7].map((tries) => pauseAfter(tries, { ...terms, firstPause: 2000 }));
  assert.deepEqual(pauses, [2000, 10_000, 480_000]);
});

const ages: [age: number, tries: number, over: boolean][] = [
  [0, 1, false],
  [5 * DAY - 1, 100, false],
  [5 * DAY, 36, true],
  [5 * DAY, 6, true],
  // The machine was off meanwhile, or its clock was wrong.
  [300 * DAY, 2, false],
  [300 * DAY, 6, true],
  [-300 * DAY, 100, false],
];
for (const [age, tries, over] of ages)
  test(`isOver() at ${age / DAY} days and ${tries} tries is ${over}`, () => {
    assert.equal(isOver(age, tries, terms), over);
  });

test('nextTry() is at once where it is further away than any pause, for clocks are set back', () => {
  const now = 1_000_000_000_000;
  assert.equal(nextTry(now + 5, now, terms), now + 5);
  assert.equal(nextTry(now - 5, now, terms), now - 5);
  assert.equal(nextTry(now + 240 * MINUTE, now, terms), now + 240 * MINUTE);
  assert.equal(nextTry(now + 300 * DAY, now, terms), now);
});
