/** cronctl mail-test: what it sends, and what it says of what the mailer does. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { openRelay } from '../support/relay.ts';
import {
  type Behaviour,
  isRoot,
  me,
  needsRoot,
  openSandbox,
  userTest,
} from '../support/sandbox.ts';

interface Case {
  readonly behaviour: Behaviour;
  readonly status: number;
  readonly says: RegExp;
  /** Of `[mail] mailer`. */
  readonly mailer?: string;
}

const cases: Record<string, Case> = {
  'takes the message': {
    behaviour: {},
    status: 0,
    says: /^end {7}with status 0 after [\d.]+ s; it has read all\nresult {4}taken\n/m,
  },
  'fails for now and says why': {
    behaviour: { say: 'no relay\n\x1b[31mtoday', end: 75 },
    status: 75,
    says: /^it said {3}no relay\n {10}\?\[31mtoday\nresult {4}not now: the mailer ended with status 75: no relay\n/m,
  },
  'has queued it all the same': {
    behaviour: { end: 75 },
    mailer: 'opensmtpd',
    status: 0,
    says: /^result {4}taken\nadvice {4}smtpd does not run: the mail lies in /m,
  },
  'refuses it': {
    behaviour: { end: 67 },
    mailer: 'custom',
    status: 1,
    says: /^result {4}refused: the mailer ended with status 67\n/m,
  },
  'does not read it': {
    behaviour: { read: 0 },
    status: 75,
    says: /it has not read all\nresult {4}not now: the mailer did not read the message\nadvice {4}It says that all is/m,
  },
  'is killed': {
    behaviour: { end: 'kill -KILL $$' },
    status: 75,
    says: /^end {7}by SIGKILL after .*\nresult {4}not now: the mailer was ended by SIGKILL\n/m,
  },
};
for (const [what, { behaviour, status, says, mailer = 'auto' }] of Object.entries(cases))
  test(`cronctl mail-test tells that the mailer ${what}`, async (t) => {
    const sandbox = openSandbox(t, { mail: { mailer } });
    sandbox.mailer(behaviour);
    const ended = await sandbox.cronctl(['mail-test', 'bob@example.org']);
    assert.equal(ended.stderr, '');
    assert.match(ended.stdout, says);
    assert.equal(ended.status, status);
    const [mail] = sandbox.mails();
    assert.deepEqual(mail?.argv.slice(1), [
      '-FCronDaemon',
      '-i',
      '-odi',
      '-oem',
      'bob@example.org',
    ]);
    if (behaviour.read !== 0) {
      assert.match(
        mail?.head ?? '',
        /^To: bob@example.org\nSubject: Cron <.*> cronctl mail-test, /m,
      );
      assert.match(mail?.body ?? '', /^This is a test: mail of cron on /);
    }
  });

test('cronctl mail-test tells of each step as JSON', async (t) => {
  const sandbox = openSandbox(t, { mail: { mailargs: '%s -x %s' } });
  const { stdout, status } = await sandbox.cronctl(['mail-test', '--json']);
  const { because, ...report }: Record<string, unknown> = JSON.parse(stdout);
  assert.match(String(because), /^nothing is known of /);
  assert.deepEqual(report, {
    mailcmd: sandbox.path('sendmail'),
    mailer: 'custom',
    argv: [sandbox.path('sendmail'), '-x', me],
    user: me,
    to: [me],
    status: 0,
    signal: null,
    read: true,
    said: '',
    means: 'taken',
    why: '',
    advice: [],
  });
  assert.equal(status, 0);
});

test('cronctl mail-test goes on without a mailer, and says what to do', async (t) => {
  const sandbox = openSandbox(t, { mail: { mailcmd: '/nowhere/sendmail' } });
  const { stdout, status } = await sandbox.cronctl(['mail-test']);
  assert.match(
    stdout,
    /^result {4}not now: there is no \/nowhere\/sendmail\nadvice {4}Install a mail/m,
  );
  assert.equal(status, 75);
});

test('cronctl mail-test writes to a mailbox file', async (t) => {
  const sandbox = openSandbox(t);
  const { status } = await sandbox.cronctl(['mail-test', '--mailcmd', 'mailbox:']);
  assert.equal(status, 0);
  assert.match(readFileSync(sandbox.path('mailbox', me), 'utf8'), /\n\nThis is a test: /);
  const json = await sandbox.cronctl(['mail-test', '--mailcmd', 'mailbox:', '--json']);
  assert.deepEqual(JSON.parse(json.stdout), {
    mailcmd: 'mailbox:',
    mailer: 'mailbox',
    user: me,
    to: [me],
    means: 'taken',
    why: '',
    refused: [],
  });
});

test('cronctl mail-test runs the mailer as another user, for root', needsRoot, async (t) => {
  const sandbox = openSandbox(t);
  await sandbox.cronctl(['mail-test', '--user', 'daemon']);
  const [mail] = sandbox.mails();
  assert.equal(mail?.environment['USER'], 'daemon');
  assert.equal(mail?.argv.at(-1), 'daemon');
});

userTest('cronctl mail-test is nobody else’s for an ordinary user', async (t) => {
  const sandbox = openSandbox(t);
  const { status, stderr } = await sandbox.cronctl(['mail-test', '--user', 'root']);
  assert.deepEqual([status, stderr], [77, 'cronctl: only root can test as another user\n']);
});

const wrong: Record<string, readonly [args: readonly string[], status: number, says: RegExp]> = {
  'two addresses': [['a', 'b'], 64, /there is one ADDRESS, and "b" is another/],
  'an unsafe address': [['--', '-bs'], 64, /"-bs" is not safe as a recipient/],
  'an empty address': [[''], 64, /the ADDRESS is empty/],
  'nobody as a user': [['--user', 'no-such-user'], 67, /user "no-such-user" unknown/],
  'a mailer that swallows mail': [
    ['--mailcmd', '/usr/bin/docker exec mail sendmail'],
    78,
    /would lose mail: without -i, "docker exec" gives the mailer no input/,
  ],
};
for (const [what, [args, status, says]] of Object.entries(wrong))
  test(`cronctl mail-test refuses ${what}`, async (t) => {
    const sandbox = openSandbox(t);
    const ended = await sandbox.cronctl(['mail-test', ...args]);
    assert.match(ended.stderr, says);
    assert.equal(ended.status, status);
    assert.ok(!existsSync(sandbox.path('log')));
    assert.deepEqual(sandbox.mails(), []);
  });

test('cronctl mail-test tells what a relay says', async (t) => {
  const relay = await openRelay(t, {
    rcpt: (address) => (address.startsWith('bob') ? { code: 550, text: 'no bob' } : undefined),
  });
  // The user mailcron is not on every machine.
  const smtp = { run_as: isRoot ? 'nobody' : me, domain: 'example.com' };
  const sandbox = openSandbox(t, { 'mail.smtp': smtp });
  const url = `smtp://127.0.0.1:${relay.port}`;
  const args = ['mail-test', '--mailcmd', url, 'alice,bob'];
  const { status, stdout } = await sandbox.cronctl(args);
  assert.match(stdout, /^relay {5}127\.0\.0\.1:\d+ by SMTP, security opportunistic$/m);
  assert.match(stdout, /^result {4}refused, bob: 127\.0\.0\.1:\d+ said to RCPT TO: 550 no bob$/m);
  assert.match(stdout, /^result {4}taken, for 1 of 2$/m);
  assert.equal(status, 1);
  assert.deepEqual(relay.mails[0]?.recipients, ['alice@example.com']);

  const json = await sandbox.cronctl([...args, '--json']);
  const reason = `127.0.0.1:${relay.port} said to RCPT TO: 550 no bob`;
  assert.deepEqual(JSON.parse(json.stdout), {
    mailcmd: url,
    mailer: 'relay',
    user: smtp.run_as,
    to: ['alice', 'bob'],
    means: 'permanent',
    why: `bob: ${reason}`,
    refused: [{ recipient: 'bob', reason, permanent: true }],
  });
  assert.equal(json.status, 1);
});
