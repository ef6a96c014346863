/** Signals to the daemon, its runner and its programs: what each does, and that none opens Node's debugger. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { DEPOSIT } from '../../src/cli/mailboxes.ts';
import { isAlive, kill, me, openSandbox, type Sandbox } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

/** A job that runs until a file is there. */
function waiting(sandbox: Sandbox): string {
  return `@reboot echo one; while ! test -e ${sandbox.path('go')}; do sleep 0.1; done; echo two\n`;
}

describe('cron', { concurrency: 4 }, () => {
  test('looks at its crontabs at SIGHUP', async (t) => {
    const sandbox = openSandbox(t);
    const daemon = await sandbox.start();
    sandbox.tab('@daily true\n');
    daemon.kill('SIGHUP');
    await until('it has the new one', () => {
      daemon.kill('SIGUSR1');
      return sandbox.log().includes('schedule: 1 entry in 1 crontab');
    });
    assert.ok(isAlive(daemon.pid));
  });

  test('logs each entry with its next start at SIGUSR1, as often as it comes', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab('@reboot true\n0 4 1 1 * echo \\%x\n0 0 30 2 * echo never\n');
    const daemon = await sandbox.start();
    for (const time of [1, 2]) {
      daemon.kill('SIGUSR1');
      await until('it is logged', () => sandbox.logged(/ NEXT .*never/).length === time, {
        evidence: () => sandbox.evidence(),
      });
    }
    const tab = sandbox.path('spool', me);
    const lines = sandbox.logged(/ NEXT |schedule/).slice(0, 4);
    assert.equal(lines[0], '(CRON) INFO (schedule: 3 entries in 1 crontab)');
    assert.equal(lines[1], `(${me}) NEXT (@reboot, ${tab}:1: true)`);
    const start = /^\(\S+\) NEXT \(\w+ \d{4}-01-01 04:00 [+-]\d{4}, (\S+): echo %x\)$/.exec(
      lines[2] ?? '',
    );
    assert.equal(start?.[1], `${tab}:2`, lines[2]);
    assert.equal(lines[3], `(${me}) NEXT (not within 400 days, ${tab}:3: echo never)`);
    assert.ok(isAlive(daemon.pid));
    assert.doesNotMatch(daemon.stderr(), /[Dd]ebugger|inspector/);
  });

  test('opens no debugger when SIGUSR1 comes while it starts', async (t) => {
    const sandbox = openSandbox(t);
    const daemon = sandbox.launch();
    // Earlier it would be Node's own, or deadly: nobody but its user can send it.
    await sandbox.file('crond.pid');
    daemon.kill('SIGUSR1');
    await sandbox.says(/STARTUP/);
    assert.doesNotMatch(daemon.stderr(), /[Dd]ebugger|inspector/);
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    test(`ends in order at ${signal}, and its jobs go on`, async (t) => {
      const sandbox = openSandbox(t);
      sandbox.tab(waiting(sandbox));
      const daemon = await sandbox.start();
      await sandbox.says(/ CMD /);
      daemon.kill(signal);
      const { status } = await daemon.ended;
      assert.equal(status, 0);
      await sandbox.says(/\(CRON\) INFO \(Shutting down\)/);
      writeFileSync(sandbox.path('go'), '');
      const [mail] = await sandbox.mailed();
      assert.equal(mail?.body, 'one\ntwo\n');
      await sandbox.isTidy();
    });
});

describe('a runner', { concurrency: 4 }, () => {
  test('does not mind SIGHUP, SIGINT and SIGUSR1', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab('@reboot echo one; sleep 2; echo two\n');
    const daemon = await sandbox.start();
    await sandbox.says(/ CMD /);
    const [runner] = sandbox.runners();
    assert.ok(runner);
    for (const signal of ['SIGHUP', 'SIGINT', 'SIGUSR1'] as const) kill(runner.pid, signal);
    const [mail] = await sandbox.mailed();
    assert.equal(mail?.body, 'one\ntwo\n');
    assert.deepEqual(sandbox.runners(), [runner]);
    assert.doesNotMatch(daemon.stderr(), /[Dd]ebugger|inspector on/);
    assert.match(
      readFileSync(`/proc/${runner.pid}/cmdline`, 'latin1'),
      /--inspect-port=0\.0\.0\.1/,
    );
  });
});

test('the program that writes to mailboxes opens no debugger to its user, whenever SIGUSR1 comes', async (t) => {
  const sandbox = openSandbox(t);
  for (let round = 0; round < 10; round++) {
    const [file, ...args] = DEPOSIT;
    const child = spawn(file, [...args, 'mbox', sandbox.path('mailbox', 'box'), '10000', me]);
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const ended = once(child, 'exit');
    await pause(round * 15);
    for (let count = 0; count < 5; count++) {
      child.kill('SIGUSR1');
      await pause(10);
    }
    child.stdin.end();
    child.stdin.on('error', () => {}); // it was killed by the signal before Node was there
    await ended;
    assert.doesNotMatch(said, /listening/);
  }
});
