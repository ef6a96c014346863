/** The scheduler's side: whatever became of runners before, every firing starts once and every lost one is told of once. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createJournal, type JournalLine, readJournal } from '../../src/run/journal.ts';
import { type Firing, listenTo, type Order, say } from '../../src/run/protocol.ts';
import { openRunners, type Runners } from '../../src/run/runners.ts';
import { until } from '../support/wait.ts';
import { place, type Place } from './desk.ts';
import { firing } from './firings.ts';

const job = (name: string, command = `echo ${name}`, changed: Partial<Firing> = {}): Firing =>
  firing(name, { command, ...changed });

interface Scheduler {
  readonly runners: Runners;
  /** Names of the runners that it has started. */
  readonly started: string[];
  /** It leaves. */
  readonly leave: () => Promise<void>;
}

/** A scheduler whose runners are in this process, or what `fork` makes of them. */
async function schedule(
  t: TestContext,
  here: Place,
  fork: (id: string) => Promise<unknown> = (id) => here.run(id),
  mailed: readonly string[] = [],
): Promise<Scheduler> {
  const started: string[] = [];
  const end = new AbortController();
  const runners = await openRunners({
    onPosted: () => here.logged.push('posted'),
    mailed: () => new Set(mailed),
    journals: here.folder,
    sockets: here.folder,
    outputs: here.folder,
    async fork(id) {
      await fork(id);
      started.push(id);
    },
    log: (who, event, detail) => here.logged.push(`(${who}) ${event} (${detail})`),
    signal: end.signal,
  });
  t.after(() => runners.close());
  return { runners, started, leave: () => runners.close() };
}

/** Write the journal of a runner that is dead; older ones have lower numbers. */
function dead(here: Place, number: number, lines: readonly JournalLine[]): string {
  const file = here.journalFile(`0${number}-1`);
  const journal = createJournal(file, (trouble) => assert.fail(trouble));
  journal.write([{ runner: 'dead', pid: 1, started: 1 }, ...lines]);
  journal.close();
  return file;
}

const fire = (name: string, changed: Partial<Firing> = {}): JournalLine => ({
  fire: job(name, `echo ${name}`, changed),
  at: 1,
});

/** Somebody takes each mail at the second try. */
const again = (here: Place) => (mail: { readonly run: string }) =>
  here.posted.filter(({ run }) => run === mail.run).length > 1;

const bodies = (here: Place): string[] => here.posted.map(({ run }) => run).toSorted();

test('Runners hands firings to a runner, and returns when they are recorded', async (t) => {
  const here = place(t);
  const { runners, started } = await schedule(t, here);
  const [id = ''] = started;
  await runners.start([job('a', 'sleep 0.3; echo a'), job('b')]);
  assert.deepEqual(readJournal(here.journalFile(id)).keys, ['a@1', 'b@1']);
  assert.ok(runners.isRunning('a'));
  await until('both are mailed', () => here.posted.length === 2);
  await until('neither is running', () => !runners.isRunning('a') && runners.jobs.length === 0);
});

test('Runners returns at once when there is nothing to start', async (t) => {
  const { runners } = await schedule(t, place(t));
  await runners.start([]);
});

test('Runners does not start what a dead runner has recorded', async (t) => {
  const here = place(t);
  dead(here, 1, [
    fire('a'),
    { end: 'a', exit: { code: 0, signal: null }, bytes: 0 },
    { done: 'a' },
  ]);
  const { runners } = await schedule(t, here);
  await runners.start([job('a', 'echo again', { run: 'another' }), job('b')]);
  await until('b is mailed', () => here.posted.length === 1);
  assert.deepEqual(bodies(here), ['b']);
});

test('Runners reports what a dead runner has left, once for all schedulers to come', async (t) => {
  const here = place(t);
  const file = dead(here, 1, [fire('a'), fire('b'), { done: 'b' }]);
  writeFileSync(here.outputFile('a'), 'captured\n');
  writeFileSync(here.socket('01-1'), ''); // as good as the socket that it left
  const first = await schedule(t, here);
  await until('it is mailed', () => here.posted.length === 1);
  assert.match(here.posted[0]?.body ?? '', /its outcome is unknown[^]*captured\n$/);
  await until('it is settled', () => readJournal(file).open.length === 0);
  assert.ok(!existsSync(here.socket('01-1')));
  await first.leave();
  await schedule(t, here);
  await pause(50);
  assert.equal(here.posted.length, 1);
});

test('Runners reports nothing whose mail is in the outbox, though its runner could not say so', async (t) => {
  const here = place(t);
  const file = dead(here, 1, [fire('a'), fire('b')]);
  writeFileSync(here.outputFile('a'), 'mailed\n');
  await schedule(t, here, undefined, ['a']);
  await until('b is told of', () => here.posted.length === 1);
  assert.deepEqual(bodies(here), ['b']);
  await until('its output is gone', () => !existsSync(here.outputFile('a')));
  await until('the journal knows', () => readJournal(file).open.length === 0);
  await until('both are recorded', () => here.records().length === 2);
  assert.deepEqual(
    here
      .records()
      .map(({ run, outcome, mail }) => `${run} ${outcome} ${mail}`)
      .toSorted(),
    ['a unknown outbox', 'b unknown none'],
  );
});

test('Runners passes on that a runner has posted a mail', async (t) => {
  const here = place(t);
  await schedule(t, here, async (id) => {
    const runner = await here.run(id);
    const posting = setInterval(() => runner.posted(), 20); // it is heard from when it is taken over
    t.after(() => clearInterval(posting));
  });
  await until('the word is there', () => here.logged.includes('posted'));
});

test('Runners reports a run once that two dead runners have left', async (t) => {
  const here = place(t);
  // The second was told of it, and recorded it, before the scheduler could note so.
  const files = [dead(here, 1, [fire('a')]), dead(here, 2, [fire('a')])];
  await schedule(t, here);
  await until('both are settled', () => files.every((file) => readJournal(file).open.length === 0));
  await until('it is mailed', () => here.posted.length > 0);
  assert.deepEqual(bodies(here), ['a']);
});

test('Runners reports nothing that a second runner has mailed since', async (t) => {
  const here = place(t);
  const file = dead(here, 1, [fire('a')]);
  dead(here, 2, [fire('a'), { done: 'a' }]);
  await schedule(t, here);
  await until('it is settled', () => readJournal(file).open.length === 0);
  assert.deepEqual(here.posted, []);
});

test('Runners removes output that a dead runner had mailed, and none that is still needed', async (t) => {
  const here = place(t);
  dead(here, 1, [fire('mailed'), { done: 'mailed' }, fire('handed'), { handed: 'handed' }]);
  dead(here, 2, [fire('handed'), fire('open')]);
  for (const run of ['mailed', 'handed', 'open', 'unknown'])
    writeFileSync(here.outputFile(run), `output of ${run}\n`);
  await schedule(t, here);
  await until('both are mailed', () => here.posted.length === 2);
  assert.ok(here.posted.every(({ run, body }) => body.endsWith(`output of ${run}\n`)));
  await until('they are removed', () => !existsSync(here.outputFile('open')));
  assert.ok(!existsSync(here.outputFile('mailed')));
  assert.ok(existsSync(here.outputFile('unknown')), 'what it does not know is not its own');
});

test('Runners starts once what waited for its turn in a dead runner', async (t) => {
  const here = place(t);
  const file = dead(here, 1, [fire('a', { overlap: 'queue' }), { wait: 'a' }]);
  await schedule(t, here);
  await until('it ran', () => here.posted.length === 1);
  assert.equal(here.posted[0]?.body, 'a\n');
  await until('it is settled', () => readJournal(file).open.length === 0);
});

test('Runners goes on with journals that are cut short, full of zeroes or empty', async (t) => {
  const here = place(t);
  appendFileSync(dead(here, 1, [fire('a')]), '{"fire":{"key":"b@1","run":"b"');
  appendFileSync(dead(here, 2, [fire('c')]), '\0'.repeat(512));
  writeFileSync(here.journalFile('03-1'), '', { mode: 0o600 });
  const { runners } = await schedule(t, here);
  await runners.start([job('a'), job('b'), job('c')]);
  await until('all are told of', () => here.posted.length === 3);
  assert.deepEqual(bodies(here), ['a', 'b', 'c']);
});

test('Runners goes on past a journal that cannot be read, and says so', async (t) => {
  const here = place(t);
  mkdirSync(here.journalFile('01-1'));
  const { runners } = await schedule(t, here);
  await runners.start([job('a')]);
  await until('a is mailed', () => here.posted.length === 1);
  assert.match(here.logged.join('\n'), /^\(CRON\) ERROR \(journal ".*01-1\.journal": .*\)$/m);
});

test('Runners removes the journals of ended runners when nothing looks so far back any more', async (t) => {
  const here = place(t);
  const [old, young] = [dead(here, 1, [fire('a'), { done: 'a' }]), dead(here, 2, [])];
  const open = dead(here, 3, [fire('c')]);
  const long = new Date(Date.now() - 2 * 3_600_000);
  for (const file of [old, open]) utimesSync(file, long, long);
  const { runners } = await schedule(t, here);
  assert.deepEqual(
    [old, young, open].map((file) => existsSync(file)),
    [false, true, true],
  );
  await runners.start([job('a', 'echo again')]);
  await until('c is told of', () => bodies(here).includes('c'));
  assert.deepEqual(bodies(here), ['c'], 'what it had recorded counts a last time');
});

test('Runners takes over the living runner of a scheduler that died', async (t) => {
  const here = place(t);
  const first = await schedule(t, here);
  await first.runners.start([job('a', 'sleep 0.5; echo a')]);
  await until('it is running', () => first.runners.jobs.some(({ pid }) => pid > 0));
  const [former = ''] = first.started;
  await first.leave();

  const second = await schedule(t, here);
  assert.ok(second.runners.isRunning('a'), 'its jobs count');
  await second.runners.start([job('a', 'echo again', { run: 'again' }), job('b')]);
  await until('all is mailed', () => here.posted.length === 2);
  assert.deepEqual(bodies(here), ['a', 'b']);
  await until('it has ended', () => !existsSync(here.socket(former)));
  await until('nothing runs', () => second.runners.jobs.length === 0);
});

test('Runners reports what a runner that drains could not get rid of, when it has ended', async (t) => {
  const here = place(t);
  here.take = again(here);
  const first = await schedule(t, here);
  await first.runners.start([job('a', 'sleep 0.3; echo a'), job('b', 'sleep 0.3; echo b')]);
  await first.leave();
  await schedule(t, here);
  await until('both are tried twice, by one and by the other', () => here.posted.length === 4);
  await pause(50);
  assert.deepEqual(bodies(here), ['a', 'a', 'b', 'b']);
  assert.match(
    here.posted[3]?.body ?? '',
    /^cron: the process that watched this job died; it succeeded\.\n\n[ab]\n$/,
  );
});

test('Runners hands on once what two runners leave at the same time', async (t) => {
  const here = place(t);
  here.take = again(here);
  for (const name of ['a', 'b', 'c']) {
    const { runners, leave } = await schedule(t, here);
    await runners.start([
      job(name, `while ! test -e ${here.folder}/go; do sleep 0.02; done; echo ${name}`),
    ]);
    await leave();
  }
  await schedule(t, here);
  writeFileSync(join(here.folder, 'go'), '');
  await until('all are tried twice', () => here.posted.length >= 6);
  await pause(100);
  assert.deepEqual(bodies(here), ['a', 'a', 'b', 'b', 'c', 'c']);
});

/** A runner that does what a test tells it with the orders to start, and then is gone. */
async function mortal(
  here: Place,
  id: string,
  act: (order: Order, its: Mortal) => void,
): Promise<void> {
  const journal = createJournal(here.journalFile(id), (trouble) => assert.fail(trouble));
  journal.write([{ runner: id, pid: process.pid, started: 0 }]);
  const server = createServer((socket) => {
    socket.on('error', () => {});
    listenTo(socket, (order) => {
      if (!('order' in order)) return;
      if (order.order === 'take') return say(socket, { word: 'taken', running: [] });
      act(order, {
        socket,
        record: (lines) => journal.write(lines),
        die() {
          journal.close();
          server.close();
          socket.destroy();
        },
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(here.socket(id), resolve));
}

interface Mortal {
  readonly socket: Socket;
  readonly record: (lines: readonly JournalLine[]) => void;
  readonly die: () => void;
}

/** Hand `a` over to a runner that dies of it; another one follows. */
async function dying(
  t: TestContext,
  act: (firings: readonly Firing[], its: Mortal) => void,
): Promise<Place> {
  const here = place(t);
  let forks = 0;
  const { runners } = await schedule(t, here, (id) =>
    forks++ > 0
      ? here.run(id)
      : mortal(here, id, (order, its) => {
          if (order.order === 'start') act(order.firings, its);
        }),
  );
  await runners.start([job('a')]);
  await runners.start([job('z')]);
  await until('z is mailed', () => bodies(here).includes('z'));
  assert.ok(here.logged.includes('(CRON) ERROR (the runner is gone: another one is started)'));
  assert.equal(readdirSync(here.folder).filter((name) => name.endsWith('.sock')).length, 1);
  return here;
}

test('Runners starts by another runner what the dead one had not recorded', async (t) => {
  const here = await dying(t, (_, { die }) => die());
  await until('a is mailed too', () => bodies(here).length === 2);
  assert.deepEqual(bodies(here), ['a', 'z']);
  assert.equal(here.posted.find(({ run }) => run === 'a')?.body, 'a\n');
});

test('Runners reports what the dead one had recorded, whether it could say so or not', async (t) => {
  for (const says of [true, false]) {
    const here = await dying(t, (firings, { record, socket, die }) => {
      record(firings.map((each) => ({ fire: each, at: 1 })));
      if (says) say(socket, { word: 'recorded', runs: firings.map(({ run }) => run) });
      setImmediate(die);
    });
    assert.deepEqual(bodies(here), ['a', 'z']);
    assert.match(here.posted.find(({ run }) => run === 'a')?.body ?? '', /outcome is unknown/);
  }
});

test('Runners does not start again what the dead one had done, though it could not say so', async (t) => {
  const here = await dying(t, (firings, { record, die }) => {
    record(firings.flatMap((each) => [{ fire: each, at: 1 }, { done: each.run }]));
    die();
  });
  assert.deepEqual(bodies(here), ['z']);
});

test('Runners hands on what it left to a runner that died before it had recorded it', async (t) => {
  const here = place(t);
  const file = dead(here, 1, [fire('a')]);
  let forks = 0;
  await schedule(t, here, (id) =>
    forks++ > 0 ? here.run(id) : mortal(here, id, (_, { die }) => die()),
  );
  await until('it is mailed', () => here.posted.length === 1);
  await until('it is settled', () => readJournal(file).open.length === 0);
  assert.deepEqual(bodies(here), ['a']);
});

test('Runners reports once what it left to a runner that recorded it and died', async (t) => {
  const here = place(t);
  dead(here, 1, [fire('a')]);
  let forks = 0;
  await schedule(t, here, (id) =>
    forks++ > 0
      ? here.run(id)
      : mortal(here, id, (order, { record, die }) => {
          if (order.order !== 'report') return;
          record(order.lost.map((run) => ({ fire: run.firing, at: 1 })));
          die();
        }),
  );
  await until('it is mailed', () => here.posted.length > 0);
  await pause(50);
  assert.deepEqual(bodies(here), ['a']);
});

test('Runners begins a new journal, with a new runner, when the old one has grown', async (t) => {
  const here = place(t);
  const { runners, started } = await schedule(t, here);
  const [first = ''] = started;
  await runners.start([job('long', 'sleep 0.5; echo long')]);
  appendFileSync(here.journalFile(first), `${' '.repeat(16 * 1024 * 1024)}\n`);
  await runners.start([job('b')]);
  assert.equal(started.length, 2);
  assert.ok(runners.isRunning('long'));
  await runners.start([job('c')]);
  await until('all is mailed', () => here.posted.length === 3);
  await until('the first has ended', () => !existsSync(here.socket(first)));
  assert.deepEqual(readJournal(here.journalFile(started[1] ?? '')).keys, ['c@1']);
});

test('Runners tries again when no runner can be started, and what waits is started then', async (t) => {
  const here = place(t);
  let failures = 2;
  const { runners } = await schedule(t, here, (id) =>
    failures-- > 0 ? Promise.reject(new Error('no more processes')) : here.run(id),
  );
  await runners.start([job('a')]);
  await until('a is mailed', () => here.posted.length === 1);
  assert.deepEqual(here.logged, [
    '(CRON) ERROR (cannot start a runner: no more processes; next try in 0.1 s)',
    '(CRON) ERROR (cannot start a runner: no more processes; next try in 0.2 s)',
  ]);
});

test('Runners lets a scheduler leave that cannot start a runner', async (t) => {
  const here = place(t);
  const end = new AbortController();
  const opening = openRunners({
    onPosted: () => {},
    mailed: () => new Set(),
    journals: here.folder,
    sockets: here.folder,
    outputs: here.folder,
    fork: () => Promise.reject(new Error('no more processes')),
    log: (who, event, detail) => here.logged.push(`(${who}) ${event} (${detail})`),
    signal: end.signal,
  });
  await until('it has tried', () => here.logged.length > 0);
  end.abort();
  const runners = await opening;
  await runners.start([job('a')]);
  await runners.close();
});

test('Runners that leaves while a runner starts lets it go too', async (t) => {
  const here = place(t);
  const end = new AbortController();
  const opening = openRunners({
    onPosted: () => {},
    mailed: () => new Set(),
    journals: here.folder,
    sockets: here.folder,
    outputs: here.folder,
    async fork(id) {
      const runner = await here.run(id);
      end.abort();
      void runner.ended.then(() => here.logged.push('ended'));
    },
    log: () => {},
    signal: end.signal,
  });
  const runners = await opening;
  await runners.close();
  await until('it has ended', () => here.logged.length > 0);
});

test('Runners leaves nothing of a runner behind that died at its start', async (t) => {
  const here = place(t);
  let forks = 0;
  await schedule(t, here, async (id) => {
    if (forks++ > 0) return here.run(id);
    createJournal(here.journalFile(id), () => {}).close();
    writeFileSync(here.socket(id), ''); // as good as a socket that nobody listens to
    throw new Error('it ended at once (SIGKILL)');
  });
  assert.equal(readdirSync(here.folder).filter((name) => name.endsWith('.sock')).length, 1);
});
