/** A runner over its socket: it obeys one scheduler, loses nothing, and ends when nothing is left to do. */
import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { isAbandoned } from '../../src/run/append.ts';
import { createJournal, type JournalLine, readJournal } from '../../src/run/journal.ts';
import type { Firing, LostRun } from '../../src/run/protocol.ts';
import type { Runner } from '../../src/run/runner.ts';
import { isRoot, me } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';
import { Desk, place, type Place, takeOver } from './desk.ts';
import { firing } from './firings.ts';

/** A runner and the desk that it listens to. */
async function open(t: TestContext): Promise<{ here: Place; runner: Runner; desk: Desk }> {
  const here = place(t);
  const runner = await here.run('r');
  return { here, runner, desk: await takeOver(here.socket('r')) };
}

const start = (...firings: readonly Firing[]) => ({ order: 'start', firings, busy: [] }) as const;
const job = (name: string, command: string, changed: Partial<Firing> = {}): Firing =>
  firing(name, { command, ...changed });

/** What the journal says of runs: `fire a, end a, done a`. */
function story(here: Place, id = 'r'): string {
  const word = (line: JournalLine): string => {
    if ('fire' in line) return `fire ${line.fire.run}`;
    return /"(\w+)":"([^"]+)"/.exec(JSON.stringify(line))?.slice(1).join(' ') ?? '';
  };
  return here.journal(id).slice(1).map(word).join(', ');
}

test('Runner listens on a socket for root alone', async (t) => {
  const here = place(t);
  const before = process.umask();
  await here.run('r');
  await takeOver(here.socket('r'));
  assert.equal(statSync(here.socket('r')).mode & 0o7777, 0o600);
  assert.equal(process.umask(), before);
});

test('Runner records a firing, starts it, mails what it prints, and is done', async (t) => {
  const { here, desk } = await open(t);
  desk.say(start(job('a', 'echo hello')));
  assert.deepEqual((await desk.hears('recorded')).runs, ['a']);
  const { since, ...begun } = (await desk.hears('started')).job;
  assert.deepEqual(begun, { run: 'a', identity: 'a', user: me, command: 'echo hello', pid: 0 });
  assert.ok(Math.abs(since - Date.now()) < 60_000);
  const started = await desk.hears('started', 2);
  assert.equal(started.job.run, 'a');
  assert.ok(started.job.pid > 1);
  assert.deepEqual((await desk.hears('ended')).exit, { code: 0, signal: null });
  await until('it is done', () => story(here).includes('done a'));
  assert.equal(story(here), 'fire a, end a, done a');
  assert.deepEqual(
    here.posted.map(({ run, recipients, body }) => ({ run, recipients, body })),
    [{ run: 'a', recipients: [me], body: 'hello\n' }],
  );
});

test('Runner says that a firing is recorded only when it is', async (t) => {
  const { here, desk } = await open(t);
  let keys: readonly string[] = [];
  desk.socket.prependOnceListener('data', () => ({ keys } = readJournal(here.journalFile('r'))));
  desk.say(start(job('a', 'true'), job('b', 'true')));
  await desk.hears('recorded');
  assert.deepEqual(keys, ['a@1', 'b@1']);
});

test('Runner starts jobs in the order in which they were handed over', async (t) => {
  const { desk } = await open(t);
  const names = Array.from({ length: 30 }, (_, index) => `job-${index}`);
  desk.say(start(...names.map((name) => job(name, 'true'))));
  await desk.hears('started', 2 * names.length);
  const started = desk.heard.flatMap((word) =>
    word.word === 'started' && word.job.pid > 0 ? [word.job.run] : [],
  );
  assert.deepEqual(started, names);
});

test('Runner mails nothing for a job that prints nothing', async (t) => {
  const { here, desk } = await open(t);
  desk.say(start(job('a', 'exit 3')));
  await until('it is done', () => story(here) === 'fire a, end a, done a');
  assert.deepEqual(here.posted, []);
});

test('Runner feeds a job its input, and minds no job that does not read it', async (t) => {
  const { here, desk } = await open(t);
  const input = `${'x'.repeat(300_000)}\n`;
  desk.say(start(job('a', 'wc -c', { stdin: input }), job('b', 'echo deaf', { stdin: input })));
  await until('both are mailed', () => here.posted.length === 2);
  assert.deepEqual(here.posted.map(({ run, body }) => `${run} ${body.trim()}`).toSorted(), [
    'a 300001',
    'b deaf',
  ]);
});

test('Runner tells of a user who does not exist, and starts nothing', async (t) => {
  const { here, desk } = await open(t);
  desk.say(start(job('a', `touch ${here.folder}/x`, { user: 'nobody-of-that-name' })));
  assert.equal((await desk.hears('ended')).exit, null);
  await until('it is done', () => story(here) === 'fire a, end a, done a');
  assert.deepEqual(here.logged, [
    `(nobody-of-that-name) ERROR (no such user, job not started: touch ${here.folder}/x)`,
  ]);
  assert.ok(!existsSync(join(here.folder, 'x')));
  // Nobody reads of it but root, who is told once of each.
  desk.say(start(job('b', 'true', { user: 'nobody-of-that-name' })));
  await until('both are done', () => story(here).endsWith('done b'));
  const words = 'cron: this job of nobody-of-that-name was not started: no such user\n';
  const told = here.posted.map(({ run, recipients, body }) => [run, ...recipients, body]);
  assert.deepEqual(told, isRoot ? [['a', 'root', words]] : []);
});

test('Runner says once why a job was not started when the user database does not answer', async (t) => {
  const here = place(t);
  const users = { find: () => Promise.reject(new Error('LDAP is down')) };
  await here.run('r', { users, pauses: [1, 1] });
  const desk = await takeOver(here.socket('r'));
  desk.say(start(job('a', 'true')));
  await until('it is done', () => story(here) === 'fire a, end a, done a');
  assert.deepEqual(here.logged, [
    `(${me}) ERROR (job cannot be started, it is tried again: LDAP is down: true)`,
    `(${me}) ERROR (LDAP is down, job not started: true)`,
  ]);
});

test('Runner mails a job that could not be started', async (t) => {
  const here = place(t);
  const launcher = { start: () => Promise.reject(new Error('no more processes')) };
  await here.run('r', { launcher });
  const desk = await takeOver(here.socket('r'));
  desk.say(start(job('a', 'true')));
  await until('it is mailed', () => here.posted.length === 1);
  assert.equal(here.posted[0]?.body, 'cron: this job could not be started: no more processes\n');
  assert.deepEqual((await desk.hears('ended')).exit, null);
});

test('Runner takes no order before it is taken', async (t) => {
  const here = place(t);
  const runner = await here.run('r');
  const stranger = new Desk(here.socket('r')).say(start(job('a', 'echo a')), { order: 'drain' });
  const desk = await takeOver(here.socket('r'));
  desk.say(start(job('b', 'echo b')));
  await until('b is mailed', () => here.posted.length === 1);
  assert.equal(story(here), 'fire b, end b, done b');
  stranger.socket.destroy();
  desk.socket.destroy();
  await runner.ended;
});

test('Runner listens to its last scheduler alone, and hangs up on the one before', async (t) => {
  const { here, desk: former } = await open(t);
  former.say(start(job('a', 'sleep 0.3')));
  await former.hears('started', 2);
  const desk = await takeOver(here.socket('r'));
  await former.closed;
  const { running } = await desk.hears('taken');
  assert.deepEqual(
    running.map(({ run, identity, user }) => ({ run, identity, user })),
    [{ run: 'a', identity: 'a', user: me }],
  );
  assert.ok((running[0]?.pid ?? 0) > 1);
  assert.equal((await desk.hears('ended')).run, 'a');
});

test('Runner starts nothing after "taken" that its journal does not have by then', async (t) => {
  const { here, desk } = await open(t);
  let former = desk;
  // Orders of the former scheduler and the take-over of the next one arrive at the same time.
  for (let round = 0; round < 50; round++) {
    const next = new Desk(here.socket('r'));
    const order = (): Desk => former.say(start(job(`job-${round}`, 'true')));
    const take = (): Desk => next.say({ order: 'take' });
    for (const act of round % 2 === 0 ? [order, take] : [take, order]) act();
    await next.hears('taken');
    const { keys } = readJournal(here.journalFile('r'));
    await former.closed;
    next.say(start(job(`mark-${round}`, 'true')));
    await next.hears('recorded');
    assert.deepEqual(readJournal(here.journalFile('r')).keys, [...keys, `mark-${round}@1`]);
    former = next;
  }
});

test('Runner ends at once when it is told to drain and has nothing to do', async (t) => {
  const { here, runner, desk } = await open(t);
  desk.say({ order: 'drain' });
  await runner.ended;
  await desk.closed;
  assert.equal(isAbandoned(here.journalFile('r')), true);
  assert.ok(!existsSync(here.socket('r')), 'the socket is gone');
});

test('Runner that drains ends after its last mail, and starts nothing', async (t) => {
  const { here, runner, desk } = await open(t);
  desk.say(start(job('a', 'sleep 0.3; echo a')), { order: 'drain' }, start(job('b', 'echo b')));
  await runner.ended;
  assert.equal(story(here), 'fire a, end a, done a');
  assert.deepEqual(
    here.posted.map(({ body }) => body),
    ['a\n'],
  );
  assert.ok(!existsSync(here.socket('r')));
});

test('Runner can be told to drain again and again', async (t) => {
  const { runner, desk } = await open(t);
  desk.say(start(job('a', 'sleep 0.2')), { order: 'drain' });
  runner.drain();
  await runner.ended;
  runner.drain();
  runner.drain();
});

test('Runner whose scheduler dies sees its jobs to their end', async (t) => {
  const { here, runner, desk } = await open(t);
  desk.say(start(job('a', 'sleep 0.3; echo a'), job('b', 'echo b')));
  await desk.hears('recorded');
  desk.socket.destroy();
  await runner.ended;
  assert.deepEqual(here.posted.map(({ body }) => body).toSorted(), ['a\n', 'b\n']);
  assert.equal(readJournal(here.journalFile('r')).open.length, 0);
});

test('Runner obeys what its scheduler had said before it died', async (t) => {
  const { here, runner, desk } = await open(t);
  desk.say(start(job('a', 'echo a')));
  desk.socket.end(); // not an answer waited for
  await runner.ended;
  assert.equal(story(here), 'fire a, end a, done a');
});

test('Runner does not obey half of what its scheduler had said when it died', async (t) => {
  const { here, runner, desk } = await open(t);
  const whole = JSON.stringify(start(job('a', 'echo a')));
  desk.socket.end(whole.slice(0, -1));
  await runner.ended;
  assert.equal(story(here), '');
});

test('Runner hangs up on garbage, and drains if that was its scheduler', async (t) => {
  const { here, runner, desk } = await open(t);
  desk.say(start(job('a', 'echo a')));
  desk.socket.write('garbage\n');
  await desk.closed;
  await runner.ended;
  assert.equal(story(here), 'fire a, end a, done a');
});

test('Runner does not mind strangers who connect and leave, or talk nonsense', async (t) => {
  const { here, desk } = await open(t);
  for (const text of ['', 'nonsense\n', '{"order":"start"}\n', '{"word":"taken"}\n', '"order"\n']) {
    const stranger = createConnection(here.socket('r'));
    stranger.on('error', () => {});
    stranger.end(text);
    stranger.resume();
    await new Promise((resolve) => stranger.once('close', resolve));
  }
  desk.say(start(job('a', 'echo a')));
  await until('a is mailed', () => here.posted.length === 1);
});

test('Runner that nobody takes ends after half a minute', async (t) => {
  const here = place(t);
  let patience: (() => void) | undefined;
  const real = setTimeout;
  const stub = t.mock.method(globalThis, 'setTimeout', (act: () => void, ms: number) => {
    if (ms !== 30_000) return real(act, ms);
    patience = act;
    return real(() => {}, 0);
  });
  const runner = await here.run('r');
  stub.mock.restore();
  assert.ok(patience, 'it has set itself a limit');
  patience();
  await runner.ended;
  assert.ok(!existsSync(here.socket('r')));
});

test('Runner mails in a second mail what a background child prints later', async (t) => {
  const { here, runner, desk } = await open(t);
  desk.say(start(job('a', 'echo first; (sleep 1; echo second) & echo main')), { order: 'drain' });
  await until('the first is mailed', () => here.posted.length === 1);
  assert.equal(here.posted[0]?.body, 'first\nmain\n');
  await runner.ended;
  assert.equal(here.posted[1]?.body, 'second\n');
  assert.equal(story(here), 'fire a, fire a-late, end a, done a, end a-late, done a-late');
  assert.deepEqual(readdirSync(here.folder), ['r.journal']);
  assert.deepEqual(
    here.records().map(({ run, outcome, bytes }) => `${run} ${outcome} ${bytes}`),
    ['a succeeded 11', 'a-late late 7'],
  );
});

const RECORDED: [string, Partial<Firing>, object][] = [
  ['a success', { command: 'echo hi' }, { outcome: 'succeeded', code: 0, bytes: 3 }],
  ['a silent one', { command: 'true' }, { outcome: 'succeeded', code: 0, bytes: 0 }],
  ['a failure', { command: 'exit 3' }, { outcome: 'failed', code: 3, signal: null }],
  ['a signal', { command: 'kill -9 $$' }, { outcome: 'failed', code: null, signal: 'SIGKILL' }],
  [
    'a time-out, whatever its status says',
    { command: 'trap "exit 0" TERM; sleep 30 & wait', timeout: 1 },
    { outcome: 'failed', code: 0, timedOut: true },
  ],
  [
    'a job of nobody',
    { user: 'no-such-user' },
    { outcome: 'not-started', code: null, user: 'no-such-user' },
  ],
];

for (const [what, changed, expected] of RECORDED)
  test(`Runner records ${what}`, async (t) => {
    const { here, runner, desk } = await open(t);
    const began = Date.now();
    desk.say(start(firing('a', changed)), { order: 'drain' });
    await runner.ended;
    const [record, ...others] = here.records();
    assert.deepEqual(others, []);
    assert.deepEqual({ ...record, ...expected }, record);
    const { started, ended } = record ?? {};
    assert.ok(started && ended && began - 1 <= started && started <= ended, 'it knows when');
  });

test('Runner leaves a run open whose mail nobody takes, with its output in a file', async (t) => {
  const { here, runner, desk } = await open(t);
  here.take = () => false;
  desk.say(start(job('a', 'echo short'), job('b', 'head -c 100000 /dev/zero')), { order: 'drain' });
  await runner.ended;
  const { open: left } = readJournal(here.journalFile('r'));
  assert.deepEqual(
    left
      .map(({ firing: { run }, exit, bytes }) => ({ run, exit, bytes }))
      .toSorted((x, y) => x.bytes - y.bytes),
    [
      { run: 'a', exit: { code: 0, signal: null }, bytes: 6 },
      { run: 'b', exit: { code: 0, signal: null }, bytes: 100_000 },
    ],
  );
  assert.equal(statSync(here.outputFile('a')).size, 6);
  assert.equal(statSync(here.outputFile('b')).size, 100_000);

  // And the next runner mails it whole.
  here.take = () => true;
  here.posted.length = 0;
  const next = await here.run('next');
  const later = await takeOver(here.socket('next'));
  later.say({ order: 'report', lost: left }, { order: 'drain' });
  await next.ended;
  const bodies = here.posted.map(({ run, body }) => `${run} ${body.length}`).toSorted();
  const words = 'cron: the process that watched this job died; it succeeded.\n\n'.length;
  assert.deepEqual(bodies, [`a ${words + 6}`, `b ${words + 100_000}`]);
  assert.deepEqual(readdirSync(here.folder).toSorted(), ['next.journal', 'r.journal']);
});

test('Runner does not end before the disk has taken its journal, which tells what it leaves', async (t) => {
  const here = place(t);
  const journal = createJournal(here.journalFile('full'), (trouble) => assert.fail(trouble));
  let isFull = true;
  let asked = 0;
  const flush = (): boolean => {
    asked++;
    return !isFull && journal.flush();
  };
  here.take = () => false;
  const runner = await here.run('r', { journal: { ...journal, flush } });
  let hasEnded = false;
  void runner.ended.then(() => (hasEnded = true));
  const desk = await takeOver(here.socket('r'));
  desk.say(start(job('a', 'echo short')), { order: 'drain' });
  await until('its mail was tried', () => here.posted.length === 1 && asked > 0);
  assert.ok(!hasEnded);
  isFull = false;
  await runner.ended;
  const { open: left } = readJournal(here.journalFile('full'));
  assert.deepEqual(
    left.map(({ firing: { run }, bytes }) => ({ run, bytes })),
    [{ run: 'a', bytes: 6 }],
  );
  assert.equal(statSync(here.outputFile('a')).size, 6);
});

const lost = (name: string, changed: Partial<LostRun> = {}): LostRun => ({
  firing: job(name, 'backup'),
  exit: null,
  bytes: 0,
  waiting: false,
  ...changed,
});

test('Runner mails what a dead one has captured, and says what is not known', async (t) => {
  const { here, desk } = await open(t);
  writeFileSync(here.outputFile('a'), 'one\ntw');
  desk.say({ order: 'report', lost: [lost('a')] });
  assert.deepEqual((await desk.hears('recorded')).runs, ['a']);
  await until('it is done', () => story(here) === 'fire a, done a');
  assert.equal(
    here.posted[0]?.body,
    'cron: the process that watched this job died; its outcome is unknown.\n' +
      'cron: what it printed in its last second before that, and after, is lost.\n\none\ntw',
  );
  assert.ok(!existsSync(here.outputFile('a')));
  assert.deepEqual(here.logged, [
    `(${me}) LOST (backup: its runner died; its outcome is unknown, 6 bytes of output were kept)`,
  ]);
});

test('Runner says of a mail that a dead one was handing over that it may come twice', async (t) => {
  const { here, desk } = await open(t);
  here.take = () => false; // it is left to the next one again, with the same doubt
  const exit = { code: 0, signal: null };
  desk.say({ order: 'report', lost: [lost('a', { exit, bytes: 0, mailing: true })] });
  await until('it is mailed', () => here.posted.length === 1);
  assert.equal(
    here.posted[0]?.body,
    'cron: the process that watched this job died; it succeeded.\n' +
      'cron: its mail was on its way just then, and may come to you a second time by this one.\n\n',
  );
  assert.deepEqual(here.logged, [
    `(${me}) LOST (backup: its runner died; it succeeded, 0 bytes of output were kept; its mail may be sent twice)`,
  ]);
  const [again] = readJournal(here.journalFile('r')).open;
  assert.equal(again?.mailing, true);
});

test('Runner mails head and tail of a long output that a dead one has captured', async (t) => {
  const { here, desk } = await open(t);
  const size = 10 * 1024 * 1024;
  const fd = openSync(here.outputFile('a'), 'wx');
  const half = 1024 * 1024;
  writeSync(fd, 'one\n'.repeat(half / 4), 0);
  writeSync(fd, 'two\n'.repeat(half / 4), size - half);
  closeSync(fd);
  desk.say({ order: 'report', lost: [lost('a')] });
  await until('it is mailed', () => here.posted.length === 1);
  const body = here.posted[0]?.body ?? '';
  const missing = size - 2 * half + 4; // a line that may be a half one is none
  assert.match(
    body,
    new RegExp(`^cron: ${missing} bytes in the middle of it are left out .*\n\none\n`, 'm'),
  );
  assert.equal(body.split(`\none\ncron: ${missing} bytes are left out here\ntwo\n`).length, 2);
  await until('it is done', () => story(here) === 'fire a, done a');
  assert.ok(!existsSync(here.outputFile('a')));
});

test('Runner tells a job that was never reached from one that failed', async (t) => {
  const { here, runner, desk } = await open(t);
  const environment = [['SHELL', '/nonexistent']] as const;
  const unreached = { ...job('a', 'true'), environment };
  desk.say(start(unreached, job('b', 'echo x; exit 1')), { order: 'drain' });
  await runner.ended;
  const statuses = here.posted.map(
    ({ run, head }) => `${run} ${/^X-Cron-Status: (.*)$/m.exec(head)?.[1]}`,
  );
  assert.deepEqual(statuses.toSorted(), ['a not started', 'b exit 1']);
});

test('Runner mails of a job of a dead one that had ended what was kept of it', async (t) => {
  const { here, desk } = await open(t);
  writeFileSync(here.outputFile('whole'), 'all');
  desk.say({
    order: 'report',
    lost: [
      lost('whole', { exit: { code: 3, signal: null }, bytes: 3 }),
      lost('part', { exit: { code: null, signal: 'SIGTERM' }, bytes: 3 }),
    ],
  });
  await until('both are mailed', () => here.posted.length === 2);
  const bodies = here.posted.toSorted((a, b) => (a.run < b.run ? 1 : -1)).map(({ body }) => body);
  assert.deepEqual(bodies, [
    'cron: the process that watched this job died; it ended with exit status 3.\n\nall',
    'cron: the process that watched this job died; it was ended by SIGTERM.\n' +
      'cron: 3 bytes of its output could not be kept.\n\n',
  ]);
});

test('Runner keeps what is known of a lost run for the next one, should it die too', async (t) => {
  const { here, desk } = await open(t);
  here.take = () => false;
  const exit = { code: 3, signal: null };
  desk.say({ order: 'report', lost: [lost('a', { exit, bytes: 7 })] });
  await until('it was tried', () => here.posted.length === 1);
  const [left] = readJournal(here.journalFile('r')).open;
  assert.deepEqual({ exit: left?.exit, bytes: left?.bytes }, { exit, bytes: 7 });
});

test('Runner keeps the output of a lost run as long as its user cannot be looked up', async (t) => {
  const here = place(t);
  const runner = await here.run('r', {
    users: { find: () => Promise.reject(new Error('LDAP is down')) },
  });
  const desk = await takeOver(here.socket('r'));
  writeFileSync(here.outputFile('a'), 'precious');
  desk.say({ order: 'report', lost: [lost('a')] }, { order: 'drain' });
  await runner.ended;
  assert.equal(readJournal(here.journalFile('r')).open.length, 1);
  assert.ok(existsSync(here.outputFile('a')));
});

test('Runner leaves no empty file of a lost run behind', async (t) => {
  const { here, runner, desk } = await open(t);
  writeFileSync(here.outputFile('a'), '');
  desk.say({ order: 'report', lost: [lost('a')] }, { order: 'drain' });
  await runner.ended;
  assert.ok(!existsSync(here.outputFile('a')));
});

test('Runner lets one job that goes wrong cost the others nothing', async (t) => {
  const here = place(t);
  const runner = await here.run('r', {
    outputFile: (run) => join(here.folder, 'missing', run),
  });
  const desk = await takeOver(here.socket('r'));
  desk.say(start(job('big', 'head -c 100000 /dev/zero | tr "\\0" x'), job('small', 'echo fine')));
  desk.say({ order: 'drain' });
  await runner.ended;
  const [small, big] = here.posted.toSorted((a, b) => a.body.length - b.body.length);
  assert.equal(small?.body, 'fine\n');
  const said = /^cron: (\d+) bytes of this output could not be kept: .*\n(x*)$/.exec(
    big?.body ?? '',
  );
  assert.equal(Number(said?.[1]) + (said?.[2]?.length ?? 0), 100_000);
});

test('Runner that cannot listen says so', async (t) => {
  const here = place(t);
  mkdirSync(here.socket('r'));
  await assert.rejects(here.run('r'), { code: 'EADDRINUSE' });
  rmSync(here.socket('r'), { recursive: true });
});
