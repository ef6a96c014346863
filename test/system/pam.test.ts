/** PAM's account check with the machine's own PAM, and with a module that hangs, asks and fails. */
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
    useradd -m dave
    gcc -O2 -Wall -Wextra -Werror -shared -fPIC -o /opt/pam_odd.so /src/test/system/pam_odd.c -l:libpam.so.0
    install -d -g mail -m 2775 /srv/ours/mailbox
    echo "account required /opt/pam_odd.so" > /etc/pam.d/cron`);
    for (const user of ['alice', 'bob', 'carol', 'dave', 'root'])
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
    await t.test('whose module hangs, waits, and runs when it answers', async () => {
      assert.deepEqual(await bodies('bob'), []);
      await box.write('/run/answer', '');
      assert.equal(await mailed('bob'), 'bob was here');
    });
  },
);
