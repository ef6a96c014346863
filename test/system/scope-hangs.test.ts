/** A systemd that does not answer: jobs run without their scopes, once, and soon, and nobody else's wait for them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boxed, until } from '../support/system.ts';
import { installTab, own } from './crons.ts';
import { openHouse } from './house.ts';
import { mailbox } from './mails.ts';

const LOG = '/var/log/mailcron';

/** Hangs for alice; for others it becomes the rest of its words, as the real one does. */
const SYSTEMD_RUN = `#!/bin/sh
case "$*" in *cron-alice*) echo >> /tmp/asked; sleep 1000; esac
while test "$1" != --; do shift; done
shift
exec "$@"
`;

const UNLIMITED =
  /\(alice\) ERROR \(job runs without a systemd scope and its limits: systemd(-run)? did not answer/g;

/** Which second it is, and what came on standard input. */
const COMMAND = String.raw`date +\%S; cat; echo ran >> /tmp/$LOGNAME%input`;

test(
  'a systemd that hangs costs a job its scope and some seconds, and others nothing',
  boxed,
  async (t) => {
    const box = await openHouse(
      t,
      async (inside) => {
        await inside.write('/usr/bin/systemd-run', SYSTEMD_RUN, 'root', 0o755);
        await inside.run('mkdir -p /run/systemd/system; install -d -g mail -m 2775 /var/mail');
        const paths = { ...own(''), spool: '/var/spool/cron/crontabs' };
        for (const user of ['alice', 'bob'])
          await installTab(inside, paths, user, `* * * * * ${COMMAND}\n`);
      },
      { settings: '[mail]\nmailcmd = "mailbox:"\n[jobs]\nscope = true\n' },
    );
    const log = (): Promise<string> => box.read(LOG);
    const mails = async (user: string): Promise<string[]> =>
      (await mailbox(box, user)).map(({ body }) => body);
    const first = (user: string): Promise<string> =>
      until(`${user} has a mail`, async () => (await mails(user))[0], log);
    await t.test('whose has none, is on time', async () => {
      assert.match(await first('bob'), /^0\d\ninput\n$/);
      assert.deepEqual(await mails('alice'), []);
    });
    await t.test('whose hangs, runs without it, once', async () => {
      assert.match(await first('alice'), /^[01]\d\ninput\n$/);
      assert.equal(await box.read('/tmp/asked'), '\n');
      assert.equal(await box.read('/tmp/alice'), 'ran\n');
      assert.equal((await log()).match(UNLIMITED)?.length, 1);
      assert.equal((await log()).match(/\(alice\) CMD/g)?.length, 1);
      assert.equal(await box.run('pgrep -f "sleep [1]000" || true'), '');
    });
    await t.test('for a while, nobody asks it', async () => {
      const before = (await box.read('/tmp/asked')).length;
      await box.run('cronctl run alice:1 < /dev/null');
      assert.equal((await box.read('/tmp/asked')).length, before);
      assert.match(await box.read('/tmp/alice'), /^(ran\n){2,}$/);
    });
  },
);
