import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ended } from '../../src/cli/ended.ts';
import { Soonest } from '../../src/cli/soonest.ts';
import { upcoming } from '../../src/cli/upcoming.ts';
import { parseCrontab } from '../../src/core/crontab.ts';
import { offsetsOf } from '../../src/core/spans.ts';
import type { HowEnded, RunningJob } from '../../src/run/protocol.ts';
import type { Tab } from '../../src/spool/tab.ts';
import type { Clock } from '../../src/system/clock.ts';

function tabOf(label: string, text: string, user: string | null = label): Tab {
  const kind = user === null ? 'system' : 'user';
  const { entries, problems } = parseCrontab(text, { kind, owner: label, seed: '' });
  return { label, path: `/spool/${label}`, user, entries, problems };
}

const offsets = offsetsOf('Europe/Berlin');

function clockAt(text: string): { clock: Clock; set: (at: string) => void } {
  let now = Date.parse(text);
  const clock = {
    now: () => now,
    offset: (at: number, zone: string) => offsets(zone, at),
    sleep: () => Promise.resolve(),
  };
  return { clock, set: (at) => (now = Date.parse(at)) };
}

const tabs = [
  tabOf('alice', '*/10 * * * * a\n0 3 * * * b\n@yearly c\n@reboot d\n0 0 31 2 * e\n'),
  tabOf('bob', 'CRON_TZ=America/New_York\nRANDOM_DELAY=20\n30 2 * * * g\n30 2 * * * h\n'),
  tabOf('*system*', '0 4 * * * alice i\n5 * * * * carol j\n', null),
];

for (const now of ['2026-11-22T13:05:30Z', '2027-03-14T05:00Z', '2027-03-28T00:30:59Z'])
  test(`Soonest tells each entry's next start after ${now}`, async () => {
    const soonest = new Soonest({ tabs }, clockAt(now).clock, 'host');
    const from = (Math.floor(Date.parse(now) / 60_000) + 1) * 60_000;
    const [seen, expected] = [new Set(), new Array<string>()];
    for (const { at, entry } of upcoming(tabs, 'host', { from, offsets })) {
      if (!seen.has(entry)) expected.push(`${new Date(at).toISOString()} ${entry.command}`);
      seen.add(entry);
      if (seen.size === 7) break;
    }
    const found = await soonest.of(null);
    assert.deepEqual(
      found.map(({ at, entry }) => `${new Date(at).toISOString()} ${entry.command}`),
      expected,
    );
    const commands = async (user: string): Promise<string> =>
      (await soonest.of(user))
        .map(({ entry }) => entry.command)
        .toSorted()
        .join('');
    assert.deepEqual(
      [await commands('alice'), await commands('carol'), await commands('eve')],
      ['abci', 'j', ''],
    );
  });

test('Soonest looks anew after a minute, and when a crontab has changed', async () => {
  const { clock, set } = clockAt('2026-11-22T13:05:30Z');
  const crontabs = { tabs };
  const soonest = new Soonest(crontabs, clock, 'host');
  const first = await soonest.of(null);
  assert.equal(await soonest.of(null), first);
  set('2026-11-22T13:10:00Z');
  const second = await soonest.of(null);
  const times = [first, second].map(([next]) =>
    new Date(next?.at ?? 0).toISOString().slice(11, 16),
  );
  assert.deepEqual(times, ['13:10', '13:20']);
  crontabs.tabs = tabs.slice(1);
  assert.equal((await soonest.of('alice')).length, 1);
});

test('Soonest lets others have their turn while it looks at very many entries', async () => {
  const many = tabOf(
    'many',
    Array.from({ length: 10_000 }, (_, at) => `${at % 60} ${at % 24} * * * x\n`).join(''),
  );
  const soonest = new Soonest({ tabs: [many] }, clockAt('2026-11-22T13:05:30Z').clock, 'host');
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  const found = await soonest.of(null);
  clearInterval(timer);
  assert.equal(found.length, 20);
  assert.ok(turns > 1, `${turns}`);
});

function job(user: string, number: number): RunningJob {
  return { run: `${user}-${number}`, identity: 'i', user, command: 'c', since: number, pid: 1 };
}

test('Ended remembers the last jobs of each user, and those that failed for longer', () => {
  const ended = new Ended();
  const add = (user: string, at: number, how: HowEnded): void =>
    ended.add(job(user, at), how, at + 500);
  add('alice', 1, { code: 1, signal: null });
  add('alice', 2, 'not started');
  for (let at = 3; at < 30; at++) add('alice', at, { code: 0, signal: null });
  add('bob', 40, { code: null, signal: 'SIGTERM' });
  const told = ended.of('alice');
  assert.deepEqual([told.ended.length, told.ended[0]?.run], [10, 'alice-29']);
  assert.deepEqual(
    told.failures.map(({ run, result, exit }) => [run, result, exit]),
    [
      ['alice-2', 'not started', undefined],
      ['alice-1', 'failed', 1],
    ],
  );
  const { ended: all, failures } = ended.of(null);
  assert.deepEqual(all[0], {
    run: 'bob-40',
    user: 'bob',
    command: 'c',
    at: '1970-01-01T00:00:00.540Z',
    seconds: 0.5,
    result: 'failed',
    exit: null,
    signal: 'SIGTERM',
  });
  assert.deepEqual([all.length, failures.length], [10, 3]);
  assert.deepEqual(ended.of('eve'), { ended: [], failures: [] });
});

test('Ended forgets the users whose jobs ended first', () => {
  const ended = new Ended();
  for (let number = 0; number <= 500; number++)
    ended.add(job(`user${number}`, number), { code: 1, signal: null }, number);
  assert.deepEqual([ended.of('user0').ended.length, ended.of('user1').ended.length], [0, 1]);
});
