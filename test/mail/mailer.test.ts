/** What becomes of a mail: handed on, or kept whole and logged in vixie's words; never lost. */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { test, type TestContext } from 'node:test';
import { mailer, type MailerTools, type MailSettings, wayOf } from '../../src/mail/mailer.ts';
import { type Envelope, readEnvelope } from '../../src/mail/envelope.ts';
import { idOf } from '../../src/mail/outbox.ts';
import type { Outgoing } from '../../src/system/outgoing.ts';
import { launcher, self } from '../run/started.ts';
import { type Behaviour, me, openSandbox, type Sandbox } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';
import { bytesOf, mailOf } from './mail.ts';

interface Case {
  readonly sandbox: Sandbox;
  readonly logged: string[];
  /** What went to mailboxes; the mail of the run "refused" does not. */
  readonly deposited: Outgoing[];
  /** What was to become of mail for other machines, each time. */
  readonly strangers: (string | undefined)[];
  readonly deliver: (mail: Outgoing) => Promise<boolean>;
}

type Parts = Omit<Case, 'deliver'> & {
  readonly settings: MailSettings;
  readonly tools: MailerTools;
};

function open(t: TestContext, behaviour: Behaviour, changed: Partial<MailSettings> = {}): Case {
  const { settings, tools, ...rest } = parts(t, behaviour);
  return { ...rest, deliver: mailer({ ...settings, ...changed }, tools) };
}

function parts(t: TestContext, behaviour: Behaviour): Parts {
  const sandbox = openSandbox(t);
  sandbox.mailer(behaviour);
  const logged: string[] = [];
  const settings = {
    mailcmd: sandbox.path('sendmail'),
    mailargs: '%s -i %s',
    timeout: 1000,
    outbox: sandbox.path('state', 'outbox'),
    ownSendmail: '/nowhere/cron-sendmail',
    toMailcmd: false,
    hasRelay: false,
    limits: { mails: 100, bytes: 100_000_000 },
    terms: { keep: 86_400_000, firstPause: 60_000 },
  };
  const deposited: Outgoing[] = [];
  const strangers: (string | undefined)[] = [];
  const tools: MailerTools = {
    launcher,
    log: (who, event, detail) => void logged.push(`(${who}) ${event} (${detail})`),
    deposit: async (mail, others) => {
      strangers.push(others);
      if (mail.run === 'refused') throw new Error('the mailbox is locked');
      deposited.push(mail);
      return [];
    },
    onPosted: () => void logged.push('posted'),
    leaving: new AbortController().signal,
    pauses: [],
  };
  return { sandbox, logged, deposited, strangers, settings, tools };
}

/** What lies in the outbox for a run. */
function kept(
  sandbox: Sandbox,
  run: string,
): { message: Buffer; envelope: Envelope; reason: string | undefined } {
  const place = sandbox.path('state', 'outbox', 'queue', id(run));
  for (const name of ['message.eml', 'envelope.json'])
    assert.equal(statSync(`${place}/${name}`).mode & 0o7777, 0o600);
  assert.equal(statSync(place).mode & 0o7777, 0o700);
  const envelope = readEnvelope(readFileSync(`${place}/envelope.json`, 'utf8'));
  const message = readFileSync(`${place}/message.eml`);
  return { message, envelope, reason: envelope.log[0]?.reason };
}

/** The name of a run's mail in the outbox. */
const id = (run: string): string => idOf(self.uid, run);

const LARGE = Buffer.alloc(5_000_000, 'large\n');
const SMALL = 'small, \xe9 and \0\n';

/** What the mailer does; what the log says of it, `N` for the size; why it is kept. */
interface Failing {
  readonly behaviour: Behaviour;
  readonly status: string;
  readonly reason: string;
  /** The owner is to be told, and nobody is tried again. */
  readonly permanent?: boolean;
}

const failing: Record<string, Failing> = {
  'fails for now': {
    behaviour: { end: 75 },
    status: '0x004b',
    reason: 'the mailer ended with status 75',
  },
  'fails and says why': {
    behaviour: { say: 'bob... User unknown', end: 67 },
    status: '0x0043',
    permanent: true,
    reason: 'the mailer ended with status 67: bob... User unknown',
  },
  'is killed': {
    behaviour: { end: 'kill -KILL $$' },
    status: '0xffffffff',
    reason: 'the mailer was ended by SIGKILL',
  },
  hangs: {
    behaviour: { end: 'exec sleep 600' },
    status: '0xffffffff',
    reason: 'the mailer did not end within 1 s',
  },
  'hangs before it reads': {
    behaviour: { read: 0, end: 'exec sleep 600' },
    status: '0xffffffff',
    reason: 'the mailer did not end within 1 s',
  },
  'does not read': {
    behaviour: { read: 0 },
    status: '0x0000',
    reason: 'the mailer did not read the message',
  },
  'does not read and fails': {
    behaviour: { read: 0, say: 'cannot open queue', end: 71 },
    status: '0x0047',
    reason: 'the mailer ended with status 71: cannot open queue',
  },
};
for (const [what, { behaviour, status, reason, permanent = false }] of Object.entries(failing))
  for (const body of [SMALL, LARGE]) {
    const size = Buffer.byteLength(body);
    test(`mailer() that ${what} costs nothing of a mail of ${size} bytes`, async (t) => {
      const { sandbox, logged, deliver } = open(t, behaviour);
      const mail = mailOf(body, { recipients: ['bob', 'eve@example.org'] });
      assert.equal(await deliver(mail), true, 'it is taken care of');
      const { message, envelope } = kept(sandbox, mail.run);
      assert.ok(message.equals(await bytesOf(mail)), 'whole');
      const { created, next, ...rest } = envelope;
      assert.ok(Math.abs(Date.now() - Date.parse(created)) < 60_000);
      assert.equal(Date.parse(next) - Date.parse(created), permanent ? 0 : 60_000);
      const recipients = ['bob', 'eve@example.org'];
      assert.deepEqual(rest, {
        version: 1,
        run: mail.run,
        user: me,
        uid: self.uid,
        sender: 'alice',
        recipients: permanent ? [] : recipients,
        failed: permanent ? recipients.map((recipient) => ({ recipient, reason })) : [],
        head: mail.head.length,
        size,
        printed: size,
        tries: 1,
        trying: null,
        log: [{ at: created, reason }],
      });
      const file = sandbox.path('state', 'outbox', 'queue', id(mail.run), 'message.eml');
      assert.deepEqual(logged, [
        `(${me}) MAIL (mailed ${size} bytes of output but got status ${status} from MTA)`,
        `(${me}) MAIL (not delivered (${reason}), kept in ${file})`,
        'posted',
      ]);
    });
  }

test('mailer() that reads half of a large mail costs nothing of it', async (t) => {
  const { sandbox, deliver } = open(t, { read: 100_000 });
  const mail = mailOf(LARGE);
  assert.equal(await deliver(mail), true);
  const { message, reason } = kept(sandbox, mail.run);
  assert.ok(message.equals(await bytesOf(mail)));
  assert.equal(reason, 'the mailer did not read the message');
});

test('mailer() says "1 byte" of one', async (t) => {
  const { logged, deliver } = open(t, { end: 1 });
  await deliver(mailOf('x'));
  assert.match(logged[0] ?? '', /mailed 1 byte of output/);
});

test('mailer() that is missing leaves mail to mailboxes, and says so once', async (t) => {
  const { sandbox, logged, deposited, strangers, deliver } = open(t, {});
  const [here, away] = [sandbox.path('sendmail'), sandbox.path('sendmail.away')];
  for (const move of [
    () => renameSync(here, away),
    () => {},
    () => renameSync(away, here),
    () => renameSync(here, away),
  ]) {
    move();
    assert.equal(await deliver(mailOf(SMALL)), true);
  }
  assert.equal(deposited.length, 3);
  assert.equal(sandbox.mails().length, 1);
  const line = '(CRON) info (No MTA installed, using mailboxes)';
  assert.deepEqual(logged, [line, line]);
  assert.deepEqual(strangers, ['later', 'later', 'later']);
});

test('mailer() that is none leaves all mail to mailboxes', async (t) => {
  const { logged, deposited, strangers, deliver } = open(t, {}, { mailcmd: 'mailbox:' });
  assert.equal(await deliver(mailOf(SMALL)), true);
  assert.deepEqual([deposited.length, strangers, logged], [1, [undefined], []]);
});

test('mailer() that is missing leaves mail in the outbox when mailboxes do not take it', async (t) => {
  const { sandbox, logged, deliver } = open(t, {}, { mailcmd: '/nowhere/sendmail' });
  const mail = mailOf(SMALL, { run: 'refused' });
  assert.equal(await deliver(mail), true);
  const { message, reason } = kept(sandbox, mail.run);
  assert.ok(message.equals(await bytesOf(mail)));
  assert.equal(reason, 'the mailbox is locked');
  const file = sandbox.path('state', 'outbox', 'queue', id(mail.run), 'message.eml');
  assert.deepEqual(logged, [
    '(CRON) info (No MTA installed, using mailboxes)',
    `(${me}) MAIL (not delivered (the mailbox is locked), kept in ${file})`,
    'posted',
  ]);
});

test('mailer() that comes back is used again', async (t) => {
  const { sandbox, deliver } = open(t, {});
  writeFileSync(sandbox.path('behaviour'), 'exit 75\n');
  await deliver(mailOf('one', { run: 'one' }));
  sandbox.mailer({});
  await deliver(mailOf('two', { run: 'two' }));
  assert.deepEqual(sandbox.outbox(), [id('one')]);
  assert.deepEqual(
    sandbox.mails().map(({ body }) => body),
    ['two'],
  );
});

test('mailer() that cannot start anything leaves the mail in the outbox', async (t) => {
  const sandbox = openSandbox(t);
  const settings = {
    mailcmd: sandbox.path('sendmail'),
    mailargs: '%s %s',
    timeout: 1000,
    outbox: sandbox.path('state', 'outbox'),
    ownSendmail: '/nowhere/cron-sendmail',
    toMailcmd: false,
    hasRelay: false,
    limits: { mails: 100, bytes: 100_000_000 },
    terms: { keep: 86_400_000, firstPause: 60_000 },
  };
  const broken = { start: () => Promise.reject(new Error('no more processes')) };
  const deliver = mailer(settings, {
    launcher: broken,
    log: () => {},
    deposit: async () => [],
    onPosted: () => {},
    leaving: new AbortController().signal,
  });
  assert.equal(await deliver(mailOf('x')), true);
  assert.equal(kept(sandbox, 'run-1').reason, 'no more processes');
});

test('mailer() without mailer and outbox says that it could not keep the mail', async (t) => {
  const { sandbox, logged, deliver } = open(t, { end: 75 });
  writeFileSync(sandbox.path('state'), 'a file in the way');
  assert.equal(await deliver(mailOf('x')), false);
  assert.equal(
    logged[1],
    `(${me}) MAIL (not delivered (the mailer ended with status 75), and not kept either: not a directory)`,
  );
  rmSync(sandbox.path('state'));
});

test('mailer() keeps a mail anew that a crash left half kept, and one that is kept only once', async (t) => {
  const { sandbox, deliver } = open(t, { end: 75 });
  const draft = sandbox.path('state', 'outbox', 'new', `${id('run-1')}.${process.pid}`);
  mkdirSync(draft, { recursive: true });
  writeFileSync(`${draft}/message.eml`, 'half');
  writeFileSync(`${draft}/more`, '');
  const first = mailOf('first');
  for (const mail of [first, mailOf('second')]) {
    assert.equal(await deliver(mail), true);
    assert.ok(kept(sandbox, 'run-1').message.equals(await bytesOf(first)));
    assert.deepEqual(sandbox.outbox('new'), []);
  }
  assert.ok(!existsSync(sandbox.path('state', 'outbox', 'queue', id('run-1'), 'more')));
});

test('mailer() keeps a mail whose body breaks off nowhere at all', async (t) => {
  const { sandbox, deliver } = open(t, { end: 75 });
  const mail = mailOf('x', {
    async *chunks() {
      yield Buffer.from('half');
      throw new Error('the disk has gone');
    },
  });
  assert.equal(await deliver(mail), false);
  assert.deepEqual(sandbox.outbox(), [], 'no half mail that looks like a whole one');
});

test('mailer() leaves mail to mailboxes when it is told to', async (t) => {
  const { deposited, deliver } = open(t, {}, { mailcmd: 'mailbox:' });
  assert.equal(await deliver(mailOf('hello\n')), true);
  assert.equal(deposited.length, 1);
});

test('mailer() posts what only the scheduler brings on, and asks nobody', async (t) => {
  const { sandbox, logged, deliver } = open(t, {}, { mailcmd: 'smtp://127.0.0.1:25' });
  const mail = mailOf(SMALL, { recipients: ['bob', 'eve'] });
  assert.equal(await deliver(mail), true);
  const { message, envelope } = kept(sandbox, mail.run);
  assert.ok(message.equals(await bytesOf(mail)));
  const { recipients, tries, log, created, next } = envelope;
  assert.deepEqual({ recipients, tries, log }, { recipients: ['bob', 'eve'], tries: 0, log: [] });
  assert.equal(next, created, 'at once');
  assert.deepEqual(logged, ['posted']);
});

test('mailer() waits for a disk that is full, and goes when it has to leave', async (t) => {
  const sandbox = openSandbox(t);
  sandbox.mailer({ end: 75 });
  const logged: string[] = [];
  const leave = new AbortController();
  const settings = {
    mailcmd: sandbox.path('sendmail'),
    mailargs: '%s %s',
    timeout: 1000,
    outbox: sandbox.path('state', 'outbox'),
    ownSendmail: '/nowhere/cron-sendmail',
    toMailcmd: false,
    hasRelay: false,
    limits: { mails: 100, bytes: 100_000_000 },
    terms: { keep: 86_400_000, firstPause: 60_000 },
  };
  const deliver = mailer(settings, {
    launcher,
    log: (who, event, detail) => void logged.push(`(${who}) ${event} (${detail})`),
    deposit: async () => [],
    onPosted: () => {},
    leaving: leave.signal,
    pauses: [10, 20, 600_000],
  });
  writeFileSync(sandbox.path('state'), 'in the way');
  const waiting = deliver(mailOf('one', { run: 'one' }));
  const leaving = deliver(mailOf('two', { run: 'two' }));
  await until(
    'both wait',
    () => logged.filter((line) => line.includes('kept either')).length === 2,
  );
  leave.abort();
  assert.deepEqual(await Promise.all([waiting, leaving]), [false, false]);
  const stays = new AbortController();
  const patient = mailer(settings, {
    launcher,
    log: (who, event, detail) => void logged.push(`(${who}) ${event} (${detail})`),
    deposit: async () => [],
    onPosted: () => {},
    leaving: stays.signal,
    pauses: Array.from({ length: 1000 }, () => 20),
  });
  const delivering = patient(mailOf('three'));
  await until('it waits', () => logged.filter((line) => line.includes('kept either')).length === 3);
  rmSync(sandbox.path('state'));
  assert.equal(await delivering, true);
  assert.deepEqual(sandbox.outbox(), [id('run-1')]);
});

/** What a journal is told while a mailer does this with a mail for two. */
async function noted(t: TestContext, behaviour: Behaviour, mailcmd?: string): Promise<string[]> {
  const { settings, tools, sandbox } = parts(t, behaviour);
  const heard: string[] = [];
  const deliver = mailer(
    { ...settings, mailer: 'opensmtpd', ...(mailcmd !== undefined && { mailcmd }) },
    {
      ...tools,
      onHanding: (run) => heard.push(`handing ${run} ${sandbox.mails().length}`),
      onRefused: (run) => heard.push(`refused ${run}`),
    },
  );
  assert.ok(await deliver(mailOf('x\n', { run: 'one', recipients: ['bob', 'eve'] })));
  return heard;
}

test('mailer() tells when a mail is handed over, and when nobody has it', async (t) => {
  assert.deepEqual(await noted(t, {}), ['handing one 0']);
  assert.deepEqual(await noted(t, { end: 1 }), ['handing one 0', 'refused one']);
  const fussy = { end: 'case "$*" in *eve*) echo 550 no; exit 70;; esac' };
  assert.deepEqual(await noted(t, fussy), ['handing one 0'], 'bob has it');
  assert.deepEqual(await noted(t, {}, 'smtp://relay'), [], 'the scheduler hands it over');
});

const MAILER = '/bin/sh';
const OWN = process.execPath;
/** MAILCMD, a relay, to_mailcmd → the way of a job's mail, and of one that was handed in. */
const ways: readonly [string, boolean, boolean, string, string][] = [
  [MAILER, false, false, 'program', 'mailboxes'],
  [MAILER, true, false, 'program', 'relay'],
  [MAILER, true, true, 'program', 'program'],
  [OWN, false, false, 'mailboxes', 'mailboxes'],
  [OWN, true, true, 'relay', 'relay'],
  [`/proc/self/root${OWN}`, true, true, 'relay', 'relay'],
  ['/nowhere/sendmail', true, true, 'relay', 'relay'],
  ['/nowhere/sendmail', false, true, 'mailboxes', 'mailboxes'],
  ['mailbox:', true, true, 'mailboxes', 'mailboxes'],
  ['smtp://127.0.0.1', false, true, 'relay', 'relay'],
];

for (const [mailcmd, hasRelay, toMailcmd, ofJob, handedIn] of ways)
  test(`wayOf() goes by ${mailcmd}, relay ${hasRelay}, to_mailcmd ${toMailcmd}`, () => {
    const settings = { mailcmd, hasRelay, toMailcmd, ownSendmail: OWN };
    assert.deepEqual(
      [wayOf(settings, {}), wayOf(settings, { submitted: true })],
      [ofJob, handedIn],
    );
  });
