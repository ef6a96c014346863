import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mailDate, scheduledAt } from '../../src/core/date.ts';

const dates: readonly (readonly [at: number, offset: number, expected: string])[] = [
  [0, 0, 'Thu, 1 Jan 1970 00:00:00 +0000'],
  [Date.UTC(2026, 10, 22, 23, 59, 59, 999), 60, 'Mon, 23 Nov 2026 00:59:59 +0100'],
  [Date.UTC(2026, 0, 1), -210, 'Wed, 31 Dec 2025 20:30:00 -0330'],
  [Date.UTC(2040, 1, 29, 12), 660, 'Wed, 29 Feb 2040 23:00:00 +1100'],
];
for (const [at, offset, expected] of dates)
  test(`mailDate() writes ${expected}`, () => {
    assert.equal(mailDate(at, offset), expected);
  });

test('scheduledAt() shows the clocks of the crontab', () => {
  const utc = Date.UTC(2026, 10, 22, 15, 30) / 60_000;
  const at = (ahead: number): string => scheduledAt({ utc, local: utc + ahead, which: 'all' });
  assert.equal(at(0), '2026-11-22T15:30:00+00:00');
  assert.equal(at(345), '2026-11-22T21:15:00+05:45');
  assert.equal(at(-480), '2026-11-22T07:30:00-08:00');
});
