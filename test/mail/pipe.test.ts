/** MAILCMD and MAILARGS: the command line and the standard input that a mailer gets. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { mailerArgv, pipeMail, readMailArgs } from '../../src/mail/pipe.ts';
import { checkMailSettings } from '../../src/mail/mailer.ts';
import { launcher, userNamed } from '../run/started.ts';
import { isRoot, needsRoot, openSandbox } from '../support/sandbox.ts';
import { bytesOf, mailOf } from './mail.ts';

const SENDMAIL = '/usr/sbin/sendmail';
const DEFAULT = '%s -FCronDaemon -i -odi -oem %s';
const TIMEOUT = 20_000;

/** MAILCMD, MAILARGS, and the command line for bob and eve. */
const argvs: readonly (readonly [mailcmd: string, mailargs: string, argv: readonly string[]])[] = [
  [SENDMAIL, DEFAULT, [SENDMAIL, '-FCronDaemon', '-i', '-odi', '-oem', 'bob', 'eve']],
  // Vixie's config.h, each of its lines.
  [
    '/usr/lib/sendmail',
    '%s -FCronDaemon -odi -oem -or0s %s',
    ['/usr/lib/sendmail', '-FCronDaemon', '-odi', '-oem', '-or0s', 'bob', 'eve'],
  ],
  ['/bin/mail', '%s -d %s', ['/bin/mail', '-d', 'bob', 'eve']],
  ['/usr/mmdf/bin/submit', '%s -mlrxto %s', ['/usr/mmdf/bin/submit', '-mlrxto', 'bob', 'eve']],
  // Recipients in the headers.
  [SENDMAIL, '%s -i -t', [SENDMAIL, '-i', '-t']],
  [SENDMAIL, '%s', [SENDMAIL]],
  // Quotes and blanks.
  [
    SENDMAIL,
    `%s  -F'Cron Daemon'\t-i "a b" %s`,
    [SENDMAIL, '-FCron Daemon', '-i', 'a b', 'bob', 'eve'],
  ],
  [SENDMAIL, `%s '' "it's" '"' %s`, [SENDMAIL, '', "it's", '"', 'bob', 'eve']],
  ['/opt/\u00fc/mail', '%s %s', ['/opt/\u00c3\u00bc/mail', 'bob', 'eve']], // bytes from here on
  [`'/opt/my mail' -C "/etc/my cfg"`, '%s %s', ['/opt/my mail', '-C', '/etc/my cfg', 'bob', 'eve']],
  [
    '/usr/bin/env LC_ALL=C /usr/sbin/sendmail',
    '%s -t',
    ['/usr/bin/env', 'LC_ALL=C', SENDMAIL, '-t'],
  ],
  // Nothing that only a shell would heed is heeded.
  [
    SENDMAIL,
    '%s $HOME `id` ; | > * \\x ~ %d',
    [SENDMAIL, '$HOME', '`id`', ';', '|', '>', '*', '\\x', '~', '%d'],
  ],
];
for (const [mailcmd, mailargs, argv] of argvs)
  test(`readMailArgs() makes of ${mailcmd} with ${mailargs} the argv of vixie`, () => {
    assert.deepEqual(mailerArgv(readMailArgs(mailcmd, mailargs), ['bob', 'eve']), argv);
  });

const wrong: readonly (readonly [mailcmd: string, mailargs: string, message: RegExp])[] = [
  ['sendmail', DEFAULT, /^MAILCMD must be the absolute path of a program: sendmail$/],
  ['', DEFAULT, /^MAILCMD must be the absolute path of a program: $/],
  ['  ', DEFAULT, /^MAILCMD must be the absolute path of a program:/],
  ['./sendmail', DEFAULT, /^MAILCMD must be the absolute path/],
  ["'/usr/sbin/sendmail", DEFAULT, /^MAILCMD has a quote that is never closed/],
  [SENDMAIL, '', /^MAILARGS must begin with "%s", which stands for MAILCMD: $/],
  [SENDMAIL, '-t', /^MAILARGS must begin with "%s"/],
  [SENDMAIL, '%s-t', /^MAILARGS must begin with "%s"/],
  [SENDMAIL, '%s -F"x %s', /^MAILARGS has a quote that is never closed/],
  [SENDMAIL, "%s -F'", /^MAILARGS has a quote that is never closed/],
  [SENDMAIL, '%s %s %s', /^MAILARGS takes one second "%s", a word of its own, for the recipients/],
  [SENDMAIL, '%s -to=%s', /^MAILARGS takes one second "%s"/],
];
for (const [mailcmd, mailargs, message] of wrong)
  test(`readMailArgs() refuses ${JSON.stringify([mailcmd, mailargs])}`, () => {
    assert.throws(() => readMailArgs(mailcmd, mailargs), { name: 'Failure', exit: 78, message });
  });

for (const mailcmd of ['smtp://relay', 'smtps://relay:465', 'mailbox:/var/mail', 'file:///x'])
  test(`checkMailSettings() says that ${mailcmd} is no way that it knows`, () => {
    assert.throws(() => checkMailSettings({ mailcmd, mailargs: DEFAULT }), {
      exit: 78,
      message: `MAILCMD "${mailcmd}" is neither the path of a program nor "mailbox:"`,
    });
  });

test('checkMailSettings() takes a program, and mailbox:', () => {
  checkMailSettings({ mailcmd: SENDMAIL, mailargs: DEFAULT });
  checkMailSettings({ mailcmd: 'mailbox:', mailargs: 'is not looked at' });
});

test('mailerArgv() gives each recipient a word, whatever is in it', () => {
  const args = readMailArgs(SENDMAIL, '%s %s -x');
  assert.deepEqual(mailerArgv(args, ['a b', '%s']), [SENDMAIL, 'a b', '%s', '-x']);
  assert.deepEqual(mailerArgv(args, []), [SENDMAIL, '-x']);
});

test('pipeMail() gives vixie’s argv and stdin to a real program, and nothing else', async (t) => {
  const sandbox = openSandbox(t);
  const program = sandbox.path('sendmail');
  for (const [index, mailargs] of [
    '%s -FCronDaemon -odi -oem -or0s %s',
    '%s -d %s',
    '%s -mlrxto %s',
    '%s -t',
    "%s -F'Cron Daemon' '' %s",
  ].entries()) {
    const mail = mailOf('hello\n.\nFrom here\n', { recipients: ['bob', 'eve@x'] });
    const args = readMailArgs(program, mailargs);
    const handed = await pipeMail(mail, args, launcher, TIMEOUT);
    assert.deepEqual(handed, {
      exit: { code: 0, signal: null },
      read: true,
      timedOut: false,
      said: '',
    });
    const recorded = sandbox.mails()[index];
    assert.deepEqual(recorded?.argv, mailerArgv(args, mail.recipients));
    assert.deepEqual(recorded?.bytes, await bytesOf(mail));
  }
});

test('pipeMail() gives a mailer a fixed environment', async (t) => {
  const sandbox = openSandbox(t);
  process.env['CRON_TEST_LEAK'] = '1';
  const mail = mailOf('x');
  await pipeMail(mail, readMailArgs(sandbox.path('sendmail'), '%s %s'), launcher, TIMEOUT);
  delete process.env['CRON_TEST_LEAK'];
  const { PWD: _, ...environment } = sandbox.mails()[0]?.environment ?? {};
  assert.deepEqual(environment, {
    SHELL: '/bin/sh',
    HOME: '/',
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    LOGNAME: mail.user.name,
    USER: mail.user.name,
  });
});

test('pipeMail() runs a mailer as the job’s user', needsRoot, async (t) => {
  const sandbox = openSandbox(t);
  const user = { ...(await userNamed('daemon')), home: '/' };
  const mail = mailOf('x', { user: { ...user, groups: [...user.groups, 27] } });
  await pipeMail(mail, readMailArgs(sandbox.path('sendmail'), '%s %s'), launcher, TIMEOUT);
  const recorded = sandbox.mails()[0];
  assert.equal(recorded?.uid, user.uid);
  assert.deepEqual(recorded?.groups, [user.gid, 27]);
});

const SIZES = { small: 100, 'of a pipe’s size': 65_536, 'of 5 MB': 5_000_000 };
for (const [name, size] of Object.entries(SIZES)) {
  const body = Buffer.alloc(size, 'abcdefg\n');

  test(`pipeMail() hands a mail ${name} on whole`, async (t) => {
    const sandbox = openSandbox(t);
    const mail = mailOf(body);
    const { read } = await pipeMail(
      mail,
      readMailArgs(sandbox.path('sendmail'), '%s'),
      launcher,
      TIMEOUT,
    );
    assert.ok(read);
    assert.ok(sandbox.mails()[0]?.bytes.equals(await bytesOf(mail)));
  });

  const readers: Record<string, number> = { nothing: 0, 'a piece': 50, 'all but a byte': -1 };
  for (const [what, count] of Object.entries(readers))
    test(`pipeMail() notices that a mailer has read ${what} of a mail ${name}`, async (t) => {
      const sandbox = openSandbox(t);
      const mail = mailOf(body);
      const amount = count < 0 ? mail.head.length + size + count : count;
      // dd reads what it is told, and no block ahead.
      const dd = `dd bs=${amount || 1} count=${amount && 1} iflag=fullblock of=/dev/null 2>/dev/null`;
      sandbox.mailer({ read: 0, end: `${dd}; exit 0` });
      const { exit, read } = await pipeMail(
        mail,
        readMailArgs(sandbox.path('sendmail'), '%s'),
        launcher,
        TIMEOUT,
      );
      assert.deepEqual({ exit, read }, { exit: { code: 0, signal: null }, read: false });
    });
}

test('pipeMail() ends a mailer that hangs, with all that it has started', async (t) => {
  const sandbox = openSandbox(t);
  sandbox.mailer({ end: `sleep 600 & echo $! > ${sandbox.path('mails')}/.child; wait` });
  const begun = performance.now();
  const args = readMailArgs(sandbox.path('sendmail'), '%s');
  const { exit, timedOut } = await pipeMail(mailOf('x'), args, launcher, 300);
  assert.ok(performance.now() - begun < 4000);
  assert.deepEqual({ exit, timedOut }, { exit: { code: null, signal: 'SIGTERM' }, timedOut: true });
});

test('pipeMail() hears what a mailer says, always, and keeps the beginning of it', async (t) => {
  const sandbox = openSandbox(t);
  const args = readMailArgs(sandbox.path('sendmail'), '%s');
  sandbox.mailer({ say: 'no such user', end: 67 });
  for (let round = 0; round < 20; round++) {
    const { said, exit } = await pipeMail(mailOf('x'), args, launcher, TIMEOUT);
    assert.deepEqual({ said, exit }, { said: 'no such user', exit: { code: 67, signal: null } });
  }
  sandbox.mailer({ end: 'head -c 100000 /dev/zero | tr "\\0" x >&2; exit 1' });
  const { said } = await pipeMail(mailOf('x'), args, launcher, TIMEOUT);
  assert.equal(said, 'x'.repeat(1024));
});

test('pipeMail() does not wait for what a mailer leaves running', async (t) => {
  const sandbox = openSandbox(t);
  sandbox.mailer({ end: 'sleep 600 & exit 0' });
  const begun = performance.now();
  const args = readMailArgs(sandbox.path('sendmail'), '%s');
  const { read, timedOut } = await pipeMail(mailOf('x'), args, launcher, TIMEOUT);
  assert.deepEqual({ read, timedOut }, { read: true, timedOut: false });
  assert.ok(performance.now() - begun < 5000);
});

test('pipeMail() starts no mailer that is a directory or may not be run', async (t) => {
  const sandbox = openSandbox(t);
  for (const program of [sandbox.root, sandbox.config]) {
    const { exit, read, said } = await pipeMail(
      mailOf('x'),
      readMailArgs(program, '%s'),
      launcher,
      TIMEOUT,
    );
    assert.notEqual(exit.code, 0);
    assert.equal(read, false);
    assert.notEqual(said, '');
  }
});

test('pipeMail() closes what it opened', async (t) => {
  const sandbox = openSandbox(t);
  const args = readMailArgs(sandbox.path('sendmail'), '%s');
  await pipeMail(mailOf('x'), args, launcher, TIMEOUT);
  const before = readdirSync('/proc/self/fd').length;
  for (let round = 0; round < 5; round++) await pipeMail(mailOf('x'), args, launcher, TIMEOUT);
  if (!isRoot) {
    const root = { ...mailOf('x').user, uid: 0 };
    await assert.rejects(pipeMail(mailOf('x', { user: root }), args, launcher, TIMEOUT));
  }
  assert.ok(readdirSync('/proc/self/fd').length <= before + 1);
});
