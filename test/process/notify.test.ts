/** What cron tells the manager of services that started it, by sd_notify(3). */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { openSandbox, type Sandbox } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

/** Print each datagram of a socket, its lines joined by blanks. */
const LISTEN = `use Socket; $| = 1;
  socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die; bind($s, pack_sockaddr_un($ARGV[0])) or die;
  print "listening\\n";
  while (defined(recv($s, my $facts, 65536, 0))) { $facts =~ s/\\n/ | /g; print "$facts\\n"; }`;

/** Be a manager of services; the datagrams that came so far. */
async function listen(t: TestContext, path: string): Promise<() => string[]> {
  const child = spawn('perl', ['-e', LISTEN, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  let text = '';
  child.stdout.on('data', (data: Buffer) => (text += data.toString()));
  await once(child.stdout, 'data');
  return () => text.split('\n').slice(1, -1);
}

describe('cron and its service manager', () => {
  const environment = (sandbox: Sandbox, watchdog: string): Record<string, string> => ({
    NOTIFY_SOCKET: sandbox.path('notify'),
    WATCHDOG_USEC: watchdog,
    WATCHDOG_PID: '1',
  });

  test('is ready, lives, reloads, stops', async (t) => {
    const sandbox = openSandbox(t);
    const told = await listen(t, sandbox.path('notify'));
    sandbox.tab(
      `@reboot env > ${sandbox.path('seen')}; sleep 100\n0 0 29 2 * true\n@reboot true\n`,
    );
    const daemon = await sandbox.start([], { environment: environment(sandbox, '180000000') });
    await until('it is ready', () => told().length > 0);
    assert.deepEqual(told()[0], 'READY=1 | STATUS=3 entries in 1 crontab, 0 running jobs');
    // Within a second, and each change of jobs too.
    const doing =
      /^STATUS=3 entries in 1 crontab, 1 running job(?:, next \w{3} \d{4}-02-29 00:00 [+-]\d{4})?$/;
    await until('it tells its job', () => doing.test(told().at(-1) ?? ''));

    await until('it lives', () => told().some((line) => line.startsWith('WATCHDOG=1 ')), {
      limit: 70_000,
    });
    const alive = told().find((line) => line.startsWith('WATCHDOG=1 ')) ?? '';
    assert.match(alive.replace('WATCHDOG=1 | ', ''), doing);

    sandbox.tab('@reboot sleep 100\n0 0 1 1 * true\n');
    daemon.kill('SIGHUP');
    await until(
      'it has reloaded',
      () => told().filter((line) => line.startsWith('READY')).length === 2,
    );
    const after = told().filter((line) => !/^(?:WATCHDOG|STATUS)/.test(line));
    assert.match(after[1] ?? '', /^RELOADING=1 \| MONOTONIC_USEC=\d+$/);
    assert.equal(after[2], 'READY=1 | STATUS=2 entries in 1 crontab, 1 running job');
    const next = /^STATUS=2 entries in 1 crontab, 1 running job, next \w{3} \d{4}-01-01 00:00 /;
    await until('it tells what is next', () => next.test(told().at(-1) ?? ''));

    daemon.kill('SIGTERM');
    await daemon.ended;
    assert.equal(told().at(-1), 'STOPPING=1');
    const seen = readFileSync(sandbox.path('seen'), 'utf8');
    assert.doesNotMatch(seen, /NOTIFY|WATCHDOG/);
    assert.deepEqual(sandbox.logged(/watchdog/), []);
  });

  test('is told of a watchdog that bites too soon', async (t) => {
    const sandbox = openSandbox(t);
    await listen(t, sandbox.path('notify'));
    await sandbox.start([], { environment: environment(sandbox, '60000000') });
    await until(
      'it is logged',
      () => sandbox.logged(/watchdog of the service \(60 s\)/).length > 0,
    );
  });

  test('starts although nobody listens, and says so', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab(`@reboot echo works > ${sandbox.path('seen')}\n`);
    await sandbox.start([], { environment: environment(sandbox, '0') });
    await until('its job runs', () => sandbox.logged(/CMD \(echo works/).length > 0);
    assert.equal(sandbox.logged(/cannot tell the service manager/).length, 1);
  });
});
