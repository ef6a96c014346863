/** cron(8) as a process: it starts, it works, it ends, and it is alone. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { startTime } from '../../src/system/process.ts';
import {
  isAlive,
  isRoot,
  kill,
  me,
  needsRoot,
  userTest,
  openSandbox,
  type Sandbox,
  sessionOf,
} from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

const project = new URL('../../../', import.meta.url).pathname;

/** The pid of the daemon, by its pid file. */
const pidOf = (sandbox: Sandbox): number => Number(readFileSync(sandbox.path('crond.pid'), 'utf8'));

describe('cron', { concurrency: 6 }, () => {
  test('cron -f runs what is due, mails what it prints, and leaves in order', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab(`MAILTO=bob\n@reboot echo hello\n@reboot cat%from stdin\n@reboot true\n`);
    const daemon = await sandbox.start();
    assert.equal(pidOf(sandbox), daemon.pid);
    assert.equal(statSync(sandbox.path('crond.pid')).mode & 0o7777, 0o644);
    const mails = await sandbox.mailed(2);
    assert.deepEqual(mails.map(({ body }) => body).toSorted(), ['from stdin\n', 'hello\n']);
    assert.ok(mails.every(({ argv }) => argv.at(-1) === 'bob'));
    await until('all three are logged', () => sandbox.logged(/ CMD /).length === 3);
    const events = sandbox.logged(/\((CRON|[^*]*)\) (STARTUP|INFO|CMD)/);
    const cmd = (command: string): string => `(${me}) CMD (${command})`;
    assert.deepEqual(events.slice(0, 2), [
      '(CRON) STARTUP (foreground)',
      '(CRON) INFO (Running @reboot jobs)',
    ]);
    assert.deepEqual(events.slice(2), [cmd('echo hello'), cmd('cat'), cmd('true')]);
    daemon.kill('SIGTERM');
    assert.deepEqual(await daemon.ended, { status: 0, signal: null, stdout: '', stderr: '' });
    assert.match(sandbox.log(), /\(CRON\) INFO \(Shutting down\)\n$/);
    await sandbox.isTidy();
  });

  test('cron runs @reboot entries once a boot', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab('@reboot echo hello\n');
    const first = await sandbox.start();
    await sandbox.mailed();
    first.kill('SIGTERM');
    await first.ended;
    sandbox.tab('@reboot echo hello\n@reboot echo another\n');
    await sandbox.start();
    await sandbox.says(/Skipping @reboot jobs -- not system startup/);
    assert.equal(sandbox.mails().length, 1);
  });

  test('cron knows Debian’s flag of a boot, and one of another boot', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab('@reboot echo hello\n');
    writeFileSync(sandbox.path('crond.reboot'), '', { mode: 0 });
    const first = await sandbox.start();
    await sandbox.says(/Skipping @reboot jobs/);
    first.kill('SIGTERM');
    await first.ended;
    if (!isRoot) return; // who may not read the flag knows only that it is there
    writeFileSync(sandbox.path('crond.reboot'), 'another-boot\n');
    await sandbox.start();
    await sandbox.mailed();
  });

  test('cron says so to whoever starts a second one, which leaves the first alone', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab('@reboot echo hello\n');
    const first = await sandbox.start();
    const before = startTime(first.pid);
    for (const args of [['-f'], []]) {
      const second = await sandbox.run(args);
      assert.equal(second.status, 1);
      assert.equal(
        second.stderr,
        `cron: can't lock ${sandbox.path('crond.pid')}, otherpid may be ${first.pid}: another cron is running; stop it first, or give this one a [paths] pidfile of its own\n`,
      );
    }
    assert.match(sandbox.log(), /\(CRON\) DEATH \(can't lock .*crond\.pid, otherpid may be \d+:/);
    assert.equal(startTime(first.pid), before);
    assert.equal(pidOf(sandbox), first.pid);
    await sandbox.mailed();
    assert.equal(sandbox.mails().length, 1, '@reboot entries ran once');
    assert.equal(sandbox.runners().length, 1);
  });

  test('cron goes on where its pid file was left by one that was killed', async (t) => {
    const sandbox = openSandbox(t);
    const first = await sandbox.start();
    first.kill('SIGKILL');
    await first.ended;
    assert.equal(pidOf(sandbox), first.pid);
    const second = await sandbox.start();
    assert.equal(pidOf(sandbox), second.pid);
  });

  test('cron leaves in order when its pid file has been removed', async (t) => {
    const sandbox = openSandbox(t);
    const daemon = await sandbox.start();
    rmSync(sandbox.path('crond.pid'));
    daemon.kill('SIGTERM');
    assert.deepEqual(await daemon.ended, { status: 0, signal: null, stdout: '', stderr: '' });
  });

  test('cron without -f returns when the daemon works, and the daemon has left the terminal', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab('@reboot echo hello\n');
    const { status, stdout, stderr } = await sandbox.run([]);
    const log = sandbox.log();
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' });
    assert.match(log, /\(CRON\) STARTUP \(fork ok\)/, 'it was up when the command returned');
    const pid = pidOf(sandbox);
    const started = startTime(pid);
    t.after(() => kill(pid));
    assert.ok(isAlive(pid));
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [, , , session, terminal] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    assert.equal(Number(session), pid);
    assert.equal(terminal, '0');
    for (const fd of [0, 1, 2]) assert.equal(readlinkSync(`/proc/${pid}/fd/${fd}`), '/dev/null');
    assert.equal(readlinkSync(`/proc/${pid}/cwd`), '/');
    const [runner] = sandbox.runners();
    for (const fd of [0, 1, 2])
      assert.equal(readlinkSync(`/proc/${runner?.pid}/fd/${fd}`), '/dev/null');
    assert.equal(sessionOf(runner?.pid ?? 0), runner?.pid);
    await sandbox.mailed();
    kill(pid, 'SIGTERM');
    await until('it has ended', () => !isAlive(pid, started));
    await sandbox.isTidy();
  });

  test('cron without -f holds no descriptor of its caller open', async (t) => {
    const sandbox = openSandbox(t);
    // The shell of an ssh session, or of `$(cron)`: it waits for the end of both pipes.
    const cron = spawn(process.execPath, [join(project, 'bin/cron'), '--config', sandbox.config], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    t.after(() => cron.kill('SIGKILL'));
    let closed = false;
    void once(cron, 'close').then(() => (closed = true));
    for (const stream of [cron.stdout, cron.stderr]) stream.resume();
    await until('all pipes are closed', () => closed, { limit: 10_000 });
    assert.equal(cron.exitCode, 0);
    const pid = pidOf(sandbox);
    t.after(() => kill(pid));
    assert.ok(isAlive(pid));
  });

  test('cron without -f finds a configuration that is named from where it was called', async (t) => {
    const sandbox = openSandbox(t);
    for (const [args, environment] of [
      [['--config', 'mailcron.toml'], {}],
      [[], { CRON_CONFIG: './mailcron.toml' }],
    ] as const) {
      const { ended } = sandbox.spawn('cron', args, { environment, cwd: sandbox.root });
      const { status, stderr } = await ended;
      assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
      const pid = pidOf(sandbox);
      const started = startTime(pid);
      kill(pid, 'SIGTERM');
      await until('it has ended', () => !isAlive(pid, started));
    }
  });

  test('cron without -f says on stderr why the daemon cannot work, and fails as it does', async (t) => {
    const sandbox = openSandbox(t, { paths: { pidfile: '/nowhere/crond.pid' } });
    const { status, stderr } = await sandbox.run([]);
    assert.equal(status, 73);
    assert.equal(
      stderr,
      "cron: can't open or create /nowhere/crond.pid: no such file or directory\n",
    );
    assert.deepEqual(sandbox.runners(), []);
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    test(`cron ends by ${signal}, at once and also in the middle of its start`, async (t) => {
      const sandbox = openSandbox(t);
      sandbox.tab('@reboot sleep 1; echo late\n');
      const daemon = sandbox.launch();
      // From there on it has handlers; before, the signal ends it as it ends any program.
      await until('it has its pid file', () => existsSync(sandbox.path('crond.pid')));
      await new Promise((resolve) => setTimeout(resolve, 50));
      daemon.kill(signal);
      const { status, signal: by } = await daemon.ended;
      assert.ok(status === 0 || by === signal, `${status} ${by}`);
      await until('its runner has ended', () => sandbox.runners().length === 0);
      const next = await sandbox.start();
      await sandbox.mailed();
      next.kill(signal);
      await next.ended;
      assert.equal(sandbox.mails().length, 1);
    });

  test('cron that is stopped lets its jobs go on, and their mail comes', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab('@reboot echo one; sleep 1.5; echo two\n');
    const daemon = await sandbox.start();
    await sandbox.says(/CMD/);
    const begun = performance.now();
    daemon.kill('SIGTERM');
    await daemon.ended;
    assert.ok(performance.now() - begun < 1200, 'it does not wait for its jobs');
    assert.equal(sandbox.runners().length, 1);
    const [mail] = await sandbox.mailed();
    assert.equal(mail?.body, 'one\ntwo\n');
    await sandbox.isTidy();
  });

  test('cron reloads by SIGHUP, and does not end', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab('@daily true\n');
    const daemon = await sandbox.start();
    sandbox.tab('@weekly true\n');
    daemon.kill('SIGHUP');
    await sandbox.says(new RegExp(`\\(${me}\\) RELOAD \\(spool/${me}\\)`));
    assert.ok(isAlive(daemon.pid));
  });

  test('cron and its runner do not end by the signals of a terminal', async (t) => {
    const sandbox = openSandbox(t);
    const daemon = await sandbox.start();
    const [runner] = sandbox.runners();
    assert.ok(runner);
    for (const signal of ['SIGINT', 'SIGHUP'] as const) kill(runner.pid, signal);
    assert.notEqual(sessionOf(runner.pid), sessionOf(daemon.pid));
    sandbox.tab('@daily true\n');
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.ok(isAlive(runner.pid, runner.started));
  });

  test('cron leaves no zombies of its jobs and mailers', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab(Array.from({ length: 12 }, (_, index) => `@reboot echo ${index}\n`).join(''));
    const daemon = await sandbox.start();
    await sandbox.mailed(12);
    const parents = [daemon.pid, ...sandbox.runners().map(({ pid }) => pid)];
    await until('all were reaped', () => {
      const children = parents.flatMap((pid) =>
        readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean),
      );
      return children.every((pid) => parents.includes(Number(pid)));
    });
  });

  test(
    'cron runs entries of /etc/crontab and cron.d as the users they name',
    needsRoot,
    async (t) => {
      const sandbox = openSandbox(t);
      sandbox.systemTab(
        '@reboot daemon id -un; pwd\n@reboot root id -un\n@reboot no-such-user id\n',
      );
      writeFileSync(sandbox.path('cron.d', 'package'), '@reboot nobody id -un; pwd\n');
      writeFileSync(sandbox.path('cron.d', 'package.dpkg-old'), '@reboot nobody echo no\n');
      await sandbox.start();
      const mails = await sandbox.mailed(4);
      assert.deepEqual(
        mails.map(({ uid, argv, body }) => `${uid} ${argv.at(-1)} ${body}`).toSorted(),
        [
          '0 root cron: this job of no-such-user was not started: no such user\n',
          '0 root root\n',
          '1 daemon daemon\n/usr/sbin\n',
          '65534 nobody nobody\n/\n', // HOME does not exist
        ],
      );
      await sandbox.says(/\(no-such-user\) ERROR \(no such user, job not started: id\)/);
      await sandbox.says(
        /\(nobody\) ERROR \(chdir failed \(\/nonexistent\): the job ran in "\/"\)/,
      );
    },
  );

  userTest('cron of an ordinary user runs that user’s entries only', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.systemTab(`@reboot root echo no\n@reboot ${me} echo yes\n`);
    sandbox.tab('@reboot echo no\n', 'root');
    await sandbox.start();
    await sandbox.mailed();
    assert.match(sandbox.log(), /1 of 2 entries left out: only .*'s run in this cron/);
    assert.deepEqual(
      sandbox.mails().map(({ body }) => body),
      ['yes\n'],
    );
  });

  test('two crons run side by side', async (t) => {
    const [one, other] = [openSandbox(t), openSandbox(t)];
    one.tab('@reboot echo one\n');
    other.tab('@reboot echo other\n');
    await Promise.all([one.start(), other.start()]);
    await Promise.all([one.mailed(), other.mailed()]);
    assert.deepEqual(
      [one, other].map((each) => each.mails().map(({ body }) => body)),
      [['one\n'], ['other\n']],
    );
  });
});

test('cron has threads enough for lookups that hang, and tells its jobs nothing of them', async (t) => {
  const sandbox = openSandbox(t);
  sandbox.tab(
    `@reboot env > ${sandbox.path('environment')}; echo end >> ${sandbox.path('environment')}\n`,
  );
  const { pid } = await sandbox.start();
  assert.ok(readdirSync(`/proc/${pid}/task`).length > 32);
  assert.doesNotMatch(await sandbox.file('environment', 'end\n'), /UV_/);
});
