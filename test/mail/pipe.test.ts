/** The command line, the standard input and the environment that a mailer gets, and what is heard of it. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { type MailArgs, mailerArgv, readMailArgs } from '../../src/mail/mailargs.ts';
import { pipeMail, type Way } from '../../src/mail/pipe.ts';
import { launcher, userNamed } from '../run/started.ts';
import { isRoot, needsRoot, openSandbox } from '../support/sandbox.ts';
import { bytesOf, mailOf } from './mail.ts';

const TIMEOUT = 20_000;

/** A way to a mailer that is called so. */
function way(args: MailArgs, timeout = TIMEOUT): Way {
  return { args, spool: '/dev/null/nowhere', timeout }; // large ones go into memory then
}

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
    const handed = await pipeMail(mail, way(args), launcher);
    assert.deepEqual(handed, {
      exit: { code: 0, signal: null },
      read: true,
      timedOut: false,
      said: '',
    });
    const recorded = sandbox.mails()[index];
    assert.deepEqual(recorded?.argv, mailerArgv(args, { ...mail, charset: '' }));
    assert.deepEqual(recorded?.bytes, await bytesOf(mail));
  }
});

test('pipeMail() gives a mailer a fixed environment', async (t) => {
  const sandbox = openSandbox(t);
  process.env['CRON_TEST_LEAK'] = '1';
  const mail = mailOf('x');
  await pipeMail(mail, way(readMailArgs(sandbox.path('sendmail'), '%s %s')), launcher);
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
  await pipeMail(mail, way(readMailArgs(sandbox.path('sendmail'), '%s %s')), launcher);
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
      way(readMailArgs(sandbox.path('sendmail'), '%s')),
      launcher,
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
        way(readMailArgs(sandbox.path('sendmail'), '%s')),
        launcher,
      );
      assert.deepEqual({ exit, read }, { exit: { code: 0, signal: null }, read: false });
    });
}

/** Wrappers that people put in the place of sendmail, and whether what they do counts as reading. */
const wrappers: Record<string, readonly [command: string, read: boolean]> = {
  'opens /dev/stdin anew': ['cat /dev/stdin > /dev/null', true],
  'opens /dev/stdin anew and hands it on': ['cat /dev/stdin | cat > /dev/null', true],
  'copies it': ['cp /dev/stdin "$d/copy"', true],
  'reads a line and hands the rest on': ['read -r line; cat > /dev/null', true],
  'looks at the head first': ['head -n 1 > /dev/null; cat > /dev/null', true],
  'leaves reading to a child': ['(cat > /dev/null)', true],
  'reads a line': ['read -r line', false],
  'never looks at it': ['true', false],
  'closes it': ['exec < /dev/null', false],
};
for (const [what, [command, expected]] of Object.entries(wrappers))
  for (const size of [10, 5_000_000])
    test(`pipeMail() knows of a wrapper that ${what} whether it read ${size} bytes`, async (t) => {
      const sandbox = openSandbox(t);
      sandbox.mailer({ read: 0, end: `${command}; exit 0` });
      const args = readMailArgs(sandbox.path('sendmail'), '%s');
      const spool = sandbox.path('state');
      const mail = mailOf(Buffer.alloc(size, 'abcdefg\n'));
      const { read } = await pipeMail(mail, { ...way(args), spool }, launcher);
      assert.equal(read, expected);
    });

test('pipeMail() gives a mailer a file that it cannot change', async (t) => {
  const sandbox = openSandbox(t);
  sandbox.mailer({ read: 0, end: '(echo x >&0; echo x > /dev/stdin) 2> /dev/null; cat; exit 0' });
  const args = readMailArgs(sandbox.path('sendmail'), '%s');
  const { said } = await pipeMail(mailOf('body'), way(args), launcher);
  assert.match(said, /^From: root[^]*\n\nbody$/);
});

test('pipeMail() leaves no file of a large mail, and none where it cannot write one', async (t) => {
  const sandbox = openSandbox(t);
  const args = readMailArgs(sandbox.path('sendmail'), '%s');
  const mail = mailOf(Buffer.alloc(5_000_000, 'abcdefg\n'));
  for (const spool of [sandbox.path('state', 'outbox'), sandbox.config]) {
    assert.ok((await pipeMail(mail, { ...way(args), spool }, launcher)).read);
    assert.ok(
      sandbox
        .mails()
        .at(-1)
        ?.bytes.equals(await bytesOf(mail)),
    );
  }
  assert.deepEqual(readdirSync(sandbox.path('state', 'outbox')), []);
});

/** MAILARGS of a program that composes by itself, the head's encoding and the body, and what it reads. */
const bodies: readonly (readonly [mailargs: string, encoding: string, body: string, is: string])[] =
  [
    ['%s -s %S %s', '8bit', 'gr\u00fcn\n', 'gr\u00fcn\n'],
    ['%s -s %S %s', 'base64', 'Z3LDvG4K\n', 'gr\u00fcn\n'],
    ['%s -s %S %s', 'quoted-printable', 'gr=C3=BC=\nn\n', 'gr\u00fcn\n'],
    ['%s -a%H -s %S %s', 'base64', 'Z3LDvG4K\n', 'Z3LDvG4K\n'],
  ];
for (const [mailargs, encoding, body, is] of bodies)
  test(`pipeMail() with ${mailargs} gives the body alone (${encoding})`, async (t) => {
    const sandbox = openSandbox(t);
    const head = `Subject: x\nContent-Transfer-Encoding: ${encoding}\n\n`;
    const args = readMailArgs(sandbox.path('sendmail'), mailargs);
    const { read } = await pipeMail(mailOf(body, { head }), way(args), launcher);
    assert.ok(read);
    assert.equal(sandbox.mails()[0]?.bytes.toString(), is);
  });

/** A body, the charset that the head names, and the one that fits. */
const charsets: readonly (readonly [body: string, type: string, charset: string])[] = [
  ['plain\n', 'text/plain; charset=US-ASCII', 'utf-8'],
  ['gr\xc3\xbcn\n', 'text/plain; charset=US-ASCII', 'utf-8'],
  ['gr\xfcn\n', 'text/plain; charset=UTF-8', 'iso-8859-1'],
  ['gr\xfcn\n', 'text/plain; charset="ISO-8859-15"', 'ISO-8859-15'],
  ['cut \xc3', 'text/plain', 'iso-8859-1'],
];
for (const [body, type, charset] of charsets)
  test(`pipeMail() finds ${charset} for ${JSON.stringify(body)} as ${type}`, async (t) => {
    const sandbox = openSandbox(t);
    const args = readMailArgs(sandbox.path('sendmail'), '%s -c %C -s %S %s');
    const head = `Subject: x\nContent-Type: ${type}\n\n`;
    await pipeMail(mailOf(Buffer.from(body, 'latin1'), { head }), way(args), launcher);
    assert.deepEqual(sandbox.mails()[0]?.argv.slice(1, 3), ['-c', charset]);
  });

test('pipeMail() runs a mailer as the user that is set', needsRoot, async (t) => {
  const sandbox = openSandbox(t);
  const args = readMailArgs(sandbox.path('sendmail'), '%s %s');
  const as = { ...(await userNamed('daemon')), home: '/' };
  await pipeMail(mailOf('x'), { ...way(args), as }, launcher);
  const [mail] = sandbox.mails();
  assert.equal(mail?.uid, as.uid);
  assert.equal(mail?.environment['LOGNAME'], 'daemon');
});

test('pipeMail() ends a mailer that hangs, with all that it has started', async (t) => {
  const sandbox = openSandbox(t);
  sandbox.mailer({ end: `sleep 600 & echo $! > ${sandbox.path('mails')}/.child; wait` });
  const begun = performance.now();
  const args = readMailArgs(sandbox.path('sendmail'), '%s');
  const { exit, timedOut } = await pipeMail(mailOf('x'), way(args, 300), launcher);
  assert.ok(performance.now() - begun < 4000);
  assert.deepEqual({ exit, timedOut }, { exit: { code: null, signal: 'SIGTERM' }, timedOut: true });
});

test('pipeMail() hears what a mailer says, always, and keeps the beginning of it', async (t) => {
  const sandbox = openSandbox(t);
  const args = readMailArgs(sandbox.path('sendmail'), '%s');
  sandbox.mailer({ say: 'no such user', end: 67 });
  for (let round = 0; round < 20; round++) {
    const { said, exit } = await pipeMail(mailOf('x'), way(args), launcher);
    assert.deepEqual({ said, exit }, { said: 'no such user', exit: { code: 67, signal: null } });
  }
  sandbox.mailer({ end: 'head -c 100000 /dev/zero | tr "\\0" x >&2; exit 1' });
  const { said } = await pipeMail(mailOf('x'), way(args), launcher);
  assert.equal(said, 'x'.repeat(1024));
});

test('pipeMail() does not wait for what a mailer leaves running', async (t) => {
  const sandbox = openSandbox(t);
  sandbox.mailer({ end: 'sleep 600 & exit 0' });
  const begun = performance.now();
  const args = readMailArgs(sandbox.path('sendmail'), '%s');
  const { read, timedOut } = await pipeMail(mailOf('x'), way(args), launcher);
  assert.deepEqual({ read, timedOut }, { read: true, timedOut: false });
  assert.ok(performance.now() - begun < 5000);
});

test('pipeMail() starts no mailer that is a directory or may not be run', async (t) => {
  const sandbox = openSandbox(t);
  for (const program of [sandbox.root, sandbox.config]) {
    const { exit, read, said } = await pipeMail(
      mailOf('x'),
      way(readMailArgs(program, '%s')),
      launcher,
    );
    assert.notEqual(exit.code, 0);
    assert.equal(read, false);
    assert.notEqual(said, '');
  }
});

test('pipeMail() closes what it opened', async (t) => {
  const sandbox = openSandbox(t);
  const args = readMailArgs(sandbox.path('sendmail'), '%s');
  await pipeMail(mailOf('x'), way(args), launcher);
  const before = readdirSync('/proc/self/fd').length;
  for (let round = 0; round < 5; round++) await pipeMail(mailOf('x'), way(args), launcher);
  if (!isRoot) {
    const root = { ...mailOf('x').user, uid: 0 };
    await assert.rejects(pipeMail(mailOf('x', { user: root }), way(args), launcher));
  }
  assert.ok(readdirSync('/proc/self/fd').length <= before + 1);
});
