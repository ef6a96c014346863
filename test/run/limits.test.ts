/** Jobs beyond the limits: they wait in order, hold up nobody else, and none is lost. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { readJournal } from '../../src/run/journal.ts';
import { type JobLimits, Limits } from '../../src/run/limits.ts';
import type { Firing } from '../../src/run/protocol.ts';
import type { RunnerTools } from '../../src/run/runner.ts';
import { systemUsers } from '../../src/system/users.ts';
import { until } from '../support/wait.ts';
import { type Place, place, takeOver } from './desk.ts';
import { firing } from './firings.ts';
import { self } from './started.ts';

/** Words such as `a+ b? a-`: a job of `a` starts, one of `b` would like to, one of `a` ends; who is next each time. */
const STORIES: Record<string, [limits: JobLimits, story: string, next: string]> = {
  'nobody, below all limits': [{ all: 3, perUser: 2 }, 'a+ b+', ''],
  'whoever came first': [{ all: 2, perUser: 2 }, 'a+ b+ c? d? a-', 'c'],
  'the user with the fewest jobs': [{ all: 3, perUser: 3 }, 'a+ a+ b+ a? b? c? a- b-', 'c b'],
  'no one past a limit of their own': [{ all: 9, perUser: 1 }, 'a+ b+ a? b? b-', 'b'],
  'another user, while one is at the limit': [{ all: 2, perUser: 1 }, 'a+ b+ a? c? b-', 'c'],
  'as many as places are free': [{ all: 3, perUser: 3 }, 'a+ a+ a+ b? b? b? b? a- a-', 'b b'],
  'nobody, while other runners take the places': [{ all: 2, perUser: 2 }, 'a@2 b?', ''],
  'who waits, when other runners have ended theirs': [{ all: 2, perUser: 2 }, 'a@2 b? a@1', 'b'],
  'nobody of a user who is at the limit elsewhere': [{ all: 9, perUser: 2 }, 'a@2 a? b@1', 'a'],
};

for (const [who, [limits, story, expected]] of Object.entries(STORIES))
  test(`Limits.next() is ${who}: ${story}`, () => {
    const places = new Limits(limits);
    const next: string[] = [];
    for (const [index, word] of story.split(' ').entries()) {
      const [user = '', what, count] = word;
      if (what === '+') places.started(user);
      else if (what === '-') places.ended(user);
      else if (what === '@') places.elsewhere([[user, Number(count)]]);
      else {
        assert.notEqual(places.reached(user), null, `${word} has to wait`);
        assert.ok(places.wait(firing(`${index}`, { user })));
      }
      for (let one = places.next(); one !== null; one = places.next()) {
        next.push(one.user);
        places.started(one.user);
      }
    }
    assert.equal(next.join(' '), expected);
  });

test('Limits.reached() lets nobody overtake a job of the same user', () => {
  const places = new Limits({ all: 1, perUser: 5 });
  places.started('a');
  assert.equal(places.reached('b'), '1 job is running');
  assert.ok(places.wait(firing('1', { user: 'b' })));
  places.ended('a');
  assert.notEqual(places.reached('b'), null);
  assert.equal(places.next()?.run, '1');
  assert.equal(places.reached('b'), null);
});

test('Limits lets a hundred of one entry wait, and ten thousand of one user', () => {
  const places = new Limits({ all: 1, perUser: 1 });
  const entry = Array.from({ length: 101 }, (_, n) =>
    places.wait(firing(`${n}`, { identity: 'e' })),
  );
  assert.deepEqual([entry.lastIndexOf(true), entry.indexOf(false)], [99, 100]);
  const user = Array.from({ length: 9_901 }, (_, n) => places.wait(firing(`entry-${n}`)));
  assert.deepEqual([user.lastIndexOf(true), user.indexOf(false)], [9899, 9900]);
  assert.ok(places.wait(firing('other', { user: 'somebody-else' })));
  assert.equal(places.size, 10_001);
});

/** People of this test, who are all the user that runs it. */
const people: Partial<RunnerTools> = {
  users: {
    find: (name) =>
      /^[a-z]$/.test(name) ? Promise.resolve({ ...self, name }) : systemUsers().find(name),
  },
};

interface Stage {
  readonly here: Place;
  /** A job that notes that it begins, and ends when it is told to. */
  readonly job: (run: string, user: string, changed?: Partial<Firing>) => Firing;
  readonly end: (run: string) => void;
  readonly begun: (run: string) => boolean;
}

function stage(t: TestContext): Stage {
  const runs: string[] = [];
  // Before the place waits for its runners: jobs of a test that failed have to end too.
  t.after(() => runs.forEach(end));
  const here = place(t);
  const file = (run: string, what: string): string => join(here.folder, `${run}.${what}`);
  const end = (run: string): void => writeFileSync(file(run, 'end'), '');
  return {
    here,
    job(run, user, changed = {}) {
      runs.push(run);
      const command = `: > ${file(run, 'begun')}; until test -e ${file(run, 'end')}; do sleep 0.05; done`;
      return firing(run, { user, command, ...changed });
    },
    end,
    begun: (run) => existsSync(file(run, 'begun')),
  };
}

test('Runner lets wait what is over a limit, says so once, and holds up nobody else', async (t) => {
  const { here, job, end, begun } = stage(t);
  await here.run('r', { ...people, limits: { all: 3, perUser: 2 } });
  const desk = await takeOver(here.socket('r'));
  const firings = ['a1 a', 'a2 a', 'a3 a', 'b1 b', 'b2 b', 'c1 c']
    .map((words) => words.split(' '))
    .map(([run = '', user = '']) => job(run, user));
  desk.say({ order: 'start', firings, busy: [] });
  await until('three run', () => ['a1', 'a2', 'b1'].every(begun));
  const waiting = (): string[] =>
    desk.heard.flatMap((word) =>
      word.word === 'started' && word.job.waiting === true ? [word.job.run] : [],
    );
  await until('it is said who waits', () => waiting().length === 3);
  assert.deepEqual(waiting(), ['a3', 'b2', 'c1']);
  const waits = here.logged.flatMap((line) => line.match(/^.*?, this one waits/) ?? []);
  assert.deepEqual(waits, [
    '(a) INFO (2 jobs of a are running, this one waits',
    '(b) INFO (3 jobs are running, this one waits',
    '(c) INFO (3 jobs are running, this one waits',
  ]);
  const open = (): string[] =>
    readJournal(here.journalFile('r')).open.flatMap((run) => (run.waiting ? [run.firing.run] : []));
  assert.deepEqual(open(), ['a3', 'b2', 'c1'], 'its journal has them as waiting');
  end('a1');
  await until('c has no job yet and is next', () => begun('c1'));
  assert.ok(!begun('a3') && !begun('b2'));
  end('a2');
  await until('then a, who came before b', () => begun('a3'));
  assert.deepEqual(open(), ['b2']);
  for (const run of ['a3', 'b1', 'b2', 'c1']) end(run);
  await desk.hears('ended', 6);
  assert.ok(begun('b2'));
});

test('Runner that drains starts those that wait for a place, and ends after the last', async (t) => {
  const { here, job, end, begun } = stage(t);
  const runner = await here.run('r', { ...people, limits: { all: 1, perUser: 1 } });
  const desk = await takeOver(here.socket('r'));
  const firings = ['one', 'two', 'three'].map((run) => job(run, 'a'));
  desk.say({ order: 'start', firings, busy: [] }, { order: 'drain' });
  for (const run of ['one', 'two', 'three']) {
    await until(`${run} runs`, () => begun(run));
    end(run);
  }
  await runner.ended;
  assert.deepEqual(readJournal(here.journalFile('r')).open, []);
});

test('Runner counts the jobs of other runners, as long as a scheduler tells it', async (t) => {
  const { here, job, begun, end } = stage(t);
  await here.run('r', { ...people, limits: { all: 3, perUser: 2 } });
  const desk = await takeOver(here.socket('r'));
  desk.say(
    { order: 'elsewhere', counts: [['a', 2]] },
    { order: 'start', firings: [job('a1', 'a'), job('b1', 'b')], busy: [] },
  );
  await until('b has a place', () => begun('b1'));
  assert.ok(!begun('a1'));
  desk.say({ order: 'elsewhere', counts: [['a', 1]] });
  await until('a has one', () => begun('a1'));
  for (const run of ['a1', 'b1']) end(run);
  await desk.hears('ended', 2);
  desk.say(
    { order: 'elsewhere', counts: [['a', 3]] },
    { order: 'start', firings: [job('c1', 'c')], busy: [] },
  );
  await until('c waits', () => here.logged.some((line) => line.startsWith('(c) INFO (3 jobs')));
  end('c1');
  desk.socket.destroy();
  await until('nobody tells of others any more', () => begun('c1'));
});

test('Runner keeps the order of an entry that queues and is over a limit', async (t) => {
  const { here, job, begun, end } = stage(t);
  await here.run('r', { ...people, limits: { all: 1, perUser: 1 } });
  const desk = await takeOver(here.socket('r'));
  const queued = { identity: 'entry', overlap: 'queue' } as const;
  const firings = [job('other', 'b'), job('one', 'a', queued), job('two', 'a', queued)];
  desk.say({ order: 'start', firings, busy: [] });
  await until('the other runs', () => begun('other'));
  end('other');
  await until('the first one runs', () => begun('one'));
  assert.ok(!begun('two'));
  end('one');
  await until('the second one runs', () => begun('two'));
  end('two');
  await desk.hears('ended', 3);
  const lines = here.journal('r').flatMap((line) => ('begin' in line ? [line.begin] : []));
  assert.deepEqual(lines, ['one', 'two']);
});
