/** What cron logs → what logwatch's and logcheck's own rules, as Debian has them, make of it. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { type Box, boxed, openBox, until } from '../support/system.ts';
import { debian, installTab, startSyslog } from './crons.ts';
import { as } from './house.ts';

const RAW = '/var/log/raw';
const LOG = '/var/log/syslog';

/** Each kind of line that cron writes, by what makes it. */
async function makeLog(t: TestContext): Promise<Box> {
  const box = await openBox(t, { packages: ['logwatch', 'logcheck-database'] });
  await box.run(`
    for deb in /debs/*.deb; do dpkg --fsys-tarfile $deb | tar -x -C / --keep-directory-symlink; done
    rm -rf /etc/crontab /etc/cron.d/*
    ln -s /src/bin/crontab /src/bin/cronctl /usr/local/bin
    mkdir -p ${debian.spool}
    echo carol > /etc/cron.deny`);
  await startSyslog(box, '/dev', RAW);
  await box.write('/opt/mailer', '#!/bin/sh\ncat > /dev/null; exit 69\n', 'root', 0o755);
  await box.write(
    '/etc/mailcron.toml',
    '[log]\nto = "syslog"\n[mail]\nmailcmd = "/opt/mailer"\nmailer = "sendmail"\n',
  );
  await installTab(
    box,
    debian,
    'alice',
    '@reboot echo works\n@reboot exit 3\n@reboot kill -9 $$\n@reboot sleep 1000\n61 * * * * wrong\n',
  );
  await box.write('/etc/cron.d/backup', '@reboot bob true # of bob\n');
  await box.write('/etc/cron.d/writable', '@reboot bob true\n', 'root', 0o666);
  await box.write(`${debian.spool}/gone`, '@daily x\n', 'alice', 0o600);
  box.start(['node', '/src/bin/cron', '-f', '-L', '7']);
  const has = (what: RegExp): Promise<true> =>
    until(
      `the log has ${String(what)}`,
      async () => what.test(await box.read(RAW)) || undefined,
      () => box.read(RAW),
    );
  await has(/grandchild #\d+ terminated by signal SIGKILL/);
  await has(/(?: kept in [^]*){2}/);
  await as(box, 'alice', 'crontab -l > /dev/null; EDITOR=true crontab -e');
  await as(box, 'bob', 'echo "@daily x" | crontab -; crontab -r');
  await as(box, 'carol', 'crontab -l || :');
  await as(box, 'alice', 'cronctl run --no-mail 2 || :');
  await box.run(`echo '#' >> ${debian.spool}/alice; cronctl reload`);
  await has(/RELOAD \(crontabs\/alice\)/);
  await box.run(
    `sed 's/^<[0-9]*>\\(...............\\) /\\1 debian /' ${RAW} > ${LOG}`, // as rsyslogd writes it
  );
  return box;
}

const SERVICE = '/usr/share/logwatch/scripts/services/cron';

test(
  'logwatch understands the log, and lists only what went wrong or was done by hand',
  boxed,
  async (t) => {
    const box = await makeLog(t);
    const conf = await box.read('/usr/share/logwatch/dist.conf/services/cron.conf');
    const [, only = ''] = /^\*OnlyService = (.*)$/m.exec(conf) ?? [];
    const said = await box.run(
      `grep -E ' ${only}[[][0-9]+]:' ${LOG} | LOGWATCH_DETAIL_LEVEL=10 perl ${SERVICE}`,
    );
    const [told = '', unmatched = ''] = said.split('**Unmatched Entries**\n');
    // Of a job that a signal has ended it knows no user; nor does it with Debian's lines.
    assert.match(
      told.replace(/#\d+ /, ''),
      /^Errors when running cron:\n +User :\n +grandchild terminated by signal SIGKILL: 1 .*\n +User alice:\n +failed with error \(3\): exit 3: 2 Time\(s\)\n\n/,
    );
    const runs = [
      'User alice:',
      'echo works: 1 Time(s)',
      'exit 3: 2 Time(s)',
      'kill -9 $$: 1 Time(s)',
      'personal crontab reloaded: 1 Time(s)',
      'sleep 1000: 1 Time(s)',
      'User bob:',
      'true # of bob: 1 Time(s)',
      'ORPHAN entries: 1',
    ];
    const [, listed = ''] = /Commands Run:\n([^]*?)\n\n/.exec(told) ?? [];
    assert.deepEqual(
      listed.split('\n').map((line) => line.trim()),
      runs,
    );
    assert.match(told, /\nMAIL sending errors 2 Time\(s\)\n/);
    assert.deepEqual(withoutNames(unmatched), [
      'INSECURE MODE (group/other writable) (/etc/cron.d/writable)',
      BAD_LINE,
      'MAIL (not delivered (the mailer ended with status 69), kept in FILE)',
      'MAIL (not delivered (the mailer ended with status 69), kept in FILE)',
      'RUN (alice:2 by hand, as RUN)',
      BAD_LINE,
    ]);

    await t.test('logcheck passes what is ordinary, by Debian’s rules and ours', async () => {
      const rules = '/etc/logcheck/ignore.d.paranoid/cron';
      const ours = '/src/packaging/debian/mailcron/logcheck';
      const left = await box.run(
        `grep -E ' (cron|CRON|crontab)[[]' ${LOG} | grep -Evf ${rules} | grep -Evf ${ours}`,
      );
      const lines = left.replaceAll(/^.{15} debian /gm, '').replaceAll(/\[\d+\]|#\d+ /g, '');
      const failed = 'CRON: (CRON) error (grandchild failed with exit status 3)';
      const unsent =
        'CRON: (alice) MAIL (not delivered (the mailer ended with status 69), kept in FILE)';
      assert.deepEqual(withoutNames(lines).toSorted(), [
        failed,
        failed,
        'CRON: (CRON) error (grandchild terminated by signal SIGKILL)',
        'CRON: (alice) MAIL (mailed 147 bytes of output but got status 0x0045 from MTA)',
        'CRON: (alice) MAIL (mailed 6 bytes of output but got status 0x0045 from MTA)',
        unsent,
        unsent,
        'cron: (*system*writable) INSECURE MODE (group/other writable) (/etc/cron.d/writable)',
        `cron: (alice) ${BAD_LINE}`,
        `cron: (alice) ${BAD_LINE}`,
        'cron: (gone) ORPHAN (no passwd entry)',
        'crontab: (carol) AUTH (crontab command not allowed)',
      ]);
    });
  },
);

test(
  'a line goes to syslog where no journal listens, and to stderr where no syslog does',
  boxed,
  async (t) => {
    const box = await openBox(t);
    await box.write(
      '/opt/log.mjs',
      `import { openSink, plainLog } from '/src/dist/src/system/sink.js';
    const sink = openSink({ to: { journal: '/run/no/journal' }, format: 'text' });
    plainLog(sink, 'CRON')('alice', 'CMD', 'backup', { pid: 17, about: { user: 'alice' } });`,
    );
    const line = /CRON\[17\]: \(alice\) CMD \(backup\)$/m;
    assert.match(await box.run('node /opt/log.mjs 2>&1'), line);
    await startSyslog(box, '/dev', RAW);
    assert.equal(await box.run('node /opt/log.mjs 2>&1'), '');
    await until('syslog has it', async () => line.test(await box.read(RAW)) || undefined);
  },
);

const BAD_LINE =
  'ERROR (bad minute; while reading crontabs/alice:5:1: "61" is out of range: the minute is 0 to 59)';

function withoutNames(text: string): string[] {
  const lines = text
    .replaceAll(/\/\S+\/message\.eml/g, 'FILE')
    .replaceAll(/as [\w-]+\)/g, 'as RUN)');
  return lines.split('\n').filter((line) => line !== '');
}
