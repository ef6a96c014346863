import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agenda } from '../../src/core/agenda.ts';
import { missedStarts, visitsWhileAway } from '../../src/core/catchup.ts';
import { parseCrontab } from '../../src/core/crontab.ts';
import type { Entry } from '../../src/core/entry.ts';
import { offsetIn } from '../../src/core/zone.ts';
import { delayOf, isDue, type Lasts, wakeAll, zoneOf } from '../../src/core/zones.ts';

const MINUTE = 60_000;

function entryOf(text: string): Entry {
  const { entries, problems } = parseCrontab(`${text}\n`, {
    kind: 'user',
    owner: 'alice',
    seed: '',
  });
  assert.deepEqual(problems, []);
  const [entry] = entries;
  assert.ok(entry);
  return entry;
}

const minuteOf = (instant: string): number => Date.parse(instant) / MINUTE;
const own = 'America/New_York';
const nowIn =
  (utc: number) =>
  (zone: string): { utc: number; local: number } => ({
    utc,
    local: utc + offsetIn(zone === '' ? own : zone, utc * MINUTE),
  });

/** Be a daemon in New York, awake at each minute; when does the entry start? */
function startsOf(entry: Entry, from: string, until: string, seed = 'host'): string[] {
  const starts: string[] = [];
  let lasts: Lasts = { '': nowInLast(minuteOf(from) - 1) };
  for (let utc = minuteOf(from); utc < minuteOf(until); utc++) {
    const woken = wakeAll(lasts, [zoneOf(entry)], nowIn(utc));
    lasts = woken.lasts;
    for (const visit of woken.wakes.get(zoneOf(entry))?.visits ?? [])
      if (isDue(entry, visit, seed)) starts.push(new Date(utc * MINUTE).toISOString().slice(5, 16));
  }
  return starts;
}

function nowInLast(utc: number): { fixed: number; wild: number } {
  return { fixed: nowIn(utc)('').local, wild: utc };
}

const days: readonly [crontab: string, from: string, until: string, starts: string[]][] = [
  // An ordinary day: the zone of the crontab, not of the daemon.
  [
    'CRON_TZ=Europe/Berlin\n30 9 * * * x',
    '2026-07-01T00:00Z',
    '2026-07-02T00:00Z',
    ['07-01T07:30'],
  ],
  ['CRON_TZ=Asia/Kolkata\n0 0 * * * x', '2026-07-01T00:00Z', '2026-07-02T00:00Z', ['07-01T18:30']],
  // Berlin's skipped hour: a fixed entry runs at once, by Berlin's change and not New York's.
  [
    'CRON_TZ=Europe/Berlin\n30 2 * * * x',
    '2026-03-28T23:00Z',
    '2026-03-29T12:00Z',
    ['03-29T01:00'],
  ],
  // New York's repeated hour does not touch it: cronie loses this one.
  [
    'CRON_TZ=Europe/Berlin\n30 6 * * * x',
    '2026-11-01T00:00Z',
    '2026-11-02T00:00Z',
    ['11-01T05:30'],
  ],
  [
    'CRON_TZ=UTC\n*/30 5-6 * * * x',
    '2026-11-01T00:00Z',
    '2026-11-02T00:00Z',
    ['11-01T05:00', '11-01T05:30', '11-01T06:00', '11-01T06:30'],
  ],
  // Berlin's own repeated hour: fixed once, wild twice.
  [
    'CRON_TZ=Europe/Berlin\n30 2 * * * x',
    '2026-10-25T00:00Z',
    '2026-10-25T12:00Z',
    ['10-25T00:30'],
  ],
  [
    'CRON_TZ=Europe/Berlin\n30 * * * * x',
    '2026-10-25T00:00Z',
    '2026-10-25T03:00Z',
    ['10-25T00:30', '10-25T01:30', '10-25T02:30'],
  ],
  // Half an hour in Lord Howe.
  [
    'CRON_TZ=Australia/Lord_Howe\n15 2 * * * x',
    '2026-10-03T12:00Z',
    '2026-10-04T12:00Z',
    ['10-03T15:30'],
  ],
];

for (const [crontab, from, until, starts] of days) {
  test(`wakeAll() and isDue(): ${JSON.stringify(crontab)} from ${from}`, () => {
    assert.deepEqual(startsOf(entryOf(crontab), from, until), starts);
  });
}

test('wakeAll() begins with this minute in a zone that is new', () => {
  const utc = minuteOf('2026-07-01T07:30Z');
  const { wakes, lasts } = wakeAll({ '': nowInLast(utc - 1) }, ['Europe/Berlin'], nowIn(utc));
  assert.equal(wakes.get('Europe/Berlin')?.jump, 'normal');
  assert.deepEqual(Object.keys(lasts), ['', 'Europe/Berlin']);
});

test('wakeAll() forgets a zone that no crontab names any more', () => {
  const utc = minuteOf('2026-07-01T07:30Z');
  const { lasts } = wakeAll({ '': nowInLast(utc - 1), UTC: { fixed: 0, wild: 0 } }, [], nowIn(utc));
  assert.deepEqual(Object.keys(lasts), ['']);
});

test('delayOf() is stable for an entry and a host, spread over hosts, and within RANDOM_DELAY', () => {
  const entry = entryOf('RANDOM_DELAY=30\n0 3 * * * x');
  const delays = Array.from({ length: 500 }, (_, host) => delayOf(entry, `host${host}`));
  assert.equal(delayOf(entry, 'host1'), delays[1]);
  assert.deepEqual([Math.min(...delays), Math.max(...delays)], [0, 30]);
  assert.equal(delayOf(entryOf('0 3 * * * x'), 'host1'), 0);
});

test('RANDOM_DELAY moves a start, once, by its delay', () => {
  const entry = entryOf('CRON_TZ=UTC\nRANDOM_DELAY=50\n0 3 * * * x');
  const delay = String(delayOf(entry, 'host')).padStart(2, '0');
  assert.notEqual(delay, '00');
  const starts = startsOf(entry, '2026-07-01T00:00Z', '2026-07-02T00:00Z');
  assert.deepEqual(starts, [`07-01T03:${delay}`]);
});

const away: readonly [crontab: string, since: string, expected: string[]][] = [
  ['CRON_TZ=UTC\n0 * * * * x', '2026-01-01T00:00Z', []],
  ['CRON_TZ=UTC\nCRON_CATCHUP=once\n0 * * * * x', '2026-01-01T00:00Z', ['07-01T12:00']],
  [
    'CRON_TZ=UTC\nCRON_CATCHUP=all\n0 */6 * * * x',
    '2026-01-01T00:00Z',
    ['07-01T00:00', '07-01T06:00', '07-01T12:00'],
  ],
  [
    'CRON_TZ=UTC\nCRON_CATCHUP=all\n0 */6 * * * x',
    '2026-07-01T05:00Z',
    ['07-01T06:00', '07-01T12:00'],
  ],
  ['CRON_TZ=UTC\nCRON_CATCHUP=all\n@monthly x', '2026-01-01T00:00Z', ['07-01T00:00']],
];

for (const [crontab, since, expected] of away) {
  test(`missedStarts() of ${JSON.stringify(crontab)}, first seen at ${since}`, () => {
    const offset = (): number => 0;
    const utc = minuteOf('2026-07-01T12:30Z');
    const from = minuteOf('2026-06-30T20:00Z');
    const visits = visitsWhileAway({ fixed: from, wild: from }, { utc, local: utc }, offset);
    const starts = missedStarts(entryOf(crontab), visits, minuteOf(since), 'host');
    const times = starts.map((visit) => new Date(visit.utc * MINUTE).toISOString().slice(5, 16));
    assert.deepEqual(times, expected);
  });
}

test('missedStarts() makes up at most the latest hundred, and visitsWhileAway() a month', () => {
  const utc = minuteOf('2026-07-01T12:30Z');
  const visits = visitsWhileAway({ fixed: 0, wild: 0 }, { utc, local: utc }, () => 0);
  assert.equal(visits.length, 31 * 1440);
  const starts = missedStarts(entryOf('CRON_CATCHUP=all\n* * * * * x'), visits, 0, 'host');
  assert.deepEqual([starts.length, starts[0]?.utc, starts.at(-1)?.utc], [100, utc - 99, utc]);
});

test('agenda() makes up a thousand starts of one crontab at most, and all of the others', () => {
  const many = parseCrontab(`CRON_CATCHUP=all\n${'* * * * * x\n'.repeat(50)}`, {
    kind: 'user',
    owner: 'alice',
    seed: '',
  });
  const one = parseCrontab('CRON_CATCHUP=all\n@hourly y\n', {
    kind: 'user',
    owner: 'bob',
    seed: '',
  });
  const utc = minuteOf('2026-07-01T12:30Z');
  const visits = visitsWhileAway({ fixed: 0, wild: 0 }, { utc, local: utc }, () => 0);
  const tabs = [
    { label: 'alice', entries: many.entries },
    { label: 'bob', entries: one.entries },
  ];
  const [late = []] = agenda(tabs, new Map(), { away: () => visits, firstSeen: () => 0 }, 'host');
  assert.equal(late.filter(({ tab }) => tab.label === 'alice').length, 1000);
  assert.equal(late.filter(({ tab }) => tab.label === 'bob').length, 100);
});
