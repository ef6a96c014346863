/** The control socket of the real daemon. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { withoutHeader } from '../../src/spool/header.ts';
import { call, type CallerTo, wordOf } from '../control/caller.ts';
import { me, needsRoot, openSandbox, type Sandbox } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

const digest = (text: string): string => createHash('sha256').update(text, 'latin1').digest('hex');

function connect(t: TestContext, sandbox: Sandbox): Promise<CallerTo> {
  return call(t, sandbox.path('run', 'cron.sock'));
}

test('the socket is there as long as the daemon, and open to everybody', async (t) => {
  const sandbox = openSandbox(t);
  const daemon = await sandbox.start();
  const socket = sandbox.path('run', 'cron.sock');
  assert.ok(statSync(socket).isSocket());
  assert.equal(statSync(socket).mode & 0o777, 0o666);
  const idle = await connect(t, sandbox);
  daemon.kill('SIGTERM');
  assert.equal((await daemon.ended).status, 0);
  assert.equal(await idle.hear().catch(() => null), null);
  assert.ok(!existsSync(socket));
});

test('the run directory is open to everybody when the daemon makes it, whatever the umask', async (t) => {
  const sandbox = openSandbox(t);
  sandbox.configure({ paths: { run: sandbox.path('made', 'run') } });
  const umask = process.umask(0o077);
  try {
    await sandbox.start();
  } finally {
    process.umask(umask);
  }
  assert.equal(statSync(sandbox.path('made', 'run')).mode & 0o777, 0o755);
});

test('a daemon that is killed leaves a socket which the next one replaces', async (t) => {
  const sandbox = openSandbox(t);
  const first = await sandbox.start();
  first.kill('SIGKILL');
  await first.ended;
  assert.ok(existsSync(sandbox.path('run', 'cron.sock')));
  await sandbox.start();
  assert.equal(wordOf((await (await connect(t, sandbox)).ask('status')).head), 'ok');
});

test('a second daemon of the same run directory does not take the socket', async (t) => {
  const sandbox = openSandbox(t);
  await sandbox.start();
  sandbox.configure({ paths: { pidfile: sandbox.path('other.pid') } });
  const second = await sandbox.launch().ended;
  assert.equal(second.status, 73);
  assert.match(second.stderr, /Cannot open the control socket ".*": another cron serves it/);
  assert.equal(wordOf((await (await connect(t, sandbox)).ask('status')).head), 'ok');
});

test('a table is listed, replaced and removed, and its older ones are kept', async (t) => {
  const sandbox = openSandbox(t);
  await sandbox.start();
  const caller = await connect(t, sandbox);
  assert.equal(await caller.refused('list'), `none: no crontab for ${me}`);
  const [first, second] = ['@yearly echo one \xe9\n', 'A=b\n@yearly echo two\n'];
  for (const text of [first, second]) {
    const { head } = await caller.ask('install', {}, Buffer.from(text, 'latin1'));
    assert.equal(wordOf(head), 'ok');
    assert.equal((await caller.ask('list')).body.toString('latin1'), text);
  }
  const file = sandbox.path('spool', me);
  assert.equal(withoutHeader(readFileSync(file)).toString('latin1'), second);
  assert.deepEqual([statSync(file).mode & 0o7777, statSync(file).nlink], [0o600, 1]);
  assert.equal(wordOf((await caller.ask('remove')).head), 'ok');
  assert.equal(await caller.refused('remove'), `none: no crontab for ${me}`);
  assert.deepEqual(readdirSync(sandbox.path('spool')), []);
  const { head } = await caller.ask('backups');
  assert.ok(head.ok && head.backups !== undefined);
  assert.deepEqual(
    head.backups.map(({ number, size }) => [number, size]),
    [
      [1, second.length],
      [2, first.length],
    ],
  );
  for (const { at } of head.backups) assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60_000);
  assert.equal((await caller.ask('backup', { number: 2 })).body.toString('latin1'), first);
  assert.match(await caller.refused('backup', { number: 3 }), /^none: no backup number 3/);
  assert.equal(statSync(sandbox.path('state', 'backup')).mode & 0o7777, 0o700);
});

test('a table that has errors is not installed, and each of them is told', async (t) => {
  const sandbox = openSandbox(t);
  await sandbox.start();
  const caller = await connect(t, sandbox);
  const { head } = await caller.ask(
    'install',
    {},
    '61 * * * * a\n* * * * * b\nMAILTO=-x@y\nnonsense\n',
  );
  assert.ok(!head.ok);
  assert.equal(wordOf(head), 'invalid: The crontab has 3 errors');
  assert.deepEqual(
    head.problems?.map(({ line, column, severity, reason }) => [line, column, severity, reason]),
    [
      [1, 1, 'error', 'bad minute'],
      [3, 1, 'error', 'bad MAILTO'],
      [4, 1, 'error', 'bad minute'],
    ],
  );
  assert.match(await caller.refused('install', {}, '@daily a'), /^invalid: .* no newline/);
  assert.match(
    await caller.refused('install', {}, Buffer.alloc(4 * 1024 * 1024 + 1)),
    /^too-large/,
  );
  assert.deepEqual(readdirSync(sandbox.path('spool')), []);
});

test('a table is in force when it is installed, and no more when it is removed', async (t) => {
  const sandbox = openSandbox(t);
  sandbox.tab('@daily before\n');
  await sandbox.start();
  const caller = await connect(t, sandbox);
  const entries = async (): Promise<number | undefined> => {
    const { head } = await caller.ask('status');
    return head.ok ? head.status?.entries : undefined;
  };
  assert.equal(await entries(), 1);
  for (const count of [3, 0, 500, 2]) {
    await caller.ask('install', {}, '@daily a\n'.repeat(count));
    assert.equal(await entries(), count);
  }
  await caller.ask('remove');
  assert.equal(await entries(), 0);
});

test('a change that is based on another table than there is is refused', async (t) => {
  const sandbox = openSandbox(t);
  await sandbox.start();
  const [caller, other] = [await connect(t, sandbox), await connect(t, sandbox)];
  const [one, two] = ['@daily one\n', '@daily two\n'];
  assert.match(await caller.refused('install', { seen: digest(one) }, two), /^changed: /);
  assert.equal(wordOf((await caller.ask('install', { seen: 'none' }, one)).head), 'ok');
  assert.match(await caller.refused('install', { seen: 'none' }, two), /^changed: /);
  // Both have seen the first table: one of them comes too late.
  const both = await Promise.all(
    [caller, other].map((who) => who.ask('install', { seen: digest(one) }, two)),
  );
  assert.deepEqual(
    both.map(({ head }) => wordOf(head).replace(/:.*/, '')).toSorted((a, b) => (a < b ? -1 : 1)),
    ['changed', 'ok'],
  );
  assert.match(await caller.refused('remove', { seen: digest(one) }), /^changed: /);
  writeFileSync(sandbox.path('spool', me), one); // by hand
  assert.equal(wordOf((await caller.ask('remove', { seen: digest(one) })).head), 'ok');
});

test('many changes of one table leave the last one, whole', async (t) => {
  const sandbox = openSandbox(t);
  await sandbox.start();
  const callers = await Promise.all(Array.from({ length: 20 }, () => connect(t, sandbox)));
  const tables = callers.map((_, index) => `# ${index}\n${'@daily x\n'.repeat(index)}`);
  const heard = await Promise.all(
    callers.map((caller, index) => caller.ask('install', {}, tables[index])),
  );
  assert.ok(heard.every(({ head }) => head.ok));
  const [caller] = callers;
  const { body } = (await caller?.ask('list')) ?? {};
  const last = tables.indexOf(String(body));
  assert.notEqual(last, -1);
  const status = (await caller?.ask('status'))?.head;
  assert.equal(status?.ok === true && status.status?.entries, last);
});

test('status tells of running jobs', async (t) => {
  const sandbox = openSandbox(t);
  sandbox.tab('@reboot exec sleep 600 # \xc3\xa4\n'); // UTF-8
  const daemon = await sandbox.start();
  await sandbox.says(/CMD \(exec sleep/);
  const caller = await connect(t, sandbox);
  // CMD is logged before the job is started, and its pid is known after.
  const status = await until('its pid is known', async () => {
    const { head } = await caller.ask('status');
    return head.ok && (head.status?.running[0]?.pid ?? 0) > 0 && head.status;
  });
  const { pid, started, version, crontabs, entries, jobs, running, runners } = status;
  assert.deepEqual(
    { pid, version, crontabs, entries, jobs, runners },
    { pid: daemon.pid, version: '0.1.0', crontabs: 1, entries: 1, jobs: 1, runners: 1 },
  );
  assert.ok(Math.abs(Date.parse(started) - Date.now()) < 60_000);
  const [job] = running;
  assert.equal(job?.user, me);
  assert.equal(job.command, 'exec sleep 600 # ä');
  assert.ok(Math.abs(Date.parse(job.since ?? '') - Date.now()) < 60_000);
});

test('reload looks at the disk before it answers', async (t) => {
  const sandbox = openSandbox(t);
  await sandbox.start();
  const caller = await connect(t, sandbox);
  for (let turn = 1; turn <= 5; turn++) {
    sandbox.tab('@daily x\n'.repeat(turn));
    assert.equal(wordOf((await caller.ask('reload')).head), 'ok');
    const { head } = await caller.ask('status');
    assert.equal(head.ok && head.status?.entries, turn);
  }
});

test('cron.allow and cron.deny rule over the socket too', needsRoot, async (t) => {
  const sandbox = openSandbox(t);
  await sandbox.start();
  const caller = await connect(t, sandbox);
  writeFileSync(sandbox.path('cron.deny'), 'daemon\n');
  assert.equal(
    await caller.refused('install', { user: 'daemon' }, '@daily x\n'),
    'not-allowed: The user daemon cannot use this program (crontab)',
  );
  writeFileSync(sandbox.path('cron.allow'), 'daemon\n');
  assert.equal(wordOf((await caller.ask('install', { user: 'daemon' }, '@daily x\n')).head), 'ok');
  assert.match(await caller.refused('list', { user: 'bin' }), /^not-allowed: /);
  assert.equal(await caller.refused('list'), 'none: no crontab for root');
  writeFileSync(sandbox.path('cron.allow'), '');
  assert.match(await caller.refused('list', { user: 'daemon' }), /^not-allowed: /);
});

test(
  'a table that is not in force for want of its user is not said to be',
  needsRoot,
  async (t) => {
    const sandbox = openSandbox(t);
    await sandbox.start();
    const caller = await connect(t, sandbox);
    assert.match(
      await caller.refused('install', { user: 'ghost' }, '@daily x\n'),
      /^unknown-user: /,
    );
    assert.deepEqual(readdirSync(sandbox.path('spool')), []);
  },
);
