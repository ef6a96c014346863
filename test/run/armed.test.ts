/** Jobs that are ready before their minute: each runs when it is started, once, and never otherwise. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { readJournal } from '../../src/run/journal.ts';
import { Limits } from '../../src/run/limits.ts';
import type { Firing } from '../../src/run/protocol.ts';
import type { RunnerTools } from '../../src/run/runner.ts';
import { until } from '../support/wait.ts';
import { type Desk, type Place, place, takeOver } from './desk.ts';
import { firing } from './firings.ts';

/** Children of this process, in which the runner is, that wait for their minute. */
function held(): number[] {
  const children = execFileSync('ps', ['-o', 'pid=,stat=,args=', '--ppid', `${process.pid}`], {
    encoding: 'utf8',
  });
  return children
    .split('\n')
    .filter((line) => line.endsWith('/bin/sh /proc/self/fd/3') && !/^ *\d+ Z/.test(line))
    .map((line) => Number.parseInt(line, 10));
}

const nobodyIsHeld = (): Promise<true> => until('no job is held back', () => held().length === 0);

interface Stage {
  readonly here: Place;
  readonly desk: Desk;
  /** A job that notes its pid, and what it reads, in a file of its run's name. */
  readonly job: (run: string, changed?: Partial<Firing>) => Firing;
  readonly noted: (run: string) => string;
  /** Have jobs armed, and wait until they are. */
  readonly arm: (firings: readonly Firing[], within?: number) => Promise<number[]>;
}

async function stage(t: TestContext, changed: Partial<RunnerTools> = {}): Promise<Stage> {
  const here = place(t);
  await here.run('r', changed);
  const desk = await takeOver(here.socket('r'));
  const file = (run: string): string => join(here.folder, `${run}.noted`);
  return {
    here,
    desk,
    job: (run, more = {}) =>
      firing(run, { command: `{ echo $$; cat; } >> ${file(run)}; echo done`, ...more }),
    noted: (run) => (existsSync(file(run)) ? readFileSync(file(run), 'utf8') : ''),
    async arm(firings, within = 60_000) {
      const before = held().length;
      desk.say({ order: 'arm', firings, within });
      await until('they are held back', () => held().length === before + firings.length);
      return held();
    },
  };
}

test('Runner lets armed jobs go when they are started, each in the process that waited for it', async (t) => {
  const { here, desk, job, noted, arm } = await stage(t);
  const firings = [job('one'), job('two', { stdin: 'first\nsecond' }), job('three', { stdin: '' })];
  const pids = await arm(firings);
  assert.deepEqual(here.journal('r').length, 1, 'nothing is in the journal yet');
  assert.deepEqual(firings.map(({ run }) => noted(run)).join(''), '');
  desk.say({ order: 'start', firings, busy: [] });
  await desk.hears('ended', 3);
  await until('three mails', () => here.posted.length === 3);
  const [one, two, three] = firings.map(({ run }) => noted(run).split('\n'));
  assert.deepEqual(
    [one, two, three],
    [
      [one?.[0], ''],
      [two?.[0], 'first', 'second'],
      [three?.[0], ''],
    ],
  );
  assert.deepEqual(
    [one, two, three].map((lines) => Number(lines?.[0])).toSorted((a, b) => a - b),
    pids.toSorted((a, b) => a - b),
  );
  assert.deepEqual(
    here.posted.map(({ body }) => body),
    ['done\n', 'done\n', 'done\n'],
  );
  assert.deepEqual(readJournal(here.journalFile('r')).open, []);
});

test('Runner starts others as ever, and the armed one that nobody starts ends without a trace', async (t) => {
  const { here, desk, job, noted, arm } = await stage(t);
  await arm([job('armed')], 100);
  desk.say({ order: 'start', firings: [job('other')], busy: [] });
  await desk.hears('ended');
  await nobodyIsHeld();
  assert.equal(noted('armed'), '');
  assert.notEqual(noted('other'), '');
  // What is started after all starts all the same.
  desk.say({ order: 'start', firings: [job('armed')], busy: [] });
  await desk.hears('ended', 2);
  assert.match(noted('armed'), /^\d+\n$/);
  assert.deepEqual(
    here.logged.filter((line) => line.includes('ERROR')),
    [],
  );
});

test('Runner has a hundred jobs wait as the shells that they are, and each ends as any other', async (t) => {
  const { here, desk, job, noted } = await stage(t);
  const many = Array.from({ length: 100 }, (_, n) => job(`run${n}`));
  const odd = [
    job('mistaken', { command: 'if' }),
    job('status', { command: 'exit 3' }),
    job('input', { stdin: 'first\nsecond' }),
    job('bash', { command: 'echo $0', environment: [['SHELL', '/bin/bash']] }),
  ];
  const firings = [...many, ...odd];
  desk.say({ order: 'arm', firings, within: 60_000 });
  const crowd = (): string[] =>
    execFileSync('ps', ['-o', 'args=', '--ppid', `${process.pid}`], { encoding: 'utf8' })
      .split('\n')
      .filter((line) => line.startsWith('/bin/sh -c . /proc/self/fd/3; '));
  // Who is mistaken has ended; bash waits as ever.
  await until('they wait', () => crowd().length === firings.length - 2 && held().length === 1);
  assert.equal(firings.map(({ run }) => noted(run)).join(''), '', 'nothing has run');
  desk.say({ order: 'start', firings, busy: [] });
  await desk.hears('ended', firings.length);
  await until('their mails', () => here.posted.length === firings.length - 1);
  for (const { run } of many) assert.match(noted(run), /^\d+\n$/);
  assert.match(noted('input'), /^\d+\nfirst\nsecond$/);
  const bodies = here.posted.map(({ body }) => body);
  assert.equal(bodies.filter((body) => body === 'done\n').length, 101);
  assert.ok(bodies.includes('/bin/bash\n'));
  assert.ok(
    bodies.includes('/bin/sh: 1: Syntax error: end of file unexpected (expecting "then")\n'),
  );
  const codeOf = (run: string): unknown =>
    desk.heard.flatMap((word) =>
      word.word === 'ended' && word.run === run ? [word.exit?.code] : [],
    )[0];
  assert.deepEqual(['run0', 'mistaken', 'status'].map(codeOf), [0, 2, 3]);
  assert.deepEqual(readJournal(here.journalFile('r')).open, []);
});

const LEAVING: Record<string, (set: Stage) => unknown> = {
  'its scheduler is gone': ({ desk }) => desk.socket.destroy(),
  'it drains': ({ desk }) => desk.say({ order: 'drain' }),
  'it is stopped': ({ desk }) => desk.say({ order: 'stop', grace: 100 }),
  'another scheduler leaves it': async ({ here }) =>
    (await takeOver(here.socket('r'))).socket.destroy(),
};
for (const [what, leave] of Object.entries(LEAVING))
  test(`Runner drops armed jobs when ${what}`, async (t) => {
    const set = await stage(t);
    await set.arm([set.job('one'), set.job('two')]);
    await leave(set);
    await nobodyIsHeld();
    assert.equal(set.noted('one') + set.noted('two'), '');
  });

test('Runner starts a job whose process was ended while it was held back, once', async (t) => {
  const { here, desk, job, noted, arm } = await stage(t);
  const firings = [job('killed'), job('stopped', { stdin: 'input' })];
  for (const pid of await arm(firings)) process.kill(pid, 'SIGKILL');
  // At this moment the runner may know of it or not.
  desk.say({ order: 'start', firings, busy: [] });
  await until('both mails', () => here.posted.length === 2);
  assert.match(noted('killed'), /^\d+\n$/);
  assert.match(noted('stopped'), /^\d+\ninput$/);
  assert.deepEqual(
    here.posted.map(({ body }) => body),
    ['done\n', 'done\n'],
  );
});

test('Runner arms no more than could run, and lets wait who has to', async (t) => {
  const { here, desk, job, noted, arm } = await stage(t, { limits: { all: 2, perUser: 2 } });
  const firings = ['one', 'two', 'three'].map((run) =>
    job(run, { command: `sleep 0.3; echo ${run}` }),
  );
  const two = firings.slice(0, 2);
  await arm(two);
  desk.say({ order: 'arm', firings, within: 60_000 }, { order: 'arm', firings, within: 60_000 });
  desk.say({ order: 'start', firings: firings.toReversed(), busy: [] });
  await until('all mails', () => here.posted.length === 3);
  await nobodyIsHeld();
  assert.deepEqual(noted('one'), '');
  assert.deepEqual(
    new Set(here.posted.map(({ body }) => body)),
    new Set(['one\n', 'two\n', 'three\n']),
  );
});

test('Runner has those ready who wait for a place, and drops them when it is stopped', async (t) => {
  const { here, desk, job, noted, arm } = await stage(t, { limits: { all: 3, perUser: 2 } });
  const firings = ['one', 'two', 'three'].map((run) => job(run));
  const pids = await arm(firings);
  desk.say({ order: 'start', firings, busy: [] });
  await until('all mails', () => here.posted.length === 3);
  const ran = firings.map(({ run }) => Number.parseInt(noted(run), 10));
  assert.deepEqual(
    ran.toSorted((a, b) => a - b),
    pids.toSorted((a, b) => a - b),
  );
  const long = { command: 'exec sleep 60' };
  const more = [job('long', long), job('longer', long), job('four')];
  await arm(more);
  desk.say({ order: 'start', firings: more, busy: [] }, { order: 'stop', grace: 100 });
  await until('they are told of', () => here.posted.length === 6);
  assert.equal(noted('four'), '');
  assert.equal(held().length, 0);
});

test('Runner holds back no job that queues behind another', async (t) => {
  const { here, desk, job, arm } = await stage(t);
  const queued = { identity: 'entry', overlap: 'queue' } as const;
  const first = job('first', { ...queued, command: 'sleep 0.5; echo first' });
  const second = job('second', { ...queued, command: 'echo second' });
  await arm([first, second]);
  desk.say({ order: 'start', firings: [first], busy: [] });
  await desk.hears('started');
  desk.say({ order: 'start', firings: [second], busy: [] });
  await until('it is held back no more', () => held().length === 0);
  await until('both mails', () => here.posted.length === 2);
  assert.deepEqual(
    here.posted.map(({ body }) => body),
    ['first\n', 'second\n'],
  );
});

test('Limits.fit() tells who would have a place', () => {
  const limits = new Limits({ all: 4, perUser: 2 });
  limits.started('a');
  const firings = Array.from('aabbbcc', (user, n) => firing(`${n}`, { user }));
  assert.deepEqual(
    limits.fit(firings).map(({ user }) => user),
    ['a', 'b', 'b'],
  );
  limits.wait(firing('w', { user: 'b' }));
  assert.deepEqual(
    limits.fit(firings).map(({ user }) => user),
    ['a', 'c', 'c'],
  );
  const roomy = new Limits({ all: 7, perUser: 2 });
  roomy.started('a');
  assert.deepEqual(
    roomy.fit(firings).map(({ user }) => user),
    ['a', 'b', 'b', 'c', 'c', 'a'],
    'who waits for a place of theirs comes last',
  );
  const one = new Limits({ all: 100, perUser: 2 });
  const many = Array.from('aaaaaaab', (user, n) => firing(`${n}`, { user }));
  assert.deepEqual(
    one.fit(many).map(({ user }) => user),
    ['a', 'a', 'b', 'a', 'a'],
    'nobody has more than as many again',
  );
});
