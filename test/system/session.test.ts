/** PAM sessions of jobs: limits, login uid, environment and groups of each, and that each is closed, whoever dies. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boxed, openBox, until } from '../support/system.ts';
import * as crons from './crons.ts';

/** Writes down each opening and closing, by PAM's own module for that. */
const NOTE = `#!/bin/sh
echo "$PAM_TYPE $PAM_USER $PAM_TTY $(id -u)" >> /run/sessions
`;

const ASK = String.raw`echo $(ulimit -Sn) $(ulimit -Hn) $(ulimit -Sv) $(cat /proc/self/loginuid) $FROM_PAM $(id -un) "$(id -Gn)"`;

test('jobs have PAM sessions of their own with session = "pam"', boxed, async (t) => {
  const box = await openBox(t);
  const ours = crons.own('ours');
  await box.run(`
    install -D -m 644 /src/packaging/debian/mailcron/pam /etc/pam.d/cron
    echo "session optional pam_exec.so quiet /opt/note" >> /etc/pam.d/cron
    sed -i '1i auth optional pam_group.so' /etc/pam.d/cron
    echo '*;*;alice;Al0000-2400;games' > /etc/security/group.conf
    install -d -g mail -m 2775 /srv/ours/mailbox
    echo 'FROM_PAM=so' > /etc/environment
    printf 'alice soft nofile 333\nalice hard nofile 444\nalice soft as 300000\n' > /etc/security/limits.d/alice.conf
    : > /run/sessions`);
  await box.write('/opt/note', NOTE, 'root', 0o755);
  await crons.installTab(
    box,
    ours,
    'alice',
    `@reboot ${ASK}
@reboot exit 3
@reboot kill -KILL $$
CRON_TIMEOUT=1s
@reboot echo slow; sleep 600
CRON_TIMEOUT=0
@reboot echo bereft; exec > /tmp/bereft 2>&1; echo begun; while test ! -e /tmp/end-bereft; do sleep 0.1; done; echo over
@reboot echo long; exec > /dev/null 2>&1; while test ! -e /tmp/end; do sleep 0.1; done
`.replaceAll(/^@reboot (exit|kill)/gm, '@reboot echo $1; $1'),
  );
  await crons.installTab(box, ours, 'bob', `@reboot ${ASK}%input\n`);
  const settings = '[mail]\nmailcmd = "mailbox:"\n[jobs]\nsession = "pam"\n';
  await crons.startMailcron(box, { name: 'ours', settings });

  const evidence = async (): Promise<string> =>
    `${await box.read(ours.log)}${await box.read('/run/sessions')}`;
  const mailWith = async (user: string, text: RegExp): Promise<string> =>
    await until(
      `${user} has a mail with ${String(text)}`,
      async () =>
        (await box.read(`/srv/ours/mailbox/${user}`))
          .split(/^From .*\n/m)
          .find((mail) => text.test(mail)),
      evidence,
    );
  const sessions = async (): Promise<string[]> =>
    (await box.read('/run/sessions')).trim().split('\n');

  await t.test('limits, login uid, environment and groups are the user’s', async () => {
    const uid = async (user: string): Promise<string> => (await box.run(`id -u ${user}`)).trim();
    const alice = await mailWith('alice', /^\d+ \d+ .* alice /m);
    const groups = 'alice adm games users';
    assert.ok(alice.includes(`\n333 444 300000 ${await uid('alice')} so alice ${groups}\n`), alice);
    const bob = await mailWith('bob', /^\d+ \d+ .* bob /m);
    assert.match(bob, RegExp(`^1024 \\d+ unlimited ${await uid('bob')} so bob bob$`, 'm'));
  });
  await t.test('a job’s end is its own', async () => {
    assert.match(await mailWith('alice', /^exit$/m), /^X-Cron-Status: exit 3$/m);
    assert.match(await mailWith('alice', /^kill$/m), /^X-Cron-Status: signal SIGKILL$/m);
    assert.match(await mailWith('alice', /^slow$/m), /^X-Cron-Status: signal SIGTERM$/m);
  });
  await t.test('each session is closed by root when its job has ended', async () => {
    const count = (all: readonly string[], line: string): number =>
      all.filter((one) => one === line).length;
    const all = await until(
      'the sessions are closed',
      async () => {
        const now = await sessions();
        return count(now, 'close_session alice cron 0') === 4 ? now : undefined;
      },
      evidence,
    );
    assert.equal(count(all, 'open_session alice cron 0'), 6);
    assert.equal(count(all, 'open_session bob cron 0'), 1);
    assert.equal(count(all, 'close_session bob cron 0'), 1);
  });
  await t.test('a job whose holder is killed goes on, and its end is noticed', async () => {
    await until('it has begun', async () => (await box.read('/tmp/bereft')) || undefined, evidence);
    // Its holder is the parent of the job's shell.
    await box.run(`
      shell=$(pgrep -u alice -f '[e]cho bereft' -o)
      kill -KILL $(ps -o ppid= -p $shell)`);
    await box.run('sleep 1.5'); // longer than the look at a job that nobody waits for
    assert.equal(await box.read('/tmp/bereft'), 'begun\n');
    await box.write('/tmp/end-bereft', '');
    const mail = await mailWith('alice', /^bereft$/m);
    assert.equal(await box.read('/tmp/bereft'), 'begun\nover\n');
    assert.match(mail, /^X-Cron-Status: unknown$/m);
    const why = 'the process that held the PAM session of this job died; its outcome is unknown';
    assert.ok(mail.includes(`\ncron: ${why}\nbereft\n`), mail);
    assert.ok((await box.read(ours.log)).includes(`(alice) ERROR (${why}: echo bereft;`));
    const runs = await box.run(
      'node /src/bin/cronctl history --config /srv/ours/mailcron.toml --json',
    );
    assert.match(runs, /"command":"echo bereft[^\n]*"outcome":"unknown"/);
  });
  await t.test(
    'a runner that is killed leaves its job and the session, which is closed',
    async () => {
      await box.run(`kill -KILL $(pgrep -f 'cli/[r]unner.js')`);
      await box.run('pgrep -u alice -x sleep || pgrep -u alice -x sh');
      assert.equal((await sessions()).filter((line) => /^close.*alice/.test(line)).length, 4);
      await box.write('/tmp/end', '');
      await until(
        'the last session is closed',
        async () =>
          (await sessions()).filter((line) => /^close.*alice/.test(line)).length === 5 || undefined,
        evidence,
      );
      await until('no holder is left', async () =>
        (await box.run("pgrep -f 'cli/[h]old.js' || true")) === '' ? true : undefined,
      );
    },
  );
});
