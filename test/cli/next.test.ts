import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { clockTime, distance } from '../../src/cli/lines.ts';
import { nextRuns } from '../../src/cli/next.ts';
import { upcoming } from '../../src/cli/upcoming.ts';
import { readTime } from '../../src/cli/when.ts';
import { parseCrontab } from '../../src/core/crontab.ts';
import { forecast } from '../../src/core/forecast.ts';
import { offsetsOf } from '../../src/core/spans.ts';
import { offsetIn } from '../../src/core/zone.ts';
import type { Tab } from '../../src/spool/tab.ts';

const NY = 'America/New_York';
const now = Date.parse('2026-11-22T13:05:30Z');

const times: readonly (readonly [string, string, string | null])[] = [
  ['now', NY, '2026-11-22T13:05:30Z'],
  ['today', NY, '2026-11-22T05:00Z'],
  ['tomorrow', NY, '2026-11-23T05:00Z'],
  ['today', 'Asia/Kolkata', '2026-11-21T18:30Z'],
  ['2027-07-01', NY, '2027-07-01T04:00Z'],
  ['2027-07-01T12:30', NY, '2027-07-01T16:30Z'],
  ['2027-07-01 12:30:15', NY, '2027-07-01T16:30:15Z'],
  ['2027-07-01T12:30:15.250', 'UTC', '2027-07-01T12:30:15.250Z'],
  ['2027-07-01T12:30Z', NY, '2027-07-01T12:30Z'],
  ['2027-07-01t12:30z', NY, '2027-07-01T12:30Z'],
  ['2027-07-01T12:30+02:00', NY, '2027-07-01T10:30Z'],
  ['2027-07-01T12:30-0330', NY, '2027-07-01T16:00Z'],
  ['2027-11-07T01:30', NY, '2027-11-07T05:30Z'], // the first of two
  ['2027-03-14T02:30', NY, '2027-03-14T07:00Z'], // after the jump
  ['2027-10-03T02:10', 'Australia/Lord_Howe', '2027-10-02T15:30Z'],
  ['2026-09-06', 'America/Santiago', '2026-09-06T04:00Z'], // has no midnight
  ['2011-12-30T12:00', 'Pacific/Apia', '2011-12-30T10:00Z'], // is no day
  ['2027-02-30', NY, null],
  ['2027-13-01', NY, null],
  ['2027-07-01T24:30', NY, null],
  ['2027-07-01T12', NY, null],
  ['2027-07-01T12:30+2', NY, null],
  ['12:30', NY, null],
  ['yesterday', NY, null],
  ['', NY, null],
];
for (const [text, zone, expected] of times) {
  test(`readTime() reads "${text}" in ${zone}`, () => {
    const at = readTime(text, now, (when) => offsetIn(zone, when));
    assert.equal(
      at === null ? null : new Date(at).toISOString(),
      expected && new Date(expected).toISOString(),
    );
  });
}

test('readTime() finds the instant at which clocks show a time', () => {
  const zone = fc.constantFrom(
    NY,
    'Europe/Berlin',
    'Australia/Lord_Howe',
    'America/Santiago',
    'UTC',
  );
  const minute = fc.integer({ min: 29_000_000, max: 33_000_000 });
  fc.assert(
    fc.property(zone, minute, (name, utc) => {
      const offset = (at: number): number => offsetIn(name, at);
      const wall = new Date(utc * 60_000 + offset(utc * 60_000) * 60_000)
        .toISOString()
        .slice(0, 16);
      const at = readTime(wall, now, offset) ?? NaN;
      assert.equal(new Date(at + offset(at) * 60_000).toISOString().slice(0, 16), wall);
      assert.ok(at <= utc * 60_000);
    }),
  );
});

test('clockTime() shows weekday, date, time and offset', () => {
  assert.equal(clockTime(now, -300), 'Sun 2026-11-22 08:05 -0500');
  assert.equal(clockTime(now, 645), 'Sun 2026-11-22 23:50 +1045');
  assert.equal(clockTime(now, -210), 'Sun 2026-11-22 09:35 -0330');
});

test('distance() tells two units', () => {
  const minutes = [0.5, 1, 59, 60, 192, 1440, 1500.9, 525_600];
  assert.deepEqual(
    minutes.map((count) => distance(count * 60_000)),
    [
      'in 30 s',
      'in 1 min',
      'in 59 min',
      'in 1 h 0 min',
      'in 3 h 12 min',
      'in 1 d 0 h',
      'in 1 d 1 h',
      'in 365 d 0 h',
    ],
  );
});

function tabOf(label: string, text: string): Tab {
  const { entries, problems } = parseCrontab(text, { kind: 'user', owner: label, seed: '' });
  return { label, path: `/spool/${label}`, user: label, entries, problems };
}

test('upcoming() tells what starts of many crontabs, each instant in the order of the files', () => {
  const texts = ['30 2 * * * a\n*/30 * * * * b\n', '0,30 2 * * * c\n@hourly d\n@reboot e\n', ''];
  const tabs = texts.map((text, index) => tabOf(`${index}`, text));
  const window = { from: Date.parse('2027-03-14T06:00Z'), until: Date.parse('2027-03-14T08:30Z') };
  const options = { ...window, offsets: offsetsOf(NY) };
  const found = [...upcoming(tabs, 'host', options)];
  assert.equal(
    found
      .map(({ at, entry }) => `${new Date(at).toISOString().slice(11, 16)}${entry.command}`)
      .join(' '),
    // After the jump: what is wild first, then 02:00, 02:30, minute by minute.
    '06:00b 06:00d 06:30b 07:00b 07:00d 07:00c 07:00a 07:00c 07:30b 08:00b 08:00d',
  );
});

test('upcoming() is the sum of its forecasts, in order', () => {
  const line = fc.tuple(
    fc.constantFrom('*', '*/7', '5', '30', '0-59/13'),
    fc.constantFrom('*', '1', '2', '1-3'),
  );
  const text = fc
    .array(line, { maxLength: 5 })
    .map((lines) => lines.map(([minute, hour]) => `${minute} ${hour} * * * x\n`).join(''));
  const window = { from: Date.parse('2027-11-07T02:00Z'), until: Date.parse('2027-11-07T10:00Z') };
  const options = { ...window, offsets: offsetsOf(NY) };
  fc.assert(
    fc.property(fc.array(text, { maxLength: 3 }), (texts) => {
      const tabs = texts.map((each, index) => tabOf(`${index}`, each));
      const found = [...upcoming(tabs, 'host', options)].map(({ at, turn }) => at + turn);
      const each = tabs.flatMap((tab) =>
        [...tab.entries].flatMap((entry) => [...forecast(entry, options)]),
      );
      assert.deepEqual(
        found,
        each.map(({ at, turn }) => at + turn).toSorted((a, b) => a - b),
      );
    }),
    { numRuns: 50 },
  );
});

const options = { owner: 'alice', now, offsets: offsetsOf(NY) };
const HEAD = 'New or changed entries start first:';

test('nextRuns() tells of entries that are new or changed, and of no others', () => {
  const old = '# old\n0 9 * * * kept\n5 9 * * * moved\n';
  const table = '0 9 * * * kept\n6 9 * * * moved\n@reboot new\n0 0 30 2 * odd\nbad\n';
  assert.equal(
    nextRuns(old, table, options),
    [
      HEAD,
      '  line 2: Sun 2026-11-22 09:06 -0500, in 1 h 0 min: moved',
      '  line 3: when the system starts: new',
      '  line 4: never: odd',
    ].join('\n'),
  );
  assert.equal(nextRuns(old, old, options), '');
  assert.equal(nextRuns(null, '', options), '');
  assert.equal(
    nextRuns(null, '# x\n0 9 * * * a\tb\n', options),
    `${HEAD}\n  line 2: Sun 2026-11-22 09:00 -0500, in 54 min: a b`,
  );
});

test('nextRuns() tells of an entry whose zone has changed, and of a second one of the same text', () => {
  const old = '0 9 * * * a\n';
  assert.match(nextRuns(old, `CRON_TZ=UTC\n${old}`, options), /line 2: Mon 2026-11-23 04:00 -0500/);
  assert.match(nextRuns(old, old + old, options), /^.*\n {2}line 2: .*$/);
  assert.equal(nextRuns(old, `A=1\n${old}`, options), '');
});

test('nextRuns() tells of twenty at most', () => {
  const table = Array.from({ length: 25 }, (_, index) => `${index} 9 * * * x\n`).join('');
  const lines = nextRuns(null, table, options).split('\n');
  assert.deepEqual([lines.length, lines.at(-1)], [22, '  and 5 more']);
});
