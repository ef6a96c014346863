/** What becomes of a mail that is handed to a program: by exit status, by preset, recipient by recipient. */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { meaning, PRESETS, type PresetName } from '../../src/mail/presets.ts';
import { chooseMailer, programHand, type ProgramSettings } from '../../src/mail/program.ts';
import type { Refused } from '../../src/system/outgoing.ts';
import { launcher } from '../run/started.ts';
import { me, needsRoot, openSandbox } from '../support/sandbox.ts';
import { mailOf } from './mail.ts';

/** Most of them were seen on the real program; see docs/mail.md. */
const meanings: readonly (readonly [PresetName, status: number, said: string, means: string])[] = [
  ['sendmail', 67, 'nosuchuser... User unknown', 'taken'],
  ['sendmail', 75, '', 'later'],
  ['sendmail', 78, 'Program mode requires special privileges', 'later'],
  ['postfix', 75, 'sendmail: fatal: alice(1000): queue file write error', 'later'],
  ['postfix', 75, 'sendmail: fatal: alice(1000): message file too big', 'permanent'],
  ['exim4', 1, '', 'permanent'],
  ['exim4', 1, 'exim: could not open log file', 'later'],
  ['opensmtpd', 75, '', 'taken'],
  ['opensmtpd', 70, 'sendmail: command failed: 550 Invalid recipient: <x@y>', 'permanent'],
  ['opensmtpd', 70, 'sendmail: command failed: 421 try again later', 'later'],
  ['opensmtpd', 1, 'usage: sendmail', 'later'],
  ['dma', 65, 'invalid recipient x', 'permanent'],
  ['dma', 75, '', 'later'],
  ['msmtp', 65, 'recipient address x@y not accepted by the server', 'permanent'],
  ['msmtp', 69, 'server message: 451 4.3.0 try again later', 'later'],
  ['msmtp', 75, 'cannot connect to 127.0.0.1, port 25', 'later'],
  ['ssmtp', 1, 'sendmail: RCPT TO:<x@y> (550 5.1.1 no such user here)', 'permanent'],
  ['ssmtp', 1, 'sendmail: Cannot open 127.0.0.1:25', 'later'],
  ['ssmtp', 1, 'sendmail: RCPT TO:<x@y> (451 4.3.0 try again later)', 'later'],
  ['nullmailer', 1, '', 'later'],
  ['mailutils', 1, '', 'later'],
  ['bsd-mailx', 1, "Can't send mail: sendmail process failed with error code 75", 'later'],
  ['bsd-mailx', 1, "Can't send mail: sendmail process failed with error code 65", 'permanent'],
  ['s-nail', 4, '... message not sent', 'later'],
  ['custom', 65, '', 'permanent'],
  ['custom', 67, '', 'permanent'],
  ['custom', 75, '', 'later'],
  ['custom', 127, '', 'later'],
];
for (const [name, status, said, means] of meanings)
  test(`meaning() of ${name}’s status ${status} is ${means} (${said || 'nothing said'})`, () => {
    assert.equal(meaning(PRESETS[name], status, said), means);
  });

test('meaning() of status 0 is taken, whoever says it', () => {
  for (const preset of Object.values(PRESETS)) assert.equal(meaning(preset, 0, ''), 'taken');
});

test('chooseMailer() takes the arguments that suit the mailer, unless some are given', () => {
  const args = (settings: Partial<ProgramSettings>): unknown[] =>
    chooseMailer({ mailcmd: '/nowhere/mail', ...settings }).args.words.slice(1);
  const recipients = { kind: 'recipients' };
  assert.deepEqual(args({}), ['-FCronDaemon', '-i', '-odi', '-oem', recipients]);
  assert.deepEqual(args({ mailer: 's-nail' }).at(2), '-s');
  assert.deepEqual(args({ mailer: 'bsd-mailx', mailargs: '%s -i %s' }), ['-i', recipients]);
});

interface Handed {
  readonly refused: readonly Refused[];
  readonly logged: readonly string[];
  /** The recipients of each call. */
  readonly calls: readonly string[];
}

/** Hand a mail for bob, eve and nosuchuser to a shell script in the place of a mailer. */
async function hand(t: TestContext, mailer: PresetName, script: string): Promise<Handed> {
  const sandbox = openSandbox(t);
  const program = sandbox.path('mailer');
  writeFileSync(
    program,
    `#!/bin/sh\ncat > /dev/null\necho "$*" >> ${sandbox.path('mails/.calls')}\n${script}\n`,
  );
  chmodSync(program, 0o755);
  const logged: string[] = [];
  const settings = {
    mailcmd: program,
    mailer,
    mailargs: '%s %s',
    outbox: '/nowhere',
    timeout: 20_000,
  };
  const give = programHand(settings, launcher, (who, event, detail) => {
    logged.push(`(${who}) ${event} (${detail})`);
  });
  const refused = await give(mailOf('x\n', { recipients: ['bob', 'eve', 'nosuchuser'] }));
  const calls = readFileSync(sandbox.path('mails/.calls'), 'utf8').trim().split('\n');
  return { refused, logged, calls };
}

const FUSSY = 'case "$*" in *nosuchuser*) echo "550 no such user"; exit 70;; esac';

test('programHand() tries each by itself where one bad recipient keeps it from all', async (t) => {
  const { refused, calls } = await hand(t, 'opensmtpd', FUSSY);
  assert.deepEqual(calls, ['bob eve nosuchuser', 'bob', 'eve', 'nosuchuser']);
  const reason = 'the mailer ended with status 70: 550 no such user';
  assert.deepEqual(refused, [{ recipient: 'nosuchuser', reason, permanent: true }]);
});

test('programHand() refuses one whose call fails, and does not send it to the others twice', async (t) => {
  const sandbox = openSandbox(t);
  sandbox.mailer({ end: `case "$*" in "bob eve "*) echo 550 no; exit 70;; esac` });
  let calls = 0;
  const failing: typeof launcher = {
    start: (program) =>
      ++calls === 3 ? Promise.reject(new Error('no more processes')) : launcher.start(program),
  };
  const settings = {
    mailcmd: sandbox.path('sendmail'),
    mailer: 'opensmtpd',
    mailargs: '%s %s',
    outbox: '/nowhere',
    timeout: 20_000,
  };
  const give = programHand(settings, failing, () => {});
  const refused = await give(mailOf('x\n', { recipients: ['bob', 'eve', 'ann'] }));
  assert.deepEqual(refused, [{ recipient: 'eve', reason: 'no more processes', permanent: false }]);
  const to = sandbox.mails().map(({ argv }) => argv.slice(1).join(' '));
  assert.deepEqual(to, ['bob eve ann', 'bob', 'ann']);
});

test('programHand() hands it over once where all of them may try again', async (t) => {
  const { refused, calls } = await hand(t, 'msmtp', 'echo busy; exit 75');
  assert.deepEqual(calls, ['bob eve nosuchuser']);
  assert.deepEqual(
    refused.map(({ recipient, permanent }) => [recipient, permanent]),
    [
      ['bob', false],
      ['eve', false],
      ['nosuchuser', false],
    ],
  );
});

test('programHand() hands it over once where the others have it all the same', async (t) => {
  const { refused, calls, logged } = await hand(t, 'sendmail', 'exit 67');
  assert.deepEqual([calls.length, refused], [1, []]);
  assert.deepEqual(logged, [
    `(${me}) MAIL (mailed 2 bytes of output but got status 0x0043 from MTA, which has taken it all the same)`,
  ]);
});

test('programHand() hands it over for each by itself where none could be told from the others', async (t) => {
  const { refused, calls } = await hand(t, 'nullmailer', FUSSY);
  assert.deepEqual(calls, ['bob', 'eve', 'nosuchuser']);
  const reason = 'the mailer ended with status 70: 550 no such user';
  assert.deepEqual(refused, [{ recipient: 'nosuchuser', reason, permanent: false }]);
});

test('programHand() believes no mailer that has taken it without reading', async (t) => {
  const sandbox = openSandbox(t);
  sandbox.mailer({ read: 0, end: 75 });
  const settings = {
    mailcmd: sandbox.path('sendmail'),
    mailer: 'opensmtpd',
    outbox: '/nowhere',
    timeout: 20_000,
  };
  const [refused] = await programHand(settings, launcher, () => {})(mailOf('x'));
  assert.equal(refused?.permanent, false);
});

test('programHand() keeps the mail when there is no such mailer_user', async (t) => {
  const sandbox = openSandbox(t);
  const settings = {
    mailcmd: sandbox.path('sendmail'),
    mailer_user: 'nobody-at-all',
    outbox: '/nowhere',
    timeout: 20_000,
  };
  const give = programHand(settings, launcher, () => {});
  await assert.rejects(Promise.resolve(give(mailOf('x'))), /there is no user "nobody-at-all"/);
});

test('programHand() runs the mailer as mailer_user', needsRoot, async (t) => {
  const sandbox = openSandbox(t);
  const settings = {
    mailcmd: sandbox.path('sendmail'),
    mailer_user: 'daemon',
    outbox: '/nowhere',
    timeout: 20_000,
  };
  assert.deepEqual(await programHand(settings, launcher, () => {})(mailOf('x')), []);
  assert.equal(sandbox.mails()[0]?.environment['USER'], 'daemon');
});
