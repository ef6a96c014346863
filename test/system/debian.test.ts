/**
 * An administrator's day, on Debian 12 and 13 with systemd as process 1: mailcron takes the place of Debian's cron, is
 * restarted, killed, hung, upgraded, downgraded, and gives the place back. Alice has a job in each minute of it.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test, type TestContext } from 'node:test';
import { until } from '../support/system.ts';
import { mailbox } from './mails.ts';
import { boot, booted, build, type Debian, story, type Suite, WAITS } from './debian.ts';

describe('the packages of Debian', { ...booted, concurrency: 3 }, () => {
  const scratch = mkdtemp(join(tmpdir(), 'mailcron-debs-'));
  after(async () => rm(await scratch, { recursive: true }));
  let built: Promise<unknown> | null = null;
  /** A folder with the first revision in "old", and the second in "new". */
  const packages = async (): Promise<string> => {
    const folder = await scratch;
    built ??= Promise.all([build(folder, 'old'), build(folder, 'new', '--revision', '2')]);
    await built;
    return folder;
  };

  for (const suite of ['bookworm', 'trixie'] as const)
    test(`take over a ${suite} and give it back`, booted, async (t) =>
      day(t, suite, await packages()),
    );

  test('are the same bytes when they are built again', booted, async () => {
    const folder = await packages();
    await build(folder, 'again');
    await build(folder, 'arm', '--arch', 'arm64');
    await build(folder, 'arm-again', '--arch', 'arm64');
    for (const [once, again] of [
      ['old', 'again'],
      ['arm', 'arm-again'],
    ] as const) {
      const names = await readdir(join(folder, once));
      assert.equal(names.length, 2);
      for (const name of names) {
        const bytes = await readFile(join(folder, once, name));
        assert.ok(bytes.equals(await readFile(join(folder, again, name))), name);
      }
    }
  });
});

const CRONTABS = {
  alice: String.raw`# what alice does
SHELL=/bin/bash
* * * * * date +\%H:\%M | tee -a minutes
@reboot date >> reboots
@yearly echo by hand
@yearly exec ./waits
`,
  bob: 'MAILTO=bob\n*  *\t* * *   echo "minute of bob"\n',
  carol: '# m h dom mon dow\n* * * * * echo minute of carol; exit 3\n',
};

const OLD = '/debs/old/mailcron_*.deb';
const NEW = '/debs/new/mailcron_*.deb';

async function day(t: TestContext, suite: Suite, packages: string): Promise<void> {
  const debian = await boot(t, suite, packages);
  const { run, read, write, as, apt, unit, crontabs, mail, begin } = debian;

  let tabs = '';
  let settings = '';
  let fed = 0;
  let since = '';
  const minutes = async (): Promise<string[]> =>
    (await read('/home/alice/minutes')).split('\n').slice(0, -1);
  const nextMinute = async (): Promise<void> => {
    const before = (await minutes()).length;
    await until('alice’s next minute', async () => (await minutes())[before]);
  };
  const isActive = (): Promise<string> => run('systemctl is-active cron || :');
  const status = async (): Promise<string> => `${await unit('ActiveState')} ${await unit('Type')}`;
  const replaced = (pid: string): Promise<true> =>
    until('there is another scheduler', async () => {
      const now = await unit('MainPID');
      return now !== pid && now !== '0' && (await isActive()) === 'active\n' ? true : undefined;
    });
  const restarts = async (): Promise<number> => Number(await unit('NRestarts'));

  await story(t, {
    'Debian’s cron is there, with three crontabs': async () => {
      await write('/home/alice/waits', WAITS, 'alice', 0o755);
      for (const [user, text] of Object.entries(CRONTABS)) {
        await write(`/tmp/${user}`, text, user);
        await as(user, `crontab /tmp/${user}`);
      }
      await run(
        `sed -i 's/^#* *EXTRA_OPTS=.*/# as we like it\\nEXTRA_OPTS="-L 15"/' /etc/default/cron`,
      );
      settings = await read('/etc/default/cron');
      assert.match(settings, /^EXTRA_OPTS="-L 15"$/m);
      tabs = await crontabs();
      await nextMinute();
    },

    'it is taken over, and the minute in which no cron was running is made up': async () => {
      // The second is neither so late that the minute may end before the package comes, nor so early
      // that it takes longer than an upgrade may.
      await until('20 seconds have passed', () => {
        const second = new Date().getSeconds();
        return second >= 20 && second < 35 ? true : undefined;
      });
      await write(
        '/run/systemd/system/cron.service.d/late.conf',
        String.raw`[Service]
ExecStartPre=/bin/sh -c 'while [ "$$(date +%%M)" = ${String(new Date().getMinutes()).padStart(2, '0')} ]; do sleep 0.1; done'
`,
      );
      await apt('install', OLD);
      since = (await run('date "+%F %T"')).trim();
      await run('rm -r /run/systemd/system/cron.service.d; systemctl daemon-reload');
      assert.equal(await status(), 'active notify');
      assert.equal(await run('systemctl is-enabled cron'), 'enabled\n');
      assert.equal(await run('dpkg-query -Wf "\\${Status}" cron'), 'deinstall ok config-files');
      assert.equal(await crontabs(), tabs);
      assert.equal(await read('/etc/default/cron'), settings);
    },

    'and everyone’s next mail is there, by way of Exim': async () => {
      for (const user of Object.keys(CRONTABS)) {
        const { header } = await mail(user, (each) =>
          each.header.some((line) => line.startsWith('X-Cron-Status: ')),
        );
        assert.match(header.join('\n'), /^Received: .*(?:\n\s.*)*with local \(Exim /m);
        assert.ok(
          header.includes(`X-Cron-Status: exit ${user === 'carol' ? 3 : 0}`),
          header.join('\n'),
        );
      }
      assertConsecutive(await minutes());
    },

    'it says what it does': async () => {
      assert.match(await unit('StatusText'), /^\d+ entries in \d crontabs, \d+ running jobs?/);
      assert.equal(await run('systemd-analyze verify --man=no cron.service 2>&1'), '');
      assert.match(await run('cronctl status'), /is running with pid/);
    },

    '`crontab -e` edits': async () => {
      await write('/tmp/editor', '#!/bin/sh\nsed -i "1s/does/does now/" "$1"\n', 'root', 0o755);
      await as('alice', 'EDITOR=/tmp/editor crontab -e');
      assert.equal(await as('alice', 'crontab -l'), CRONTABS.alice.replace('does', 'does now'));
      const [before, now] = [tabs, await crontabs()].map((text) =>
        text.slice(text.indexOf('==> bob')),
      );
      assert.equal(now, before);
      tabs = await crontabs();
    },

    'a reload keeps the scheduler': async () => {
      const pid = await unit('MainPID');
      await run('systemctl reload cron');
      await until('it is done', async () => (await isActive()) === 'active\n' || undefined);
      assert.equal(await unit('MainPID'), pid);
    },

    'a restart loses nothing of a running job': async () => {
      const job = await begin('restart');
      const pid = await unit('MainPID');
      await run('systemctl restart cron');
      await replaced(pid);
      await job.finish();
    },

    // What the kernel does for want of memory; the memory controller is not ours to have here.
    'a job that is killed stops no cron': async () => {
      const [pid, before] = [await unit('MainPID'), await restarts()];
      const job = await begin('victim');
      await run(`kill -9 ${job.pid}`);
      const { header } = await mail('alice', ({ body }) => body === 'victim begins\n');
      assert.match(header.join('\n'), /^X-Cron-Status: .*(?:SIG)?KILL/m);
      assert.deepEqual([await unit('MainPID'), await restarts()], [pid, before]);
      assert.equal(await unit('OOMPolicy'), 'continue');
    },

    'a scheduler that is killed is replaced': async () => {
      const job = await begin('crash');
      const [pid, before] = [await unit('MainPID'), await restarts()];
      await run(`kill -9 ${pid}`);
      await replaced(pid);
      assert.equal(await restarts(), before + 1);
      await job.finish();
    },

    'a scheduler that hangs is replaced': async () => {
      const job = await begin('hang');
      const [pid, before] = [await unit('MainPID'), await restarts()];
      // In its name, so that nobody has to wait three minutes.
      await run(
        `NOTIFY_SOCKET=/run/systemd/notify systemd-notify --pid=${pid} WATCHDOG_USEC=1000000; kill -STOP ${pid}`,
      );
      await replaced(pid);
      assert.equal(await restarts(), before + 1);
      assert.match(await run('journalctl -q -u cron'), /Failed with result 'watchdog'/);
      await job.finish();
    },

    'an upgrade disturbs no job, and no setting': async () => {
      const job = await begin('upgrade');
      const pid = await unit('MainPID');
      await apt('install', NEW);
      await replaced(pid);
      assert.equal(await version(debian), '2');
      assert.equal(await read('/etc/default/cron'), settings);
      await job.finish();
    },

    'and all the time there was each minute once': async () => {
      assertConsecutive(await minutes());
    },

    'a cron that is stopped stays stopped, and its jobs go on': async () => {
      const job = await begin('stop');
      await run('systemctl stop cron');
      // Nothing that anybody asks for starts it.
      assert.match(await as('alice', 'crontab -l || :'), /cron is not running/);
      assert.match(await run('crontab -u alice -l'), /^# what alice does now\n/);
      await apt('install', '--allow-downgrades', OLD);
      assert.equal(await version(debian), '1');
      await job.finish();
      assert.equal(await isActive(), 'inactive\n');
      await run('systemctl start cron');
      fed = Number(await unit('WatchdogTimestampMonotonic'));
      assert.ok(fed > 0);
    },

    'Postfix takes the mail as well': async () => {
      await apt('install', 'postfix');
      await run('systemctl start postfix');
      await as('alice', "cronctl run --detach 'by hand'");
      const { header } = await mail('alice', ({ body }) => body === 'by hand\n');
      assert.match(header.join('\n'), /^Received: by .* \(Postfix, from userid \d+\)/m);
    },

    'mailcron-mta takes the place of Postfix, and delivers': async () => {
      await apt('install', '/debs/old/mailcron-mta_*.deb');
      assert.equal(
        await run('readlink -f /usr/sbin/sendmail'),
        '/usr/lib/mailcron/bin/cron-sendmail\n',
      );
      await run('echo hello | sendmail alice; mailq; newaliases');
      await mail('alice', ({ body }) => body === 'hello\n');
    },

    'logcheck tells only what went wrong': async () => {
      const told = await run(`
        journalctl -q -o short --since '${since}' -t CRON -t cron -t crontab |
          grep -vEf /etc/logcheck/ignore.d.server/mailcron || :`);
      // Carol's jobs fail, one of alice's is killed, and for a moment there is no sendmail.
      const wrong =
        / CRON\[\d+\]: (?:\(CRON\) (?:error \(grandchild #\d+ |info \(No MTA )|\(\w+\) MAIL \()/;
      const ordinary = told.split('\n').filter((line) => line !== '' && !wrong.test(line));
      assert.deepEqual(ordinary, []);
    },

    'the shells complete': () => completes(debian, suite),

    'the watchdog is fed': async () => {
      await until('a minute later', async () =>
        Number(await unit('WatchdogTimestampMonotonic')) > fed ? true : undefined,
      );
    },

    'Debian’s cron comes back, and no crontab is lost': async () => {
      const job = await begin('removal');
      // And a mail system with it: without one, what is left to mail stays in the outbox.
      await apt('install', 'cron', 'postfix');
      assert.equal(await status(), 'active simple');
      assert.equal(await run('systemctl is-enabled cron'), 'enabled\n');
      assert.equal(await crontabs(), tabs);
      assert.equal(await read('/etc/default/cron'), settings);
      // It hides up to three comments at the top: those that we write there as it does, and none of hers.
      const shown = CRONTABS.alice.replace('does', 'does now');
      assert.equal(await as('alice', 'crontab -l'), shown);
      await job.finish(); // by a runner whose package is gone
      await nextMinute();
    },

    'a purge leaves Debian’s cron, and nothing of ours': async () => {
      await apt('purge', 'mailcron');
      assert.equal(await leftovers(debian), '');
      assert.equal(await isActive(), 'active\n');
      assert.equal(await read('/etc/default/cron'), settings);
      assert.equal(await crontabs(), tabs);
    },

    'and so does one of the only cron, but for the crontabs': async () => {
      await apt('install', OLD);
      await apt('purge', 'mailcron', 'cron');
      assert.equal(await leftovers(debian), '');
      assert.equal(await read('/etc/default/cron'), '');
      assert.match(await run('systemctl is-enabled cron 2>&1 || :'), /not-found|No such file/);
      assert.equal(await crontabs(), tabs);
      assert.notEqual(await read('/etc/crontab'), '');
    },

    'each of alice’s jobs was mailed once, and none that is for a boot': async () => {
      const bodies = (await mailbox(debian, 'alice')).map(({ body }) => body);
      for (const name of ['restart', 'victim', 'crash', 'hang', 'upgrade', 'stop', 'removal'])
        assert.equal(bodies.filter((body) => body.startsWith(`${name} begins`)).length, 1, name);
      assert.equal(await read('/home/alice/reboots'), '');
    },

    ...(suite === 'trixie' ? { 'lintian has no complaint': () => lintian(debian) } : {}),
  });
}

function assertConsecutive(minutes: readonly string[]): void {
  const numbers = minutes.map(
    (minute) => Number(minute.slice(0, 2)) * 60 + Number(minute.slice(3)),
  );
  const first = numbers[0] ?? 0;
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => (first + index) % 1440),
    minutes.join(' '),
  );
}

/** The Debian revision that is installed. */
async function version({ run }: Debian): Promise<string> {
  return (await run('dpkg-query -Wf "\\${Version}" mailcron')).replace(/.*-/, '');
}

/** Files, users and units with our name. */
async function leftovers({ run }: Debian): Promise<string> {
  return run(`
    find / -xdev -iname '*mailcron*' ! -path '/proc/*' ! -path '/var/log/*' ! -path '/tmp/*' 2> /dev/null || :
    find /run /etc /var/lib -iname '*mailcron*'
    getent passwd mailcron || :
    ls /usr/bin/cronctl /usr/sbin/cron-sendmail 2> /dev/null || :`);
}

async function completes({ run }: Debian, suite: Suite): Promise<void> {
  const bash = (...words: string[]): Promise<string> =>
    run(`bash -c '
      if [ -e /usr/share/bash-completion/bash_completion ]; then . /usr/share/bash-completion/bash_completion; fi
      for file in /usr/share/bash-completion/completions/cronctl /etc/bash_completion.d/mailcron; do . $file; done
      COMP_WORDS=(${words.map((word) => `"${word}"`).join(' ')}) COMP_CWORD=${words.length - 1}
      function=$(complete -p ${words[0]} | sed "s/.*-F //; s/ .*//")
      $function; printf "%s\\n" "\${COMPREPLY[@]}"'`);
  assert.equal(await bash('cronctl', 'mailq', '--j'), '--json\n');
  assert.match(await bash('cronctl', 'ne'), /^next\n$/);
  assert.match(await bash('crontab', '-u', 'ali'), /^alice\n$/);
  if (suite === 'bookworm') return; // the other shells are not there
  const fish = (line: string): Promise<string> => run(`fish -c 'complete -C "${line}"'`);
  assert.match(await fish('cronctl ne'), /^next\t/);
  assert.equal(await fish('cronctl mailq --j'), '--json\n');
  assert.match(await fish('cronctl --h'), /^--help\b/);
  assert.match(await fish('crontab --b'), /^--backups\t/);
  const zsh =
    await run(`zsh -fc 'autoload -Uz compinit; compinit -u; for name in cron crontab cronctl; do
    echo "$name \${_comps[$name]}"; autoload +X _$name && zsh -n \${functions_source[_$name]}; done' 2>&1`);
  assert.equal(zsh, 'cron _cron\ncrontab _crontab\ncronctl _cronctl\n');
}

async function lintian({ run }: Debian): Promise<void> {
  const said = await run(
    `lintian --allow-root --fail-on error,warning --tag-display-limit 0 /debs/old/*.deb 2>&1`,
  );
  assert.doesNotMatch(said, /^[EW]: /m);
}
