/** cron as process 1 of a container: a pid namespace of its own. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { CONTAINER, childrenOf, firstOf, zombiesOf } from '../support/container.ts';
import { openRelay } from '../support/relay.ts';
import { kill, needsRoot, openSandbox } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

const within = CONTAINER;

test(
  'cron as process 1 ends its jobs at SIGTERM, and then their mail has gone',
  needsRoot,
  async (t) => {
    const relay = await openRelay(t);
    const sandbox = openSandbox(t, {
      mail: { mailcmd: `smtp://127.0.0.1:${relay.port}` },
      'mail.smtp': { run_as: 'nobody', domain: 'example.com' },
      jobs: { stop_grace: 2 },
    });
    const job = (name: string, onTerm: string): string =>
      `@reboot trap '${onTerm}' TERM; echo begun; echo > ${sandbox.path(name)}; while :; do sleep 0.1; done\n`;
    sandbox.tab(job('polite', 'echo bye; exit 3') + job('stubborn', ':'));
    const { pid, ended } = sandbox.launch([], { within });
    const first = await firstOf(pid);
    for (const name of ['polite', 'stubborn']) await sandbox.file(name);
    kill(first, 'SIGTERM');
    const { status } = await ended;
    assert.equal(status, 0, sandbox.evidence());
    const bodies = relay.mails.map(({ bytes }) =>
      // Without what a shell says of the end of its sleep(1).
      bytes
        .toString()
        .replace(/^[^]*?\r\n\r\n/, '')
        .replaceAll('Terminated\r\n', ''),
    );
    const told = 'cron: cron was stopped, and sent this job SIGTERM (--stop-jobs)\r\n';
    assert.deepEqual(bodies.toSorted(), [
      `${told}begun\r\nbye\r\n`,
      `${told}cron: and SIGKILL followed 2 s later\r\nbegun\r\n`,
    ]);
    assert.match(sandbox.log(), /\(CRON\) INFO \(Shutting down\)\n$/);
    assert.deepEqual(sandbox.leftovers(), []);
  },
);

test('cron as process 1 waits for the orphans of its jobs', needsRoot, async (t) => {
  const sandbox = openSandbox(t);
  const flag = sandbox.path('go');
  // Each is a grandchild whose parent ends at once: a daemon, as programs make themselves one.
  const daemons = `for i in $(seq 200); do (sh -c 'while [ ! -e ${flag} ]; do sleep 0.2; done' &); done > /dev/null 2>&1 < /dev/null`;
  sandbox.tab(`@reboot ${daemons}; touch ${sandbox.path('begun')}\n@reboot echo hello\n`);
  const { pid } = sandbox.launch([], { within });
  const first = await firstOf(pid);
  const evidence = (): string => `${childrenOf(first).length}\n${sandbox.evidence()}`;
  await until('they are its children', () => childrenOf(first).length > 200, { evidence });
  await sandbox.mailed();
  writeFileSync(flag, '');
  await until('only the runner is left', () => childrenOf(first).length === 1, { evidence });
  assert.deepEqual(zombiesOf(first), []);
});

test('cron as process 1 stays in the foreground, and its start is a boot', needsRoot, async (t) => {
  const sandbox = openSandbox(t, { log: { to: 'stdout', format: 'json' } });
  sandbox.tab('@reboot echo hello\n');
  for (const times of [1, 2]) {
    const cron = sandbox.spawn('cron', ['--config', sandbox.config], { within });
    const first = await firstOf(cron.pid);
    await sandbox.mailed(times);
    kill(first, 'SIGHUP'); // no end
    assert.equal((await sandbox.cronctl(['status'])).status, 0);
    kill(first, 'SIGTERM');
    const { status, stdout, stderr } = await cron.ended;
    assert.deepEqual([status, stderr], [0, '']);
    const lines = stdout.trimEnd().split('\n');
    const events = lines.map((line): unknown => JSON.parse(line).msg);
    assert.ok(events.includes('foreground') && events.includes('Shutting down'), stdout);
  }
  assert.equal(sandbox.mails().length, 2);
});
