/** Jobs with systemd scopes of their own, in a booted Debian: what they may use, how they end, and jobs without one. */
import assert from 'node:assert/strict';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { type Box, holdBox, until } from '../support/system.ts';
import { booted } from './debian.ts';
import { mailbox } from './mails.ts';

const project = new URL('../../../', import.meta.url).pathname;
const modules = realpathSync(join(project, 'node_modules'));

const TAB = `\
CRON_MEMORY=64M
CRON_CPU=50%
CRON_TASKS=20
@yearly echo lives; sleep 1000
@yearly cat /proc/self/cgroup; env; cat; exit 3%input
@yearly id -u; echo once >> /tmp/ran
`;

/** Where the units of jobs are listed. */
const UNITS = "systemctl list-units --no-legend --plain --all 'cron-alice-*.scope'";

const START =
  'systemd-run -q --unit=mailcron -p Type=notify -p KillMode=process -p RuntimeDirectory=mailcron -p RuntimeDirectoryPreserve=yes node /src/bin/cron -f -L 7';

async function open(t: TestContext): Promise<Box> {
  const binds = [`${project}:/src`, `${modules}:${modules}`].flatMap((bind) => ['--bind', bind]);
  const program = join(project, 'test/support/booted');
  const box = await holdBox(t, [program, 'bookworm', ...binds], 'BOOTED_PID');
  await box.run('systemctl stop cron');
  const paths = '[paths]\nreboot = "/run/mailcron.reboot"\n';
  const rest =
    '[mail]\nmailcmd = "mailbox:"\n[jobs]\nscope = true\n[log]\nto = "/var/log/mailcron"\n';
  await box.write('/etc/mailcron.toml', `${paths}${rest}`);
  await box.write('/var/spool/cron/crontabs/alice', TAB, 'alice', 0o600);
  await box.run(START);
  return box;
}

const cronctl = (box: Box, words: string): Promise<string> =>
  box.run(`node /src/bin/cronctl ${words}`);

/** Names of the scopes that there are. */
const scopes = async (box: Box): Promise<string[]> =>
  (await box.run(UNITS)).split('\n').flatMap((line) => /^\S+/.exec(line)?.[0] ?? []);

const noScope = (box: Box): Promise<true> =>
  until('no scope is left', async () => (await scopes(box)).length === 0 || undefined);

test('a job runs in a scope of its own, with its limits, until it ends', booted, async (t) => {
  const box = await open(t);
  const log = (): Promise<string> => box.read('/var/log/mailcron');

  await t.test('that has what its crontab says', async () => {
    const run = (await cronctl(box, 'run --detach alice:4')).trim();
    const [unit = ''] = await until('there is a scope', async () => {
      const found = await scopes(box);
      return found.length === 1 ? found : undefined;
    });
    assert.equal(unit.replaceAll('\\x2d', '-'), `cron-alice-${run}.scope`);
    const properties = 'MemoryMax CPUQuotaPerSecUSec TasksMax'.split(' ');
    const shown = await box.run(
      `systemctl show ${properties.map((name) => `-p ${name}`).join(' ')} '${unit}'`,
    );
    assert.deepEqual(shown.trim().split('\n').toSorted(), [
      'CPUQuotaPerSecUSec=500ms',
      'MemoryMax=67108864',
      'TasksMax=20',
    ]);
    const pid = (await box.run('pgrep -of "echo lives; sleep [1]000"')).trim();
    assert.match(await box.run(`cat /proc/${pid}/cgroup`), new RegExp(unit.replaceAll('\\', '.')));
    assert.match(await log(), new RegExp(`CRON\\[${pid}\\]: .*CMD`), 'it is the job itself');
  });

  await t.test('that goes on when cron is restarted, and is ended by cronctl', async () => {
    await box.run('systemctl restart mailcron');
    assert.equal((await scopes(box)).length, 1);
    const run = await until(
      'the new cron knows it',
      async () => /"run":"([^"]+)"/.exec(await cronctl(box, 'status --json'))?.[1],
    );
    await cronctl(box, `kill ${run}`);
    await noScope(box);
    await until('its mail is there', async () =>
      (await mailbox(box, 'alice')).find(({ body }) => body.includes('lives')),
    );
  });

  await t.test('and is as it would be without one', async () => {
    await cronctl(box, 'run --detach alice:5');
    const { header, body } = await until('its mail is there', async () =>
      (await mailbox(box, 'alice')).find(({ body: text }) => text.includes('input')),
    );
    assert.ok(header.includes('X-Cron-Status: exit 3'));
    assert.match(body, /cron-alice-.*\.scope\n/);
    assert.match(body, /^LOGNAME=alice$/m);
    assert.doesNotMatch(body, /INVOCATION_ID|SYSTEMD/);
    assert.match(body, /\ninput$/m);
    await noScope(box);
  });

  await t.test('and runs once without it where systemd gives none', async () => {
    await box.run('mv /usr/bin/systemd-run /usr/bin/systemd-run.away');
    await box.write(
      '/usr/bin/systemd-run',
      '#!/bin/sh\necho "Failed to start transient scope unit: Connection timed out" >&2\nexit 1\n',
      'root',
      0o755,
    );
    await cronctl(box, 'run --detach alice:6');
    await until(
      'it has run',
      async () => (await box.read('/tmp/ran').catch(() => '')) || undefined,
    );
    await until('its mail is there', async () =>
      (await mailbox(box, 'alice')).find(({ body }) => /^\d+\n$/.test(body)),
    );
    assert.equal(await box.read('/tmp/ran'), 'once\n');
    assert.match(
      await log(),
      /\(alice\) ERROR \(job runs without a systemd scope and its limits: Failed to start transient scope unit: Connection timed out: id -u/,
    );
    assert.deepEqual(await scopes(box), []);
  });
});
