/** PAM's account check with the machine's own PAM, and with a module that hangs, asks, fails and crashes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boxed, openBox, until } from '../support/system.ts';
import * as crons from './crons.ts';

test(
  'a job runs only as far as PAM lets its user, and a module that hangs holds up its user alone',
  boxed,
  async (t) => {
    const box = await openBox(t);
    const ours = crons.own('ours');
    await box.run(`
    for user in dave erin frank grace; do useradd -m $user; done
    gcc -O2 -Wall -Wextra -Werror -shared -fPIC -o /opt/pam_odd.so /src/test/system/pam_odd.c -l:libpam.so.0
    install -d -g mail -m 2775 /srv/ours/mailbox
    echo "account required /opt/pam_odd.so" > /etc/pam.d/cron`);
    const ending = ['erin', 'frank', 'grace'];
    for (const user of ['alice', 'bob', 'carol', 'dave', 'root', ...ending])
      await crons.installTab(box, ours, user, `@reboot echo ${user} was here\n`);
    const settings = '[mail]\nmailcmd = "mailbox:"\n';
    await crons.startMailcron(box, { name: 'ours', settings });

    const bodies = async (user: string): Promise<string[]> => {
      const text = await box.read(`/srv/ours/mailbox/${user}`);
      return text
        .split(/^From .*\n/m)
        .slice(1)
        .map((mail) => mail.slice(mail.indexOf('\n\n') + 2).trim());
    };
    const mailed = async (user: string): Promise<string> =>
      await until(
        `${user} has a mail`,
        async () => (await bodies(user))[0],
        () => box.read(ours.log),
      );
    await t.test('who may, runs', async () => {
      assert.equal(await mailed('alice'), 'alice was here');
      assert.equal(await mailed('root'), 'root was here');
    });
    await t.test(
      'nobody answers a question; who is refused is told nothing, the log is',
      async () => {
        const line = /^.*\(carol\).*$/m;
        await until(
          'carol is refused',
          async () => line.exec(await box.read(ours.log)) ?? undefined,
        );
        const why = 'Permission denied; job not started: echo carol was here';
        const [said = ''] = line.exec(await box.read(ours.log)) ?? [];
        assert.ok(said.endsWith(`(carol) FAILED to authorize user with PAM (${why})`), said);
        assert.deepEqual(await bodies('carol'), []);
      },
    );
    await t.test('a PAM that does not work is told of by mail', async () => {
      assert.equal(await mailed('dave'), 'cron: this job could not be started: PAM: System error');
    });
    await t.test('a module that crashes costs its user’s job, and no other one', async () => {
      const why =
        /^cron: this job could not be started: PAM: the process that asked it died \(.+\)$/;
      for (const user of ending) assert.match(await mailed(user), why);
      assert.doesNotMatch(await box.read(ours.log), /runner|LOST/);
      const pam = await box.run(`grep -l libpam /proc/$(pgrep -f 'cli/[r]unner.js')/maps || true`);
      assert.equal(pam, '', 'the runner has nothing of PAM');
    });
    await t.test('whose module hangs, waits, and runs when it answers', async () => {
      assert.deepEqual(await bodies('bob'), []);
      await box.write('/run/answer', '');
      assert.equal(await mailed('bob'), 'bob was here');
    });
    await t.test('when there is nothing to ask, no process is left', async () => {
      await until(
        'none is left',
        async () => (await box.run("pgrep -f 'cli/[c]hecker.js' || true")) === '' || undefined,
      );
    });
  },
);
