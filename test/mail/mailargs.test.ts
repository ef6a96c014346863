/** MAILCMD and MAILARGS: the command line of a mailer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MailArgs, mailerArgv, readMailArgs } from '../../src/mail/mailargs.ts';
import { checkMailSettings } from '../../src/mail/mailer.ts';

const SENDMAIL = '/usr/sbin/sendmail';
const DEFAULT = '%s -FCronDaemon -i -odi -oem %s';
const HEAD = 'From: root (Cron Daemon)\nTo: bob\nSubject: Cron <bob@web1> id\n\n';

function argvFor(args: MailArgs, recipients: readonly string[], head = HEAD): string[] {
  return mailerArgv(args, { recipients, head, charset: 'utf-8' });
}

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
    assert.deepEqual(argvFor(readMailArgs(mailcmd, mailargs), ['bob', 'eve']), argv);
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

for (const mailcmd of ['http://relay', 'mail:', 'mailbox:/var/mail', 'file:///x'])
  test(`checkMailSettings() says that ${mailcmd} is no way that it knows`, () => {
    assert.throws(() => checkMailSettings({ mailcmd, mailargs: DEFAULT }), {
      exit: 78,
      message: `MAILCMD "${mailcmd}" is neither the path of a program nor "mailbox:" nor a relay such as "smtp://HOST"`,
    });
  });

test('checkMailSettings() takes a program, and mailbox:', () => {
  checkMailSettings({ mailcmd: SENDMAIL, mailargs: DEFAULT });
  checkMailSettings({ mailcmd: 'mailbox:', mailargs: 'is not looked at' });
});

test('mailerArgv() gives each recipient a word, whatever is in it', () => {
  const args = readMailArgs(SENDMAIL, '%s %s -x');
  assert.deepEqual(argvFor(args, ['a b', '%s']), [SENDMAIL, 'a b', '%s', '-x']);
  assert.deepEqual(argvFor(args, []), [SENDMAIL, '-x']);
});

/** MAILARGS with more than recipients, what the mailer reads then, and its words. */
const composing: Record<string, readonly [reads: string, ...argv: string[]]> = {
  '%s -s %S %s': ['text', '-s', 'Cron <bob@web1> id', 'bob', 'eve'],
  '%s --subject=%S! -- %s': ['text', '--subject=Cron <bob@web1> id!', '--', 'bob', 'eve'],
  '%s -S ttycharset=%C -s %S %s': [
    'text',
    '-S',
    'ttycharset=utf-8',
    '-s',
    'Cron <bob@web1> id',
    'bob',
    'eve',
  ],
  '%s -a%H -s %S -- %s': [
    'body',
    '-a',
    'MIME-Version: 1.0',
    '-a',
    'Content-Type: text/plain; charset=UTF-8',
    '-a',
    'Content-Transfer-Encoding: base64',
    '-a',
    'Message-ID: <1@web1>',
    '-s',
    'Cron <bob@web1> id',
    '--',
    'bob',
    'eve',
  ],
  '%s -i %s': ['message', '-i', 'bob', 'eve'],
};
const LONG_HEAD = `From: root (Cron Daemon)
To: bob
Subject: Cron <bob@web1>
 id
MIME-Version: 1.0
Content-Type: text/plain;
\tcharset=UTF-8
Content-Transfer-Encoding: base64
X-Cron-Env: <PASSWORD=secret>
Message-ID: <1@web1>

`;
for (const [mailargs, [reads, ...argv]] of Object.entries(composing))
  test(`mailerArgv() makes of ${mailargs} what a program that composes by itself needs`, () => {
    const args = readMailArgs('/usr/bin/mail', mailargs);
    assert.equal(args.reads, reads);
    assert.deepEqual(argvFor(args, ['bob', 'eve'], LONG_HEAD), ['/usr/bin/mail', ...argv]);
  });

test('readMailArgs() refuses a Subject without recipients', () => {
  assert.throws(() => readMailArgs('/usr/bin/mail', '%s -s %S -t'), {
    exit: 78,
    message: /^MAILARGS with "%S" needs a "%s" for the recipients too/,
  });
});
