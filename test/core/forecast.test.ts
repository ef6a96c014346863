import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CronExpressionParser } from 'cron-parser';
import fc from 'fast-check';
import { parseCrontab } from '../../src/core/crontab.ts';
import type { Entry } from '../../src/core/entry.ts';
import { forecast, type Start } from '../../src/core/forecast.ts';
import { due } from '../../src/core/moment.ts';
import { isWild } from '../../src/core/schedule.ts';
import { offsetsOf } from '../../src/core/spans.ts';
import { offsetIn } from '../../src/core/zone.ts';
import { isDue, type Lasts, wakeAll, zoneOf } from '../../src/core/zones.ts';
import { oracle, wallClock } from '../support/oracle.ts';

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
const SEED = 'host alice';
/** Each costs 50 ms; FORECAST_RUNS asks for more. */
const RUNS = Number(process.env['FORECAST_RUNS'] ?? 60);

function entriesOf(text: string): readonly Entry[] {
  const { entries, problems } = parseCrontab(text, { kind: 'user', owner: 'alice', seed: SEED });
  assert.deepEqual(
    problems.filter(({ severity }) => severity === 'error'),
    [],
    text,
  );
  return entries;
}

function entryOf(schedule: string, above = ''): Entry {
  const [entry] = entriesOf(`${above}${schedule} true\n`);
  assert.ok(entry !== undefined);
  return entry;
}

/** The first starts of an entry from an instant on, as a clock in the zone shows them. */
function starts(schedule: string, zone: string, from: string, count: number): string[] {
  const options = { from: Date.parse(from), offsets: offsetsOf(zone) };
  const found: Start[] = [];
  for (const start of forecast(entryOf(schedule), options)) {
    found.push(start);
    if (found.length === count) break;
  }
  return found.map(({ at }) => new Date(wallClock(zone, at)).toISOString().slice(0, 16));
}

const NY = 'America/New_York';
const rows: readonly (readonly [string, string, string, string, readonly string[]])[] = [
  [
    'the minute it begins with',
    '* * * * *',
    'UTC',
    '2026-11-22T13:00Z',
    ['2026-11-22T13:00', '2026-11-22T13:01'],
  ],
  ['no minute that has begun', '* * * * *', 'UTC', '2026-11-22T13:00:01Z', ['2026-11-22T13:01']],
  [
    'a fixed time that spring skips, after the jump',
    '30 2 * * *',
    NY,
    '2027-03-13T12:00Z',
    ['2027-03-14T03:00', '2027-03-15T02:30'],
  ],
  [
    'all the skipped ones, at one instant',
    '0,30 2 * * *',
    NY,
    '2027-03-14T06:00Z',
    ['2027-03-14T03:00', '2027-03-14T03:00', '2027-03-15T02:00'],
  ],
  [
    'no wild time that spring skips',
    '*/30 2 * * *',
    NY,
    '2027-03-13T12:00Z',
    ['2027-03-15T02:00', '2027-03-15T02:30'],
  ],
  [
    'a fixed time that comes twice, once',
    '30 1 * * *',
    NY,
    '2027-11-07T04:00Z',
    ['2027-11-07T01:30', '2027-11-08T01:30'],
  ],
  [
    'a wild time that comes twice, twice',
    '*/30 1 * * *',
    NY,
    '2027-11-07T04:00Z',
    [
      '2027-11-07T01:00',
      '2027-11-07T01:30',
      '2027-11-07T01:00',
      '2027-11-07T01:30',
      '2027-11-08T01:00',
    ],
  ],
  [
    'only what is left, begun within the second pass',
    '30 1 * * *',
    NY,
    '2027-11-07T06:10Z',
    ['2027-11-08T01:30'],
  ],
  [
    'Sundays as 0 and as 7',
    '0 0 * * 7',
    'UTC',
    '2026-11-22T13:00Z',
    ['2026-11-29T00:00', '2026-12-06T00:00'],
  ],
  [
    'both day fields joined by or',
    '0 0 1 * fri',
    'UTC',
    '2026-11-22T13:00Z',
    ['2026-11-27T00:00', '2026-12-01T00:00', '2026-12-04T00:00'],
  ],
  [
    'a starred list joined by and',
    '0 0 */2 * 1',
    'UTC',
    '2026-11-22T13:00Z',
    ['2026-11-23T00:00', '2026-12-07T00:00'],
  ],
  [
    'the first Sunday of a month',
    '0 7 1-7 * */7',
    'UTC',
    '2026-11-22T13:00Z',
    ['2026-12-06T07:00', '2027-01-03T07:00'],
  ],
  [
    'a leap day',
    '0 0 29 2 *',
    'UTC',
    '2097-01-01T00:00Z',
    ['2104-02-29T00:00', '2108-02-29T00:00'],
  ],
  [
    'a leap day on a Sunday, forty years ahead',
    '0 0 29 2 */7',
    'UTC',
    '2088-03-01T00:00Z',
    ['2128-02-29T00:00'],
  ],
  [
    'midnight where it is skipped, at one',
    '0 0 * * *',
    'America/Santiago',
    '2026-09-05T12:00Z',
    ['2026-09-06T01:00', '2026-09-07T00:00'],
  ],
  [
    'half an hour that is skipped',
    '15 2 * * *',
    'Australia/Lord_Howe',
    '2026-10-03T00:00Z',
    ['2026-10-04T02:30', '2026-10-05T02:15'],
  ],
  [
    'half an hour that comes twice',
    '45 1 * * *',
    'Australia/Lord_Howe',
    '2027-04-03T00:00Z',
    ['2027-04-04T01:45', '2027-04-05T01:45'],
  ],
  [
    'nothing of a day that a country left out',
    '0 12 * * *',
    'Pacific/Apia',
    '2011-12-29T20:00Z',
    ['2011-12-29T12:00', '2011-12-31T12:00'],
  ],
  [
    'nothing of three hours that are left out',
    '30 5 * * *',
    'Antarctica/Casey',
    '2018-10-05T23:00Z',
    ['2018-10-08T05:30'],
  ],
];
for (const [rule, schedule, zone, from, expected] of rows) {
  test(`forecast() tells ${rule}: ${schedule} in ${zone}`, () => {
    assert.deepEqual(starts(schedule, zone, from, expected.length), expected);
  });
}

for (const never of ['0 0 30 2 *', '0 0 31 4,6,9,11 *', '0 0 30 2 */2', '@reboot'])
  test(`forecast() ends at once where no day ever comes: ${never}`, () => {
    assert.deepEqual(starts(never, 'UTC', '2026-11-22T13:00Z', 1), []);
  });

test('forecast() ends where summer time always takes the only hour', () => {
  assert.deepEqual(starts('*/9 2 8-14 3 */7', NY, '2026-11-22T13:00Z', 1), []);
  assert.deepEqual(starts('9 2 8-14 3 */7', NY, '2026-11-22T13:00Z', 1), ['2027-03-14T03:00']);
});

test('forecast() is lazy: the next of a frequent entry costs no far future', () => {
  let asked = 0;
  const offsets = (): number => (asked++, 0);
  const next = forecast(entryOf('* * * * *'), { from: 0, offsets }).next();
  assert.deepEqual(next.value, { at: 0, local: 0, turn: 0 });
  assert.ok(asked < 100, `${asked}`);
});

test('forecast() ends before `until`', () => {
  const window = { from: Date.parse('2026-11-22T13:00Z'), until: Date.parse('2026-11-22T13:03Z') };
  const found = [...forecast(entryOf('* * * * *'), window)];
  assert.deepEqual(
    found.map(({ at }) => (at - window.from) / MINUTE),
    [0, 1, 2],
  );
});

test('forecast() goes by CRON_TZ, and adds RANDOM_DELAY', () => {
  const from = Date.parse('2026-11-22T13:00Z');
  const [berlin] = forecast(entryOf('0 9 * * *', 'CRON_TZ=Europe/Berlin\n'), {
    from,
    until: from + DAY,
  });
  assert.equal(berlin?.at, Date.parse('2026-11-23T08:00Z'));
  const late = entryOf('0 9 * * *', 'RANDOM_DELAY=600\n');
  const [here, there] = ['a', 'b'].map((seed) => [
    ...forecast(late, { from, until: from + DAY, seed }),
  ]);
  assert.notDeepEqual(here, there);
});

/** What a daemon does that is awake at each minute: wakeAll() and isDue(), nothing else. */
function simulated(
  entries: readonly Entry[],
  zone: string,
  from: number,
  until: number,
): Start[][] {
  const ahead = (name: string, at: number): number =>
    (wallClock(name === '' ? zone : name, at) - at) / MINUTE;
  const found: Start[][] = entries.map(() => []);
  let lasts: Lasts = {};
  for (let at = from - 2 * DAY; at < until; at += MINUTE) {
    const utc = at / MINUTE;
    const woken = wakeAll(lasts, entries.map(zoneOf), (name) => ({
      utc,
      local: utc + ahead(name, at),
    }));
    lasts = woken.lasts;
    if (at < from) continue;
    for (const [index, entry] of entries.entries())
      for (const [turn, visit] of (woken.wakes.get(zoneOf(entry))?.visits ?? []).entries())
        if (isDue(entry, visit, SEED)) found[index]?.push({ at, local: visit.local, turn });
  }
  return found;
}

/** Zones, and instants of changes in them. */
const CHANGES: Record<string, readonly string[]> = {
  'America/New_York': ['2027-03-14T07:00Z', '2027-11-07T06:00Z'],
  'Europe/Berlin': ['2027-03-28T01:00Z', '2027-10-31T01:00Z'],
  'Australia/Lord_Howe': ['2027-10-02T15:30Z', '2027-04-03T15:00Z'],
  'America/Santiago': ['2027-09-05T04:00Z', '2027-04-04T03:00Z'],
  'America/Havana': ['2027-03-14T05:00Z', '2027-11-07T05:00Z'],
  'Asia/Beirut': ['2027-03-27T22:00Z', '2027-10-30T21:00Z'],
  'Pacific/Apia': ['2011-12-30T10:00Z', '2011-09-24T14:00Z'],
  'Antarctica/Casey': ['2018-03-10T17:00Z', '2018-10-06T20:00Z'],
  'Antarctica/Troll': ['2027-03-28T01:00Z', '2027-10-31T01:00Z'],
  'Africa/Casablanca': ['2027-02-07T02:00Z', '2027-03-14T02:00Z'],
  'Asia/Kolkata': ['2027-01-01T00:00Z'],
  UTC: ['2028-02-29T00:00Z'],
};

const moment = fc
  .constantFrom(
    ...Object.entries(CHANGES).flatMap(([zone, all]) => all.map((at) => ({ zone, at }))),
  )
  .chain(({ zone, at }) =>
    fc.record({
      zone: fc.constant(zone),
      from: fc
        .integer({ min: -26 * 60, max: 60 })
        .map((before) => Date.parse(at) + before * MINUTE),
      length: fc.integer({ min: 1, max: 30 * 60 }),
    }),
  );

/** A field that is met often enough in a day or two. */
function field(low: number, high: number, star: number): fc.Arbitrary<string> {
  const number = fc.integer({ min: low, max: high });
  const range = fc.tuple(number, number).map(([a, b]) => (a < b ? `${a}-${b}` : `${b}-${a}`));
  const step = fc.tuple(fc.oneof(range, fc.constant('*')), fc.integer({ min: 1, max: 7 }));
  const item = fc.oneof(
    { weight: 3, arbitrary: number.map(String) },
    { weight: 2, arbitrary: range },
    { weight: 2, arbitrary: step.map(([head, by]) => `${head}/${by}`) },
    { weight: star, arbitrary: fc.constant('*') },
  );
  const list = fc.array(item, { minLength: 1, maxLength: 3 }).map((items) => items.join(','));
  return fc.oneof({ weight: star, arbitrary: fc.constant('*') }, { weight: 4, arbitrary: list });
}

const weekday = fc.constantFrom('mon-fri', 'SAT,sun', 'sun-wed', 'tue-sat/2', '7', '0,3-7');

const fields = fc
  .tuple(
    field(0, 59, 1),
    field(0, 23, 3),
    field(1, 31, 6),
    fc.oneof(
      { weight: 5, arbitrary: field(1, 12, 12) },
      { weight: 1, arbitrary: fc.constantFrom('Jan-mar,nov', 'sep-dec') },
    ),
    fc.oneof({ weight: 4, arbitrary: field(0, 7, 6) }, { weight: 1, arbitrary: weekday }),
  )
  .map((five) => five.join(' '));

test('forecast() equals what a daemon starts that is awake at each minute', () => {
  const above = fc.constantFrom(
    '',
    '',
    'RANDOM_DELAY=90\n',
    'CRON_TZ=Europe/Berlin\n',
    'CRON_TZ=UTC\n',
  );
  const line = fc.tuple(above, fields).map(([text, five]) => `${text}${five} true\n`);
  const lines = fc.array(line, { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(moment, lines, ({ zone, from, length }, texts) => {
      const entries = entriesOf(texts.join(''));
      const until = from + length * MINUTE;
      const options = { from, until, offsets: offsetsOf(zone), seed: SEED };
      const found = entries.map((entry) => [...forecast(entry, options)]);
      assert.deepEqual(found, simulated(entries, zone, from, until));
    }),
    { numRuns: RUNS },
  );
});

test('forecast() and due() equal an oracle that reads crontab(5) minute by minute', () => {
  fc.assert(
    fc.property(
      moment,
      fc.array(fields, { minLength: 1, maxLength: 6 }),
      ({ zone, from, length }, all) => {
        const until = from + length * MINUTE;
        const offsets = offsetsOf(zone);
        const entries = entriesOf(all.map((five) => `${five} true\n`).join(''));
        const expected = all.map((five) => oracle(five, zone, from, until));
        const found = entries.map((entry) =>
          [...forecast(entry, { from, until, offsets })].map(({ at, local }) => ({
            at,
            wall: new Date(local * MINUTE).toISOString().slice(0, 16),
          })),
        );
        assert.deepEqual(found, expected);
        for (const at of new Set(
          expected
            .flat()
            .map((start) => start.at)
            .slice(0, 40),
        ).add(from)) {
          const count = (entry: Entry): number =>
            due(entries, at, { offsets }).filter((one) => one === entry).length;
          const counts = expected.map((list) => list.filter((start) => start.at === at).length);
          assert.deepEqual(entries.map(count), counts);
        }
      },
    ),
    { numRuns: RUNS },
  );
});

test('due() and forecast() agree with cron-parser where the grammars do', () => {
  // No list that begins with a star, and no second star: there it joins the days by "or".
  const plain = (low: number, high: number): fc.Arbitrary<string> =>
    field(low, high, 0).filter((text) => !text.includes('*'));
  const days = fc.oneof(
    fc.tuple(plain(1, 31), fc.constant('*')),
    fc.tuple(fc.constant('*'), plain(0, 7)),
    fc.tuple(plain(1, 30), plain(1, 5)),
  );
  const five = fc.tuple(field(0, 59, 1), field(0, 23, 3), days, field(1, 12, 12));
  const from = Date.parse('2027-01-15T00:00Z');
  fc.assert(
    fc.property(
      five,
      fc.integer({ min: 0, max: 4 * 366 * 1440 }),
      ([minute, hour, [dom, dow], month], later) => {
        const text = `${minute} ${hour} ${dom} ${month} ${dow}`;
        const entry = entryOf(text);
        let theirs: ReturnType<typeof CronExpressionParser.parse>;
        try {
          theirs = CronExpressionParser.parse(text, {
            tz: 'UTC',
            currentDate: from + later * MINUTE,
          });
        } catch {
          return; // a date that never comes
        }
        for (const at of theirs.take(5).map((date) => date.getTime()))
          assert.deepEqual(due([entry], at), [entry], `${text} at ${new Date(at).toISOString()}`);
        const [first] = forecast(entry, {
          from: from + (later + 1) * MINUTE,
          until: from + (later + 3000) * MINUTE,
        });
        const [next] = CronExpressionParser.parse(text, {
          tz: 'UTC',
          currentDate: from + later * MINUTE,
        }).take(1);
        if (first !== undefined) assert.equal(first.at, next?.getTime(), text);
        else
          assert.ok(next === undefined || next.getTime() >= from + (later + 3000) * MINUTE, text);
      },
    ),
    { numRuns: 1000 },
  );
});

test('the oracle and core read the same clocks', () => {
  for (const [zone, [at = '']] of Object.entries(CHANGES))
    for (const before of [-1, 0]) {
      const instant = Date.parse(at) + before * MINUTE;
      assert.equal(wallClock(zone, instant) - instant, offsetIn(zone, instant) * MINUTE, zone);
    }
  assert.ok(isWild(entryOf('* 1 * * *').schedule));
});
