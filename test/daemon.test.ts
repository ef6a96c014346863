/** The loop, with a clock that jumps: what starts, when, and what is remembered. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCrontab } from '../src/core/crontab.ts';
import { goOn, type Kept } from '../src/core/restart.ts';
import type { Lasts } from '../src/core/zones.ts';
import { daemon, type Due, type Foresight, momentAt } from '../src/daemon.ts';
import type { Tab } from '../src/spool/tab.ts';
import { FakeClock } from './support/clock.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** A crontab whose commands are their own names. */
function tab(text: string, label = 'alice'): Tab {
  const options = { kind: 'user', owner: label, seed: `host ${label}` } as const;
  const { entries, problems } = parseCrontab(text, options);
  assert.deepEqual(problems, []);
  return { label, path: `/spool/${label}`, user: label, entries, problems };
}

interface Setup {
  readonly clock: FakeClock;
  readonly tabs?: readonly Tab[];
  /** How often the loop sleeps before the signal comes. */
  readonly sleeps: number;
  readonly kept?: Kept | null;
  readonly refresh?: (nth: number) => readonly Tab[];
  readonly onStart?: (due: readonly Due[]) => void;
  readonly foresight?: Foresight['time'];
}

interface Run {
  /** Whatever happened, in its order: `02:30 job`, `refresh`, `remember`. */
  readonly events: string[];
  /** Starts alone: `02:30 job other`. */
  readonly starts: string[];
  readonly logged: string[];
  /** What was told ahead: `02:29 job other in 500`. */
  readonly foreseen: string[];
  readonly remembered: Lasts[];
}

/** Run the loop for so many sleeps. */
async function run({
  clock,
  tabs = [],
  sleeps,
  kept = null,
  refresh,
  onStart,
  foresight,
}: Setup): Promise<Run> {
  const told: Run = { events: [], starts: [], logged: [], foreseen: [], remembered: [] };
  const end = new AbortController();
  const crontabs = {
    tabs,
    async minute() {
      told.events.push('refresh');
      const count = told.events.filter((event) => event === 'refresh').length;
      if (refresh !== undefined) crontabs.tabs = refresh(count);
    },
  };
  let slept = 0;
  const sleeping = {
    now: () => clock.now(),
    offset: () => clock.offset(),
    async sleep(ms: number) {
      assert.ok(ms >= 0 && ms <= MINUTE, `it sleeps ${ms} ms`);
      if (++slept > sleeps) return end.abort();
      return clock.sleep(ms);
    },
  };
  const from = goOn(kept, momentAt(sleeping, clock.now()), clock.now());
  await daemon(
    {
      clock: sleeping,
      crontabs,
      async start(due) {
        const names = due.map(({ entry }) => entry.command).join(' ');
        told.events.push(`start ${names}`);
        told.starts.push(`${clock.wall()} ${names}`);
        await Promise.resolve();
        onStart?.(due);
        told.events.push(`started ${names}`);
      },
      firstSeen: () => 0,
      ...(foresight !== undefined && {
        foresight: {
          time: foresight,
          prepare(due: readonly Due[], within: number): void {
            const names = due.map(({ entry }) => entry.command).join(' ');
            told.foreseen.push(`${clock.wall()} ${names} in ${within}`);
          },
        },
      }),
      remember(lasts) {
        told.events.push('remember');
        told.remembered.push(lasts);
      },
      hostname: 'host',
      log: (who, event, detail) => told.logged.push(`(${who}) ${event} (${detail})`),
    },
    from,
    kept?.ran ?? from,
    end.signal,
  );
  return told;
}

const WINTER = '2026-01-20T12:00:20Z';
const EVERY_MINUTE = tab('* * * * * wild\n');

test('daemon() starts what is due at the next full minute, and not in the one in which it begins', async () => {
  const clock = new FakeClock(WINTER);
  const tabs = [tab('* * * * * wild\n2 12 * * * fixed\n0 12 * * * past\n')];
  const { starts } = await run({ clock, tabs, sleeps: 3 });
  assert.deepEqual(starts, ['12:01 wild', '12:02 wild fixed', '12:03 wild']);
});

test('daemon() wakes at the full minute, to the millisecond', async () => {
  const clock = new FakeClock('2026-01-20T12:00:20.123Z');
  await run({ clock, tabs: [EVERY_MINUTE], sleeps: 1 });
  assert.equal(clock.now() % MINUTE, 0);
});

test('daemon() starts a minute once when timers fire early, again and again', async () => {
  const clock = new FakeClock(WINTER).miss(-1, 0, -1, -1, 0);
  const { starts, remembered } = await run({ clock, tabs: [EVERY_MINUTE], sleeps: 8 });
  // A sleep that ends a millisecond early is followed by one of that millisecond.
  assert.deepEqual(starts, ['12:01 wild', '12:02 wild', '12:03 wild', '12:04 wild', '12:05 wild']);
  assert.equal(remembered.length, 5, 'nothing to remember of a minute that was not full');
});

test('daemon() that wakes a little late does not drift', async () => {
  const clock = new FakeClock(WINTER).miss(30, 400, 59_999);
  const { starts, logged } = await run({ clock, tabs: [EVERY_MINUTE], sleeps: 4 });
  assert.deepEqual(starts, ['12:01 wild', '12:02 wild', '12:03 wild', '12:04 wild']);
  assert.equal(clock.now() % MINUTE, 0);
  assert.deepEqual(logged, []);
});

test('daemon() whose minute took too long begins the next one at once', async () => {
  const clock = new FakeClock(WINTER);
  let isFirst = true;
  const onStart = (): void => {
    if (isFirst) clock.jump(61_000);
    isFirst = false;
  };
  const { starts } = await run({ clock, tabs: [EVERY_MINUTE], sleeps: 3, onStart });
  assert.deepEqual(starts, ['12:01 wild', '12:02 wild', '12:03 wild']);
  assert.equal(clock.now(), Date.parse('2026-01-20T12:03:00Z'));
});

test('daemon() refreshes, starts, and remembers when all is started, in that order', async () => {
  const { events } = await run({ clock: new FakeClock(WINTER), tabs: [EVERY_MINUTE], sleeps: 2 });
  const minute = ['refresh', 'start wild', 'started wild', 'remember'];
  assert.deepEqual(events, [...minute, ...minute]);
});

test('daemon() starts what the refresh of that very minute has found', async () => {
  const refresh = (nth: number): readonly Tab[] => [tab(`* * * * * version-${nth}\n`)];
  const { starts } = await run({ clock: new FakeClock(WINTER), sleeps: 2, refresh });
  assert.deepEqual(starts, ['12:01 version-1', '12:02 version-2']);
});

test('daemon() starts in the order of the files and of their lines', async () => {
  const tabs = [
    tab('* * * * * c\n1 12 * * * a\n* 12 * * * b\n', 'one'),
    tab('*/1 * * * * z\n* * * * * y\n', 'two'),
  ];
  const { starts } = await run({ clock: new FakeClock(WINTER), tabs, sleeps: 1 });
  assert.deepEqual(starts, ['12:01 c a b z y']);
});

test('daemon() starts each minute of a short sleep for itself, in the order of the clock', async () => {
  const clock = new FakeClock(WINTER).during(() => clock.jump(2 * MINUTE));
  const tabs = [tab('* * * * * wild\n2 12 * * * fixed\n')];
  const { starts, logged, remembered } = await run({ clock, tabs, sleeps: 2 });
  assert.deepEqual(starts, ['12:03 wild', '12:03 wild fixed', '12:03 wild', '12:04 wild']);
  assert.deepEqual(logged, ['(CRON) INFO (woke up late: the minutes that passed are made up)']);
  assert.equal(remembered.length, 2);
});

test('daemon() after a suspend of hours runs fixed entries of the time between, and wild ones once', async () => {
  const clock = new FakeClock(WINTER).during(() => clock.jump(2 * HOUR));
  const tabs = [tab('* * * * * wild\n30 13 * * * fixed\n0 11 * * * past\n')];
  const { starts, logged } = await run({ clock, tabs, sleeps: 2 });
  assert.deepEqual(starts, ['14:01 wild', '14:01 fixed', '14:02 wild']);
  assert.deepEqual(logged, [
    '(CRON) INFO (the clock went forward: entries with a fixed time in between run now)',
  ]);
});

test('daemon() after a suspend of a night begins anew', async () => {
  const clock = new FakeClock(WINTER).during(() => clock.jump(9 * HOUR));
  const tabs = [tab('* * * * * wild\n30 13 * * * fixed\n')];
  const { starts, logged } = await run({ clock, tabs, sleeps: 2 });
  assert.deepEqual(starts, ['21:01 wild', '21:02 wild']);
  assert.deepEqual(logged, [
    '(CRON) INFO (the clock was set by more than three hours: going on from this minute)',
  ]);
});

test('daemon() skips no fixed entry when summer time begins', async () => {
  // 01:58 in winter, 03:00 two minutes later.
  const clock = new FakeClock('2026-03-29T00:58:30Z', 60);
  clock.during(undefined, () => clock.shift(60));
  const tabs = [tab('* * * * * wild\n30 2 * * * fixed\n')];
  const { starts } = await run({ clock, tabs, sleeps: 3 });
  assert.deepEqual(starts, ['01:59 wild', '03:00 wild', '03:00 fixed', '03:01 wild']);
});

test('daemon() starts no fixed entry twice when summer time ends, and wild ones in both hours', async () => {
  // 02:58 in summer, 02:00 two minutes later.
  const clock = new FakeClock('2026-10-25T00:57:30Z', 120);
  clock.during(undefined, undefined, () => clock.shift(-60));
  const tabs = [tab('*/30 * * * * wild\n59 2 * * * fixed\n1 3 * * * after\n')];
  const { starts, logged } = await run({ clock, tabs, sleeps: 3 + 62 });
  assert.deepEqual(starts, [
    '02:59 fixed',
    '02:00 wild',
    '02:30 wild',
    '03:00 wild',
    '03:01 after',
  ]);
  assert.deepEqual(logged, [
    '(CRON) INFO (the clock went back: entries with a fixed time wait until it has caught up)',
  ]);
});

test('daemon() starts wild entries once for each minute that passes when NTP sets the clock back', async () => {
  const clock = new FakeClock(WINTER).during(undefined, () => clock.jump(-90 * SECOND));
  const { starts } = await run({ clock, tabs: [EVERY_MINUTE], sleeps: 6 });
  // 12:01 has run; it is 12:00:30 again, then 12:01, which is not run twice.
  assert.deepEqual(starts, ['12:01 wild', '12:02 wild', '12:03 wild', '12:04 wild']);
});

test('daemon() loses no minute when NTP sets the clock forward', async () => {
  const clock = new FakeClock(WINTER).during(undefined, () => clock.jump(90 * SECOND));
  const { starts } = await run({ clock, tabs: [EVERY_MINUTE], sleeps: 4 });
  assert.deepEqual(
    starts.map((start) => start.slice(0, 5)),
    ['12:01', '12:03', '12:03', '12:04', '12:05'],
  );
});

test('daemon() does not run ahead when the clock is slewed by milliseconds, back and forth', async () => {
  const clock = new FakeClock(WINTER);
  const back = (): void => clock.jump(-3);
  const forth = (): void => clock.jump(3);
  clock.during(back, forth, back, forth, back, forth);
  const { starts } = await run({ clock, tabs: [EVERY_MINUTE], sleeps: 9 });
  assert.deepEqual(
    starts.map((start) => start.slice(0, 5)),
    [...new Set(starts.map((start) => start.slice(0, 5)))],
    'no minute twice',
  );
});

test('daemon() knows days, months and leap years', async () => {
  const tabs = [tab('0 0 29 2 * leap\n0 0 1 3 * march\n0 0 * * 0 sunday\n59 23 28 2 * last\n')];
  const clock = new FakeClock('2028-02-28T23:58:30Z');
  const { starts } = await run({ clock, tabs, sleeps: 2 });
  assert.deepEqual(starts, ['23:59 last', '00:00 leap']);
});

test('daemon() goes on after 2038', async () => {
  const clock = new FakeClock('2038-01-19T03:13:30Z');
  const { starts } = await run({ clock, tabs: [EVERY_MINUTE], sleeps: 2 });
  assert.deepEqual(starts, ['03:14 wild', '03:15 wild']);
});

/** What was kept when it was `minutes` ago that cron ran last. */
function keptAgo(clock: FakeClock, minutes: number, stoppedAgo: number | null): Kept {
  const { utc, local } = momentAt(clock, clock.now() - minutes * MINUTE)('');
  const lasts = { '': { wild: utc, fixed: local } };
  const stopped = stoppedAgo === null ? null : clock.now() - stoppedAgo * SECOND;
  return { lasts, ran: lasts, stopped };
}

/** How long ago cron ran last, how long ago it was stopped (null: it crashed) → how many minutes it makes up. */
const restarts: readonly (readonly [minutes: number, stopped: number | null, madeUp: number])[] = [
  [0, 10, 0],
  [0, null, 0],
  [1, 30, 1],
  [1, 60, 1],
  [1, 61, 0],
  [2, 90, 0],
  [1, null, 1],
  [4, null, 4],
  [5, null, 5],
  [6, null, 0],
  [600, null, 0],
];
for (const [minutes, stopped, madeUp] of restarts) {
  const how = stopped === null ? 'a crash' : `a stop of ${stopped} s`;
  test(`daemon() that ran ${minutes} minutes ago makes up ${madeUp} after ${how}, at once`, async () => {
    const clock = new FakeClock('2026-01-20T12:10:20Z');
    const kept = keptAgo(clock, minutes, stopped);
    const tabs = [tab('* * * * * wild\n0-59 12 * * * fixed\n')];
    const { starts } = await run({ clock, tabs, sleeps: 1, kept });
    const late = Array.from({ length: madeUp }, () => '12:10 wild fixed');
    assert.deepEqual(starts, [...late, '12:11 wild fixed']);
  });
}

test('daemon() remembers nothing of a minute during which it was told to leave', async () => {
  const end = new AbortController();
  const clock = new FakeClock(WINTER);
  const from = goOn(null, momentAt(clock, clock.now()), clock.now());
  const remembered: Lasts[] = [];
  await daemon(
    {
      clock,
      crontabs: { tabs: [EVERY_MINUTE], minute: () => Promise.resolve() },
      start: async () => end.abort(),
      firstSeen: () => 0,
      remember: (lasts) => remembered.push(lasts),
      hostname: 'host',
      log: () => {},
    },
    from,
    from,
    end.signal,
  );
  assert.deepEqual(remembered, []);
});

test('daemon() ends at once when the signal comes while it sleeps', async () => {
  const { events } = await run({ clock: new FakeClock(WINTER), tabs: [EVERY_MINUTE], sleeps: 0 });
  assert.deepEqual(events, []);
});

test('daemon() tells what the next minute will bring, in time for so much', async () => {
  const clock = new FakeClock(WINTER).miss(0, 0, -1, 0, 0, 0, 5);
  const tabs = [tab('* * * * * wild\n2 12 * * * fixed\n0 12 * * * past\n')];
  const times = (count: number): number => 500 + 1000 * count;
  const { foreseen, starts } = await run({ clock, tabs, sleeps: 6, foresight: times });
  assert.deepEqual(foreseen, [
    '12:00 wild in 1500',
    '12:01 wild fixed in 2501',
    '12:02 wild in 1500',
  ]);
  assert.deepEqual(starts, ['12:01 wild', '12:02 wild fixed', '12:03 wild']);
});

test('daemon() wakes once a minute when the next one brings nothing', async () => {
  const clock = new FakeClock(WINTER);
  const told = await run({
    clock,
    tabs: [tab('2 12 * * * job\n')],
    sleeps: 4,
    foresight: () => 100,
  });
  assert.deepEqual(told.foreseen, ['12:01 job in 100']);
  assert.equal(clock.wall(), '12:03');
});

test('daemon() tells ahead at once when there is less time than that takes', async () => {
  const clock = new FakeClock(WINTER);
  const told = await run({ clock, tabs: [EVERY_MINUTE], sleeps: 2, foresight: () => 90_000 });
  assert.deepEqual(told.foreseen, ['12:00 wild in 40000']);
  assert.deepEqual(told.starts, ['12:01 wild']);
});

test('daemon() foresees what the tables are by then, and nothing while the clock is behind', async () => {
  const clock = new FakeClock(WINTER).during(...Array.from({ length: 4 }, () => undefined), () =>
    clock.jump(-10 * MINUTE),
  );
  const tables = ['* * * * * one\n', '* * * * * two\n', '* * * * * three\n'].map((text) =>
    tab(text),
  );
  const refresh = (nth: number): readonly Tab[] => tables.slice(nth - 1, nth);
  const told = await run({ clock, tabs: [EVERY_MINUTE], sleeps: 7, refresh, foresight: () => 100 });
  assert.deepEqual(told.foreseen, ['12:00 wild in 100', '12:01 one in 100']);
  assert.deepEqual(told.starts, ['12:01 one', '12:02 two']);
});
