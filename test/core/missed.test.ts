import assert from 'node:assert/strict';
import { test } from 'node:test';
import { visitsWhileAway } from '../../src/core/catchup.ts';
import { parseCrontab } from '../../src/core/crontab.ts';
import { leftOut } from '../../src/core/missed.ts';
import { wakeAll } from '../../src/core/zones.ts';

/** Minutes since the epoch of a time in UTC. */
const minute = (text: string): number => Date.parse(`${text}Z`) / 60_000;

/** What entries miss between the minute that was visited last and the one that it is now, two hours ahead of UTC. */
function missed(text: string, last: string, now: string, since = 0): string[] {
  const { entries } = parseCrontab(text, { kind: 'user', owner: 'alice', seed: '' });
  const [before, at] = [minute(last), minute(now)];
  const reached = { fixed: before + 120, wild: before };
  const nowIn = (): { utc: number; local: number } => ({ utc: at, local: at + 120 });
  const { wakes } = wakeAll({ '': reached }, [], nowIn);
  const visits = at - before <= 1 ? null : visitsWhileAway(reached, nowIn(), () => 120);
  const found = leftOut(
    { label: 'alice', entries },
    { minutes: 1, away: () => visits, wakes },
    since,
    'host',
  );
  return [...found].flatMap((due) =>
    due === null
      ? []
      : [`${due.entry.command} ${new Date(due.visit.utc * 60_000).toISOString().slice(5, 16)}`],
  );
}

const TAB = '* * * * * minutely\n30 6 * * * daily\n@reboot boot\n0 0 30 2 * never\n';

const cases: readonly {
  readonly what: string;
  readonly text?: string;
  readonly last?: string;
  readonly now: string;
  readonly since?: string;
  readonly expected: readonly string[];
}[] = [
  { what: 'nothing, awake', now: '2026-11-22T00:01', expected: [] },
  { what: 'nothing that is made up', now: '2026-11-22T00:05', expected: [] },
  {
    what: 'wild entries when the clock jumps by hours, for the fixed ones are made up',
    now: '2026-11-22T02:50',
    last: '2026-11-22T02:20',
    text: '* * * * * minutely\n30 4 * * * daily\n',
    expected: ['minutely 11-22T02:49'],
  },
  {
    what: 'the latest start of each, after a night',
    now: '2026-11-22T09:00',
    expected: ['minutely 11-22T08:59', 'daily 11-22T04:30'],
  },
  {
    what: 'not the start that is due now',
    now: '2026-11-22T04:30',
    expected: ['minutely 11-22T04:29'],
  },
  {
    what: 'the latest of many days, and nothing more after years',
    last: '2006-11-22T00:00',
    now: '2026-11-22T09:00',
    expected: ['minutely 11-22T08:59', 'daily 11-22T04:30'],
  },
  {
    what: 'nothing from before the crontab was changed',
    now: '2026-11-22T09:00',
    since: '2026-11-22T05:00',
    expected: ['minutely 11-22T08:59'],
  },
  {
    what: 'nothing that CRON_CATCHUP makes up',
    text: 'CRON_CATCHUP=once\n* * * * * x\nCRON_CATCHUP=skip\n0 * * * * y\n0 * * * * z\n',
    now: '2026-11-22T09:01',
    expected: ['y 11-22T09:00', 'z 11-22T09:00'],
  },
  { what: 'nothing, when the clock is set back', now: '2026-11-21T09:00', expected: [] },
];
for (const { what, text = TAB, last = '2026-11-22T00:00', now, since, expected } of cases)
  test(`leftOut() finds ${what}`, () => {
    const changed = since === undefined ? 0 : minute(since);
    assert.deepEqual(missed(text, last, now, changed), expected);
  });
