/** A name service that does not answer for some users: their jobs wait, and nobody else's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boxed, until } from '../support/system.ts';
import { openHouse } from './house.ts';
import { calls, installRecorder, parseMail } from './mails.ts';

const MAILER = '/usr/sbin/sendmail';
const LOG = '/var/log/mailcron';

/** Does not answer for ldap0, ldap1 ..., nor for who is called like a number, and knows nobody. */
const SOURCE = `#include <nss.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>
enum nss_status _nss_slow_getpwnam_r(const char *name, struct passwd *pwd, char *buffer, size_t size, int *error) {
  while (strncmp(name, "ldap", 4) == 0 || (*name >= '0' && *name <= '9')) sleep(600);
  return NSS_STATUS_NOTFOUND;
}
`;

/** More than a process of Node's own number of threads, and fewer than are looked up at once. */
const HANGING = 40;

test(
  'a name service that hangs holds up the jobs of its users, and no others',
  boxed,
  async (t) => {
    const box = await openHouse(t, async (inside) => {
      await installRecorder(inside, MAILER);
      await inside.write('/tmp/slow.c', SOURCE);
      await inside.run(`
      gcc -shared -fPIC -o /usr/lib/libnss_slow.so.2 /tmp/slow.c
      sed -i '/^passwd:/d' /etc/nsswitch.conf
      echo 'passwd: files slow' >> /etc/nsswitch.conf`);
      const hanging = Array.from({ length: HANGING }, (_, n) => `* * * * * ldap${n} true\n`);
      await inside.write(
        '/etc/crontab',
        `${hanging.join('')}@reboot alice echo alice boots\n* * * * * bob yes | head -c 200000; sleep 2\n`,
      );
    });
    const log = (): Promise<string> => box.read(LOG);
    const mailed = (command: string): Promise<string> =>
      until(
        `a mail of ${command}`,
        async () => (await calls(box, MAILER)).find(({ stdin }) => stdin.includes(command))?.stdin,
        log,
      );
    assert.equal(parseMail(await mailed('echo alice boots')).body, 'alice boots\n');
    // Longer output goes to a file, for which a thread is needed while all those hang.
    assert.equal(parseMail(await mailed('head -c 200000')).body.length, 200_000);
    await until(
      'it is said of all',
      async () =>
        (await log()).match(/did not answer for "ldap\d+"/g)?.length === HANGING || undefined,
      log,
    );
  },
);

test(
  'a job runs as its user, though another is called like that one’s number',
  boxed,
  async (t) => {
    const box = await openHouse(t, async (inside) => {
      await installRecorder(inside, MAILER);
      await inside.run(`
      for group in $(id -G alice); do echo "$group:x:$((group + 5000)):" >> /etc/group; done
      echo "$(id -u alice):x:4444:4444::/:/bin/sh" >> /etc/passwd`);
      await inside.write('/etc/crontab', '@reboot alice id -u; id -g; id -G\n');
    });
    const [call] = await until('the mail', async () => {
      const all = await calls(box, MAILER);
      return all.length > 0 ? all : undefined;
    });
    assert.equal(
      parseMail(call?.stdin ?? '').body,
      await box.run('id -u alice; id -g alice; id -G alice'),
    );
  },
);
