/** The hand that puts mail into mailboxes: whose they are, as whom they are written, and what goes wrong. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Deposit, depositIn, type DepositSettings } from '../../src/mail/deposit.ts';
import type { Launcher, Program } from '../../src/system/program.ts';
import type { User } from '../../src/system/users.ts';
import { launcher, self } from '../run/started.ts';
import { me, openSandbox, type Sandbox } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';
import { mailOf } from './mail.ts';

const DEPOSIT = fileURLToPath(new URL('../../src/cli/deposit.js', import.meta.url));

/** Number of the group `mail`. */
const MAIL = 8;

interface Case {
  readonly sandbox: Sandbox;
  readonly logged: string[];
  /** What was to be started, where a fake launcher was told to. */
  readonly started: Program[];
  readonly hand: Deposit;
  readonly mailbox: (name?: string) => string;
}

/** Others than the one who runs the tests. */
const others: Record<string, User> = Object.fromEntries(
  ['alice', 'bob'].map((name, index) => [
    name,
    {
      name,
      uid: 70_000 + index,
      gid: 80_000 + index,
      groups: [80_000 + index, 90_000],
      home: `/home/${name}`,
      shell: '/bin/sh',
    },
  ]),
);

function open(t: TestContext, changed: Partial<DepositSettings> & { fake?: boolean } = {}): Case {
  const sandbox = openSandbox(t);
  const logged: string[] = [];
  const started: Program[] = [];
  const pretended: Launcher = {
    async start(program) {
      started.push(program);
      return {
        pid: 0,
        ended: Promise.resolve({ code: 0, signal: null, reached: true, homeless: false }),
        isOver: () => true,
      };
    },
  };
  const hand = depositIn(
    {
      program: [process.execPath, DEPOSIT],
      mailbox: sandbox.path('mailbox'),
      format: 'mbox',
      spool: sandbox.path('state'),
      timeout: 30_000,
      self: self.uid,
      ...changed,
    },
    {
      launcher: changed.fake === true ? pretended : launcher,
      users: {
        async find(name) {
          if (name === 'slow') throw new Error('the user database did not answer');
          return name === me ? self : (others[name] ?? null);
        },
      },
      mailGroup: async () => MAIL,
      log: (who, event, detail) => void logged.push(`(${who}) ${event} (${detail})`),
    },
  );
  const mailbox = (name = me): string => readFileSync(sandbox.path('mailbox', name), 'latin1');
  return { sandbox, logged, started, hand, mailbox };
}

test('depositIn() puts mail into its recipient’s mailbox', async (t) => {
  const { hand, mailbox, logged, sandbox } = open(t);
  const mail = mailOf(`${'x'.repeat(3_000_000)}\nFrom me\n`, { recipients: [me] });
  assert.deepEqual(await hand(mail), []);
  const [line = '', ...rest] = mailbox().split('\n');
  assert.match(line, new RegExp(`^From alice@${hostname()} `));
  assert.equal(rest.join('\n'), `${mail.head}${'x'.repeat(3_000_000)}\n>From me\n\n`);
  assert.deepEqual([logged, readdirSync(sandbox.path('mailbox'))], [[], [me]]);
});

test('depositIn() puts mail once into a mailbox, for all recipients who are there', async (t) => {
  const { hand, mailbox } = open(t);
  const recipients = [me, `${me}@localhost`, `${me}@${hostname()}`, me.toUpperCase()];
  assert.deepEqual(await hand(mailOf('x\n', { recipients })), []);
  assert.equal(mailbox().split('From: root').length, 2);
});

test('depositIn() gives mail for somewhere else to the job’s user, and says so', async (t) => {
  const { hand, mailbox, logged } = open(t);
  const recipients = ['ops@example.org', 'nobody-by-that-name'];
  assert.deepEqual(await hand(mailOf('hello\n', { recipients })), []);
  assert.match(
    mailbox(),
    /\nSubject: .*\nX-Cron-Not-Sent-To: ops@example\.org\nX-Cron-Not-Sent-To: nobody-by-that-name\n\nhello\n\n$/,
  );
  assert.deepEqual(logged, [
    `(${me}) MAIL (not sent to ops@example.org, nobody-by-that-name: not on this machine; it is in the mailbox of ${me})`,
  ]);
});

test('depositIn() lets mail for somewhere else wait for a mailer when told to', async (t) => {
  const { hand, mailbox, logged } = open(t);
  const recipients = ['ops@example.org', me, 'nobody-by-that-name'];
  const refused = await hand(mailOf('hello\n', { recipients }), 'later');
  assert.deepEqual(
    refused,
    ['ops@example.org', 'nobody-by-that-name'].map((recipient) => ({
      recipient,
      reason: `${recipient} is not on this machine, and there is no mailer`,
      permanent: false,
    })),
  );
  assert.match(mailbox(), /\nSubject: .*\n\nhello\n\n$/);
  assert.deepEqual(logged, []);
});

test('depositIn() reaches the others when one recipient cannot be looked up', async (t) => {
  const { hand, mailbox } = open(t);
  assert.deepEqual(await hand(mailOf('x\n', { recipients: ['slow', me] })), [
    { recipient: 'slow', reason: 'the user database did not answer', permanent: false },
  ]);
  assert.match(mailbox(), /\n\nx\n\n$/);
});

test('depositIn() refuses for now what cannot be written, and says why', async (t) => {
  const { hand, sandbox } = open(t);
  const file = sandbox.path('mailbox', me);
  writeFileSync(file, 'old');
  writeFileSync(`${file}.lock`, '');
  const reason = `cannot write to the mailbox "${file}": "${file}" is locked by another program ("${file}.lock")`;
  assert.deepEqual(await hand(mailOf('x\n', { recipients: [me, 'ops@example.org'] })), [
    { recipient: me, reason, permanent: false },
    { recipient: 'ops@example.org', reason, permanent: false },
  ]);
  assert.equal(readFileSync(file, 'latin1'), 'old');
});

test('depositIn() ends what takes too long, and the mailbox is as it was', async (t) => {
  const { hand, sandbox } = open(t, { timeout: 1000 });
  const file = sandbox.path('mailbox', me);
  writeFileSync(file, 'old');
  writeFileSync(`${file}.lock`, '');
  const [refused] = await hand(mailOf('x\n', { recipients: [me] }));
  assert.equal(refused?.reason, 'the mailbox was not written within 1 s');
  assert.equal(readFileSync(file, 'latin1'), 'old');
});

test('the depositing program takes back half a mail when it is ended', async (t) => {
  const file = openSandbox(t).path('mailbox', me);
  const old = 'From x\n\nold\n\n';
  writeFileSync(file, old);
  const argv = [DEPOSIT, 'mbox', file, '1000', 'x@y'];
  const program = spawn(process.execPath, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => program.kill('SIGKILL'));
  let said = '';
  program.stdout.on('data', (data: Buffer) => (said += data.toString()));
  program.stdin.on('error', () => {}); // it need not read to the end
  program.stdin.write(Buffer.alloc(1_000_000, 'half\n'));
  await until('half of it is there', () => statSync(file).size > 500_000);
  assert.ok(existsSync(`${file}.lock`));
  program.kill('SIGTERM');
  await once(program, 'close');
  assert.deepEqual([program.exitCode, readFileSync(file, 'latin1')], [75, old]);
  assert.match(said, /^cannot write to the mailbox "[^"]*": [^\n]*\n$/);
  assert.ok(!existsSync(`${file}.lock`));
});

test('depositIn() says that its program is not there', async (t) => {
  const { hand } = open(t, { program: ['/nowhere/node', DEPOSIT] });
  const [refused] = await hand(mailOf('x\n', { recipients: [me] }));
  assert.match(refused?.reason ?? '', /^\/nowhere\/node: /);
});

test('depositIn() takes many mails at once', async (t) => {
  const { hand, mailbox } = open(t);
  const bodies = Array.from({ length: 12 }, (_, index) => `mail ${index}\n`);
  const refused = await Promise.all(bodies.map((body) => hand(mailOf(body, { recipients: [me] }))));
  assert.deepEqual(refused.flat(), []);
  assert.deepEqual(
    mailbox()
      .match(/^mail \d+\n/gm)
      ?.toSorted(),
    bodies.toSorted(),
  );
});

test('depositIn() files mail in the Maildir of the user’s home when told to', async (t) => {
  const sandbox = openSandbox(t);
  const home = sandbox.root;
  chmodSync(home, 0o755);
  const { hand } = open(t, { format: 'maildir' });
  const user = { ...self, home };
  assert.deepEqual(
    await hand(mailOf('From me\n', { user, recipients: ['elsewhere@example.org'] })),
    [],
  );
  const [name = ''] = readdirSync(`${home}/Maildir/new`);
  const text = readFileSync(`${home}/Maildir/new/${name}`, 'latin1');
  assert.match(text, /^From: root [^]*\nX-Cron-Not-Sent-To: elsewhere@example\.org\n\nFrom me\n$/);
});

test('depositIn() as root writes each mailbox as its user, with the group that mailboxes have', async (t) => {
  for (const format of ['mbox', 'maildir'] as const) {
    const { sandbox, hand, started } = open(t, { format, self: 0, fake: true });
    await hand(mailOf('x\n', { recipients: ['alice', 'bob@localhost'] }));
    const program = started.find(({ user }) => user.name === 'alice');
    assert.equal(started.length, 2);
    const { uid, gid, groups } = program?.user ?? {};
    assert.deepEqual(
      [uid, gid, groups],
      format === 'mbox'
        ? [70_000, MAIL, [MAIL, 80_000, 90_000]]
        : [70_000, 80_000, [80_000, 90_000]],
    );
    assert.equal(program?.directory, '/');
    assert.deepEqual(program.argv.slice(2), [
      format,
      format === 'mbox' ? sandbox.path('mailbox', 'alice') : '/home/alice/Maildir',
      '10000',
      `alice@${hostname()}`,
    ]);
  }
});

test('depositIn() without root gives other people’s mail to the job’s user', async (t) => {
  const { hand, mailbox } = open(t, { self: self.uid === 0 ? -1 : self.uid });
  assert.deepEqual(await hand(mailOf('x\n', { recipients: ['alice'] })), []);
  assert.match(mailbox(), /\nX-Cron-Not-Sent-To: alice\n\nx\n\n$/);
});
