/** mailcron-setup under OpenRC and sysvinit, Debian's packages of them: started, restarted, stopped, and taken away. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Box, boxed, openBox, until } from '../support/system.ts';
import { installGlobally } from './npm.ts';

interface Case {
  /** Debian's packages, unpacked over the box's root. */
  readonly packages: readonly string[];
  /** What the machine is at when this init has booted it. */
  readonly booted: string;
  readonly service: string;
  /** Starts what is to run. */
  readonly enter: string;
  /** Status of a daemon that was killed. */
  readonly crashed: number;
}

const cases: Record<string, Case> = {
  openrc: {
    packages: ['openrc', 'libeinfo1', 'librc1', 'insserv', 'busybox-static'],
    // The shell is Alpine's, too.
    booted: 'rm -f /etc/init.d/*.sh; ln -sf busybox /bin/sh; openrc sysinit',
    service: 'rc-service cron',
    // In about one of five times this openrc starts nothing: it wants to have been process 1.
    enter: 'rc-update show default | grep -w cron; openrc default; rc-service cron start',
    crashed: 32,
  },
  sysvinit: {
    packages: ['sysv-rc', 'insserv', 'startpar', 'initscripts', 'sysvinit-core'],
    booted: 'cp /usr/share/sysvinit/inittab /etc/inittab; insserv',
    service: '/etc/init.d/cron',
    enter: 'runlevel= RUNLEVEL=2 PREVLEVEL=N /etc/init.d/rc 2',
    crashed: 1,
  },
};

/** The status that a command ends with, whatever it is. */
async function statusOf(box: Box, command: string): Promise<number> {
  return Number(await box.run(`${command} > /dev/null 2>&1 && echo 0 || echo $?`));
}

/** Everything that a setup could change, but for the copies that userdel(8) leaves. */
const SNAPSHOT = `
  /usr/bin/find /etc /usr/local/bin /usr/local/sbin /usr/local/share /var/spool ! -name '*-' ! -path '*/node_modules/*' ! -path /etc/mailcron.toml -printf '%p %m %l\\n' | sort
  md5sum /etc/passwd /etc/group`;

/** What is there and was not before, and the other way round. */
const CHANGES = `{ ${SNAPSHOT}\n} | diff /tmp/before - || true`;

for (const [name, { packages, booted, service, enter, crashed }] of Object.entries(cases)) {
  test(`mailcron-setup makes mailcron the cron of ${name}, and takes it away`, boxed, async (t) => {
    const box = await openBox(t, { packages });
    await box.run(`
      for deb in /debs/*.deb; do dpkg --fsys-tarfile $deb | tar -x -C / --keep-directory-symlink; done
      ldconfig
      rm -rf /etc/crontab /etc/cron.d/* /var/spool/cron
      ${booted}`);
    await installGlobally(box);
    await box.write(
      '/etc/mailcron.toml',
      '[mail]\nmailcmd = "mailbox:"\n[log]\nto = "/var/log/cron"\n',
    );
    await box.write(
      '/etc/cron.d/long',
      '@reboot alice echo begun; touch /tmp/begun; while [ ! -e /tmp/go ]; do sleep 0.1; done; echo done\n',
    );
    await box.run(`{ ${SNAPSHOT}\n} > /tmp/before`);
    const said = await box.run('mailcron-setup --yes');
    assert.match(said, new RegExp(`^init +${name}$`, 'm'));
    assert.match(said, / write +\/etc\/init\.d\/cron\n/);
    assert.match(await box.run('mailcron-setup'), /All of it is in place\.\n$/);

    // It runs, and the job of the boot too.
    assert.equal(await statusOf(box, `${service} status`), 0);
    await until(
      'the job runs',
      async () => (await box.list('/tmp')).includes('begun') || undefined,
    );
    const pid = async (): Promise<string> => (await box.read('/run/crond.pid')).trim();
    const first = await pid();
    await box.run('echo "0 5 * * * true" | runuser -u alice -- crontab -');
    assert.match(await box.run('runuser -u alice -- crontab -l'), /^0 5 /);

    await box.run(`${service} reload`);
    assert.equal(await pid(), first);
    await box.run(`${service} restart`);
    const second = await pid();
    assert.notEqual(second, first);
    assert.equal(await statusOf(box, `${service} status`), 0);

    // The job went on, and is mailed.
    await box.run('touch /tmp/go');
    const mail = await until('the mail', async () => {
      const text = await box.read('/var/mail/alice');
      return text.includes('X-Cron-Status') ? text : undefined;
    });
    assert.match(mail, /\n\nbegun\ndone\n/);
    assert.equal(mail.split('\nbegun\n').length, 2);

    await box.run(`${service} stop`);
    assert.equal(await statusOf(box, `${service} status`), 3);
    assert.equal(await statusOf(box, `kill -0 ${second}`), 1);
    assert.equal(await statusOf(box, 'cronctl status'), 3);

    // The init itself starts it, and notices a death.
    const entered = await box.run(enter);
    await until(
      'it runs again',
      async () => (await pid()) || undefined,
      () => entered,
    );
    assert.equal(await statusOf(box, `${service} status`), 0);
    const killed = await pid();
    await box.run(`kill -9 ${killed}; while kill -0 ${killed} 2> /dev/null; do sleep 0.1; done`);
    assert.equal(await statusOf(box, `${service} status`), crashed);
    await box.run(`${service} restart`);
    assert.equal(await statusOf(box, 'cronctl status'), 0);

    const last = await pid();
    await box.run('runuser -u alice -- crontab -r; mailcron-setup --undo --yes');
    assert.equal(await statusOf(box, `kill -0 ${last}`), 1);
    assert.equal(await box.run(CHANGES), '');
    assert.match(await box.run('mailcron-setup --undo'), /Nothing was set up here/);
  });
}

test('mailcron-setup touches nothing that is not ours, and says what to do', boxed, async (t) => {
  const box = await openBox(t);
  await installGlobally(box);
  await box.run('rm -rf /usr/local/bin/crontab /etc/init.d/cron');
  const refused = async (): Promise<string> => {
    const before = await box.run(SNAPSHOT);
    const said = await box.run('mailcron-setup --yes --init sysvinit 2>&1 && exit 9 || [ $? = 1 ]');
    assert.equal(await box.run(SNAPSHOT), before);
    return said;
  };
  await box.write('/usr/local/bin/crontab', '#!/bin/sh\n', 'root', 0o755);
  assert.match(await refused(), /\/usr\/local\/bin\/crontab is there and not ours/);
  await box.run('rm /usr/local/bin/crontab; cp /bin/sleep /tmp/crond');
  box.start(['/tmp/crond', '600']);
  assert.match(await refused(), /another cron is running, crond with pid \d+: .*\n +\S+.* stop /);
  await box.run('kill $(pgrep -x crond); while pgrep -x crond; do sleep 0.1; done');
  await box.run('chown bob /usr/local/lib/node_modules/mailcron/dist/src/daemon.js');
  assert.match(await refused(), /daemon\.js belongs to uid \d+, who could become root by it/);
  await box.run(
    'chown root /usr/local/lib/node_modules/mailcron/dist/src/daemon.js; chmod 777 /usr/local/lib',
  );
  assert.match(await refused(), /\/usr\/local\/lib can be changed by others than root/);
});
