/**
 * The clock of Debian's cron and ours, minute by minute: more than a hundred entries through summer time and through
 * clocks that are set.
 *
 * The real daemon of Debian runs in a world of its own, in which its sleeps pass at once (warp.c); our loop runs on a
 * clock that goes through the same. What both start is compared: which entry, for which minute, at which instant. What
 * differs has a name here and in docs/differences.md; what has a name must be seen.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseCrontab } from '../../src/core/crontab.ts';
import { isWild } from '../../src/core/schedule.ts';
import { boxed, openBox } from '../support/system.ts';
import * as crons from './crons.ts';
import { type Plan, prepareWarp, type Start, startedByDebian, startedByUs } from './warp.ts';

const HOUR = 3600;

/** Each zone's two changes in 2026, as instants: an hour, and in Lord Howe half an hour. */
const CHANGES: Record<string, readonly string[]> = {
  'America/New_York': ['2026-03-08T07:00Z', '2026-11-01T06:00Z'],
  'Europe/Berlin': ['2026-03-29T01:00Z', '2026-10-25T01:00Z'],
  'Australia/Lord_Howe': ['2026-04-04T15:00Z', '2026-10-03T15:30Z'],
};

/** By how many minutes the clock is set; a second step follows after twenty minutes. */
const STEPS = [
  [1],
  [-1],
  [60],
  [-60],
  [179],
  [-179],
  [181],
  [-181],
  [60, -60],
  [-60, 60],
  [-90, 30],
];

/** Before and after the change or the step, in seconds; the start is in the middle of a minute. */
const BEFORE = 11 * HOUR + 30;
const AFTER = 16 * HOUR;

function plans(): Record<string, Plan> {
  const found: Record<string, Plan> = {};
  for (const [zone, changes] of Object.entries(CHANGES))
    for (const change of changes) {
      const start = Date.parse(change) / 1000 - BEFORE;
      found[`${zone}, ${change}`] = { zone, start, lasts: BEFORE + AFTER, steps: [] };
    }
  // Half an hour after the last midnight of the year, in the middle of a minute.
  for (const set of STEPS) {
    const zone = 'Europe/Berlin';
    const start = Date.parse('2026-12-31T23:30Z') / 1000 - BEFORE;
    const steps = set.map(
      (minutes, index) => [BEFORE + 30 + index * 20 * 60, minutes * 60] as const,
    );
    found[`set by ${set.join(' and ')} min`] = { zone, start, lasts: BEFORE + AFTER, steps };
  }
  return found;
}

/** Schedules; each table is run by itself: in a dense one Debian's pauses last beyond the minute. */
const TABLES: Record<string, readonly string[]> = {
  sparse: [
    ...['0', '1', '2', '3', '4', '23'].flatMap((hour) =>
      ['0', '15', '30', '59'].map((minute) => `${minute} ${hour} * * *`),
    ),
    ...'* *|*/5 *|*/7 *|*/59 *|*/15 2|* 2|*/10 1-3|*,5 0-4|* */2'.split('|'),
    ...'30 *|0 *|59 *|0,30 *|0 */2|59 */3|15 *,2|5-10 *|0-59/20 */1'.split('|'),
    ...'0 */23|30 0-23|30 0-23/2|45 1,2,3|1-59/29 2-3|0-30/15 2|20 0-4/2'.split('|'),
    ...'@hourly|@daily|@midnight|@weekly|@monthly|@yearly|@annually'.split('|'),
    '30 2 * * sun',
    '30 2 * * 7',
    '30 2 * * mon-sat',
    '30 1 * * 0,6',
    '30 2 1 * *',
    '30 2 29 mar *',
    '30 2 1-7 * 0',
    '30 2 1-7 * */7',
    '15 1 */2 * 0',
    '15 1 1-31 * 1',
    '15 1 8 * 5',
    '45 1 25 10 0',
    '45 1 * 10,11 0',
    '45 1 * apr-nov *',
    '10 3 8 3 *',
    '10 14 31 * *',
    '10 0 1 1 *',
    '10 0 1 jan thu',
    '50 23 31 12 *',
    '0 12 * * *',
    '0 12 * * fri',
    '*/20 2 * * sun',
    '*/20 * 1 * *',
    '0 * * * sun',
    '0 * 29,31 3,12 *',
    '*/30 */2 1-7 * 0',
    '* * 31 * 4',
    '* * 31 * *',
    '*/2 1-2 * * *',
    '29,31 1-2 * * *',
    '0-1 2-3 * * *',
    '58-59 0-2 * * *',
    '55 1 * * *',
    '5 2 * * *',
    '35 2 * * *',
    '5 3 * * *',
    '17 0-23 * * *',
    '25 6 * * *',
    '47 6 * * 7',
    '52 6 1 * *',
  ].map((schedule) => schedule.replace(/^([^@ ]+ [^ ]+)$/, '$1 * * *')),
  'dense and fixed': [
    '0-59 0-23 * * *',
    '0-59/2 0-23 * * *',
    '* * * * *',
    '30 * * * *',
    '30 2 * * *',
  ],
  'dense and wild': [
    '* * * * *',
    '*/2 * * * *',
    '* 0-23 * * *',
    '30 2 * * *',
    '0 3 * * *',
    '@hourly',
  ],
};

/** A start that has no counterpart, and what to know of it. */
interface Odd {
  readonly by: 'Debian' | 'mailcron';
  readonly start: Start;
  readonly isWild: boolean;
  /** The clock was set back, and shows an instant that it has shown before. */
  readonly again: boolean;
  /** Debian has started this entry for this minute some minutes before. */
  readonly twice: boolean;
}

const RULES: Record<string, (odd: Odd) => boolean> = {
  'Star entries after the clock was set back': ({ by, isWild: wild, again }) =>
    by === 'Debian' && wild && again,
  'Star entries at the end of a long catching up': ({ by, isWild: wild, again, twice }) =>
    by === 'Debian' && wild && twice && !again,
};
/** Of what both start, Debian does some later. */
const PAUSES = 'Pauses while catching up';

test('our clock is Debian’s, but for the named differences', boxed, async (t) => {
  const box = await openBox(t, { packages: crons.DEBIAN });
  await crons.unpackDebian(box);
  await prepareWarp(box);

  const seen = new Set<string>();
  let entries = 0;
  let starts = 0;
  for (const [name, schedules] of Object.entries(TABLES)) {
    const table = schedules.map((schedule, index) => `${schedule} root e${index}\n`).join('');
    const never = new Set(schedules.map((_, index) => `e${index}`));
    entries += never.size;
    for (const [when, plan] of Object.entries(plans()))
      await t.test(`${name}: ${when}`, async () => {
        const there = await startedByDebian(box, plan, table);
        const here = await startedByUs(plan, table);
        starts += here.length;
        for (const { id } of here) never.delete(id);
        const { rules, unexpected } = compare(plan, table, there, here);
        for (const rule of rules) seen.add(rule);
        assert.deepEqual(unexpected.slice(0, 20), []);
      });
    await t.test(`${name}: every entry was started`, () => assert.deepEqual([...never], []));
  }

  t.diagnostic(`${entries} entries, ${starts} starts`);

  const names = [...Object.keys(RULES), PAUSES];
  await t.test('what has a name differs', () =>
    assert.deepEqual([...seen].toSorted(), names.toSorted()),
  );
  await t.test('each name is a row of docs/differences.md, and no other row is there', () => {
    const page = readFileSync(new URL('../../../docs/differences.md', import.meta.url), 'utf8');
    const [, section = ''] = /^## The clock\n([^]*?)(?:^## |$(?![^]))/m.exec(page) ?? [];
    assert.deepEqual(
      [...section.matchAll(/^\| \*\*(.+?)\*\*/gm)].map(([, row]) => row),
      names,
    );
  });
});

/** Pair what both have started; name what is left, and what Debian has started late. */
function compare(
  plan: Plan,
  table: string,
  there: readonly Start[],
  here: readonly Start[],
): { rules: Set<string>; unexpected: string[] } {
  const { entries } = parseCrontab(table, { kind: 'system', owner: '', seed: '' });
  const wild = new Set(entries.filter((each) => isWild(each.schedule)).map((each) => each.command));
  const rules = new Set<string>();
  const unexpected: string[] = [];

  const name = (who: Odd['by'], start: Start, same: readonly Start[]): void => {
    const again = plan.steps.some(([at, seconds], index) => {
      const before = plan.steps.slice(0, index).reduce((sum, [, by]) => sum + by, plan.start + at);
      return seconds < 0 && start.age > at && minuteOf(start.at) <= minuteOf(before);
    });
    const twice = same.some(({ age }) => age < start.age && age > start.age - 600);
    const odd = { by: who, start, isWild: wild.has(start.id), again, twice };
    const rule = Object.keys(RULES).find((each) => RULES[each]?.(odd));
    if (rule === undefined) unexpected.push(describe(who, start));
    else rules.add(rule);
  };

  const theirs = byEntryAndMinute(there);
  const ours = byEntryAndMinute(here);
  for (const key of new Set([...theirs.keys(), ...ours.keys()])) {
    const left = [...(theirs.get(key) ?? [])];
    for (const start of ours.get(key) ?? []) {
      const index = left.findIndex(({ age }) => age >= start.age && age <= start.age + LONGEST);
      const [match] = index < 0 ? [] : left.splice(index, 1);
      if (match === undefined) {
        name('mailcron', start, []);
        continue;
      }
      // Debian starts at second 1, and pauses after each minute in which it has started something.
      const late = match.at - start.at - 1;
      if (late === 0) continue;
      const rounds = there.filter(({ age }) => age >= start.age && age < match.age);
      const pauses = new Set(rounds.map(({ age }) => age)).size;
      if (late > 0 && late <= PAUSE * pauses) rules.add(PAUSES);
      else unexpected.push(`${describe('Debian', match)}, ${late} s late`);
    }
    for (const start of left) name('Debian', start, theirs.get(key) ?? []);
  }
  return { rules, unexpected };
}

/** What Debian's cron sleeps between minutes that it makes up for, and all that it can take for three hours. */
const PAUSE = 10;
const LONGEST = 181 * PAUSE;

const minuteOf = (seconds: number): number => Math.floor(seconds / 60);

function byEntryAndMinute(starts: readonly Start[]): Map<string, Start[]> {
  const found = new Map<string, Start[]>();
  for (const start of starts) {
    const key = `${start.id} ${start.minute}`;
    const known = found.get(key);
    if (known === undefined) found.set(key, [start]);
    else known.push(start);
  }
  return found;
}

function describe(by: string, { id, at, minute }: Start): string {
  const local = new Date(minute * 60_000).toISOString().slice(0, 16);
  return `${by} starts ${id} for ${local} local time, at ${new Date(at * 1000).toISOString()}`;
}
