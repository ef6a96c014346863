/** Who gets a mail, and when: a finished job, or one whose runner died, becomes a mail or none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import PostalMime from 'postal-mime';
import { mailDate } from '../../src/core/date.ts';
import type { Environment } from '../../src/core/environment.ts';
import type { Firing } from '../../src/run/protocol.ts';
import { report } from '../../src/run/report.ts';
import type { Outgoing } from '../../src/system/outgoing.ts';
import type { Exit } from '../../src/system/program.ts';
import type { User } from '../../src/system/users.ts';
import { bytesOf, decoded } from '../mail/mail.ts';
import { firing } from './firings.ts';

const ALICE: User = {
  name: 'alice',
  uid: 1000,
  gid: 1000,
  home: '/home/alice',
  shell: '/bin/sh',
  groups: [1000],
};
const EXITS: Record<string, Exit | null> = {
  ok: { code: 0, signal: null },
  failed: { code: 1, signal: null },
  killed: { code: null, signal: 'SIGKILL' },
  lost: null,
  never: null,
};
const AT = Date.UTC(2026, 10, 22, 15, 30, 1);

interface Case {
  readonly exit?: keyof typeof EXITS;
  readonly output?: string;
  readonly preface?: string;
  readonly environment?: Environment;
  readonly firing?: Partial<Firing>;
  readonly markFailed?: boolean;
  readonly charset?: string;
  readonly user?: User;
  readonly limit?: number;
  readonly keep?: (name: string) => string;
}

const logged: string[] = [];

async function mailOf(facts: Case): Promise<Outgoing | null> {
  const { exit = 'ok', output = 'x', preface = '', ...rest } = facts;
  logged.length = 0;
  const body = Buffer.from(output, 'latin1');
  return report(
    {
      firing: firing('backup', { command: 'backup', ...rest.firing }),
      user: rest.user ?? ALICE,
      exit: EXITS[exit] ?? null,
      at: AT,
      duration: exit === 'lost' ? null : 12_345.4,
      isLost: exit === 'lost',
      environment: rest.environment ?? [],
      preface,
      body: {
        size: body.length,
        async *chunks(from, to) {
          if (body.length > 0) yield body.subarray(from, to);
        },
      },
      keep: rest.keep ?? ((name) => `/state/long/${name}`),
    },
    {
      host: 'web1',
      origin: 'web1.example.org',
      charset: rest.charset ?? 'UTF-8',
      markFailed: rest.markFailed ?? false,
      mask: [],
      limit: rest.limit ?? 10_000_000,
    },
    (who, event, detail) => logged.push(`(${who}) ${event} (${detail})`),
  );
}

async function bodyOf(mail: Outgoing | null): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of mail?.chunks() ?? []) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('latin1');
}

const field = (mail: Outgoing | null, name: string): string | undefined =>
  new RegExp(`^${name}: (.*)$`, 'm').exec(mail?.head ?? '')?.[1];

/** Recipients, or `nobody`. */
const recipients: Record<string, readonly [environment: Environment, to: string]> = {
  unset: [[], 'alice'],
  'one address': [[['MAILTO', 'bob@example.org']], 'bob@example.org'],
  'several addresses': [[['MAILTO', 'bob, eve@x.org root']], 'bob eve@x.org root'],
  empty: [[['MAILTO', '']], 'nobody'],
  'only blanks': [[['MAILTO', ' , ']], 'nobody'],
};
for (const [mailto, [environment, expected]] of Object.entries(recipients))
  test(`report() with MAILTO ${mailto} goes to ${expected}`, async () => {
    const mail = await mailOf({ environment });
    assert.equal(mail?.recipients.join(' ') ?? 'nobody', expected);
    if (mail !== null) assert.equal(field(mail, 'To'), expected.replaceAll(' ', ', '));
    assert.deepEqual(logged, []);
  });

for (const unsafe of ['-oQ/tmp', 'a;rm -rf /', 'a$(id)', 'bob\rBcc: eve', 'bob -t', '|cat', 'a\nb'])
  test(`report() sends to the owner what is for ${JSON.stringify(unsafe)}, and says why`, async () => {
    const mail = await mailOf({ environment: [['MAILTO', unsafe]], output: 'hello\n' });
    assert.deepEqual(mail?.recipients, ['alice']);
    assert.equal(field(mail, 'To'), 'alice');
    const body = await bodyOf(mail);
    assert.match(body, /^cron: MAILTO is unsafe, this mail came to you instead: .*\nhello\n$/);
    assert.equal(mail?.size, Buffer.byteLength(body, 'latin1'));
    assert.deepEqual(logged, [`(alice) UNSAFE MAIL (${unsafe})`]);
  });

/** Exit, output and setting → whether there is a mail. */
const mailed: readonly (readonly [Case, boolean])[] = [
  [{ exit: 'ok', output: 'x' }, true],
  [{ exit: 'ok', output: '' }, false],
  [{ exit: 'failed', output: '' }, false],
  [{ exit: 'killed', output: '' }, false],
  [{ exit: 'failed', output: 'x' }, true],
  [{ exit: 'lost', output: '' }, false],
  [{ exit: 'lost', output: '', preface: 'cron: it died\n' }, true],
  [{ exit: 'ok', output: 'x', firing: { mailSuccess: 'never' } }, false],
  [{ exit: 'ok', output: '', firing: { mailSuccess: 'never' } }, false],
  [{ exit: 'failed', output: 'x', firing: { mailSuccess: 'never' } }, true],
  [{ exit: 'killed', output: 'x', firing: { mailSuccess: 'never' } }, true],
  [{ exit: 'lost', output: 'x', firing: { mailSuccess: 'never' } }, true],
  [{ exit: 'failed', output: 'x', environment: [['MAILTO', '']] }, false],
];
for (const [facts, expected] of mailed)
  test(`report() of ${JSON.stringify(facts)}: ${expected ? 'a mail' : 'no mail'}`, async () => {
    assert.equal((await mailOf(facts)) !== null, expected);
  });

test('report() puts its own words before the output, and counts them', async () => {
  const mail = await mailOf({ exit: 'lost', preface: 'cron: it died\n\n', output: 'half' });
  assert.equal(await bodyOf(mail), 'cron: it died\n\nhalf');
  assert.equal(mail?.size, 19);
  assert.equal(await bodyOf(mail), 'cron: it died\n\nhalf', 'as often as it is asked for');
});

test('report() hands on as it is what every mailer brings across', async () => {
  const controls = Array.from({ length: 26 }, (_, index) => String.fromCharCode(index + 1));
  const output = `${controls.join('').replace('\r', '')}\x1b[1m\nGr\xc3\xbc\xc3\x9fe\n.\n..\nFrom me\n${'x'.repeat(988)}`;
  const mail = await mailOf({ output });
  assert.equal(await bodyOf(mail), output);
  assert.equal(field(mail, 'Content-Transfer-Encoding'), '8bit');
});

test('report() encodes what a mailer would change, so that every byte of it arrives', async () => {
  const all = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join('');
  for (const output of [all, 'x\ry', 'a\r\nb\r\n', 'a\0b', 'x'.repeat(989), 'ab\xff\n'])
    for (const preface of ['', 'cron: a word\n']) {
      const mail = await mailOf({ output, preface });
      assert.ok(mail);
      const parsed = await PostalMime.parse(await bytesOf(mail));
      assert.match(field(mail, 'Content-Transfer-Encoding') ?? '', /^(base64|quoted-printable)$/);
      assert.equal(await decoded(mail), preface + output);
      assert.equal(mail.size, preface.length + output.length);
      assert.equal(parsed.subject, 'Cron <alice@web1> backup');
    }
});

test('report() marks the Subject of a failed job when it is to', async () => {
  const subject = async (facts: Case): Promise<string | undefined> =>
    field(await mailOf(facts), 'Subject');
  const plain = 'Cron <alice@web1> backup';
  assert.equal(await subject({ exit: 'failed' }), plain);
  assert.equal(await subject({ exit: 'ok', markFailed: true }), plain);
  for (const exit of ['failed', 'killed', 'lost'] as const)
    assert.equal(await subject({ exit, markFailed: true }), `${plain} (failed)`);
});

test('report() names its run and its user', async () => {
  const mail = await mailOf({});
  assert.equal(mail?.run, 'backup');
  assert.equal(mail?.user, ALICE);
});

test('report() tells when and how the job ended, after the block of vixie’s cron', async () => {
  const mail = await mailOf({ firing: { scheduled: '2026-11-22T16:30:00+01:00' } });
  const [, ours = ''] = (mail?.head ?? '').split(/^(?=Date: )/m);
  const date = mailDate(AT, -new Date(AT).getTimezoneOffset());
  assert.equal(
    ours,
    `Date: ${date}
Message-ID: <backup.backup@web1.example.org>
Auto-Submitted: auto-generated
X-Cron-Status: exit 0
X-Cron-Duration: 12.345
X-Cron-Scheduled: 2026-11-22T16:30:00+01:00

`,
  );
});

const statuses: readonly (readonly [Case, string | undefined, string | undefined])[] = [
  [{ exit: 'ok' }, 'exit 0', '12.345'],
  [{ exit: 'failed' }, 'exit 1', '12.345'],
  [{ exit: 'killed' }, 'signal SIGKILL', '12.345'],
  [{ exit: 'lost' }, 'unknown', undefined],
  [{ exit: 'never' }, 'not started', '12.345'],
];
for (const [facts, status, duration] of statuses)
  test(`report() of a job that is ${facts.exit} has the status ${status}`, async () => {
    const mail = await mailOf(facts);
    assert.equal(field(mail, 'X-Cron-Status'), status);
    assert.equal(field(mail, 'X-Cron-Duration'), duration);
    assert.equal(field(mail, 'X-Cron-Scheduled'), undefined);
  });

test('report() names whom errors go to: MAILFROM without its name, else the user', async () => {
  const senders: Record<string, string> = {
    'cron@example.org': 'cron@example.org',
    'Cron at work <cron@example.org>': 'cron@example.org',
    '-f evil': 'alice',
    '': 'alice',
  };
  for (const [from, expected] of Object.entries(senders))
    assert.equal((await mailOf({ environment: [['MAILFROM', from]] }))?.sender, expected);
  assert.equal((await mailOf({}))?.sender, 'alice');
});

test('report() puts its own words into a body that the job encodes by itself', async () => {
  for (const [encoding, output] of [
    ['base64', 'aGVsbG8K\n'],
    ['quoted-printable', 'hello=0A=\n'],
  ] as const)
    for (const preface of ['', 'cron: a word\n', 'cron: a=b\n', 'cron: 123\n']) {
      const environment = [['CONTENT_TRANSFER_ENCODING', encoding]] as const;
      const mail = await mailOf({ environment, output, preface });
      assert.ok(mail);
      assert.ok((await bodyOf(mail)).endsWith(output));
      assert.match(await decoded(mail), new RegExp(`^${preface.trimEnd()}\n*hello\n$`));
    }
});

test('report() mails a user whom MAILTO could not name', async () => {
  const mail = await mailOf({ user: { ...ALICE, name: '_apt' } });
  assert.deepEqual(mail?.recipients, ['_apt']);
  assert.equal(field(mail, 'To'), '_apt');
  assert.deepEqual(logged, []);
});

const LIMIT = 200_000;
const CUT =
  'cron: this output is too long for a mail, N bytes in its middle are left out; all of it is in "/state/long/alice-backup"';
/** A line of what is printed, and the crontab's variables: each is cut, however it is encoded. */
const longOnes: Record<string, readonly [line: string, environment: Environment]> = {
  'as it is': ['a line of text\n', []],
  'as quoted-printable': ['a line of text, and \xff\n', []],
  'as base64': ['\xff\xfe\xfd\xfc\n', []],
  'in one line': ['x', []],
  'by the job itself': [
    `${btoa('hello '.repeat(9))}aGVs\n`,
    [['CONTENT_TRANSFER_ENCODING', 'base64']],
  ],
  'as parts, which are shown as they are': [
    '--x\n\ntext\n',
    [['CONTENT_TYPE', 'multipart/mixed; boundary=x']],
  ],
};
for (const [how, [line, environment]] of Object.entries(longOnes))
  test(`report() cuts what is too long, sent ${how}, and says where all of it is`, async () => {
    const output = line.repeat(Math.ceil(1_000_000 / line.length));
    const names: string[] = [];
    const keep = (name: string): string => {
      names.push(name);
      return `/state/long/${name}`;
    };
    const mail = await mailOf({ output, environment, limit: LIMIT, keep });
    assert.ok(mail);
    const { length } = await bytesOf(mail);
    assert.ok(length <= LIMIT && length > LIMIT * 0.6, `${length} bytes`);
    const body = await decoded(mail);
    const [first = ''] = body.split('\n');
    assert.equal(first.replace(/\d+/, 'N'), CUT);
    const missing = /\d+/.exec(first)?.[0] ?? '';
    assert.match(body, new RegExp(`cron: ${missing} bytes are left out here\n`));
    assert.deepEqual(names, ['alice-backup'], 'kept once');
    assert.match(logged.join('\n'), /^\(alice\) LONG OUTPUT \(backup: all of it is in ".*"\)$/);
    if (environment.length > 0) return;
    const [head = '', tail = ''] = body.slice(first.length + 1).split(/cron: .* left out here\n/);
    assert.ok(output.startsWith(head.trimEnd()) && output.endsWith(tail));
    const newline = how === 'in one line' ? 1 : 0; // before the mark
    assert.equal(head.length - newline + Number(missing) + tail.length, output.length);
    assert.equal(mail.size, body.length);
  });

test('report() mails what it can of an output that cannot be kept, and says so', async () => {
  const keep = (): string => {
    throw new Error('no room');
  };
  const mail = await mailOf({ output: 'line\n'.repeat(100_000), limit: LIMIT, keep });
  assert.match(await bodyOf(mail), /^cron: .* left out; they could not be kept: .*\nline\n/);
  assert.match(logged.join('\n'), /^\(alice\) ERROR \(long output: they could not be kept: /);
});

for (const unsafe of ['-f evil', 'a b c', 'x;id'])
  test(`report() is not from MAILFROM ${JSON.stringify(unsafe)}, and says why`, async () => {
    const environment = [['MAILFROM', unsafe]] as const;
    const mail = await mailOf({ environment, output: 'hello\n' });
    assert.match(
      await bodyOf(mail),
      /^cron: MAILFROM is unsafe, this mail is not from there: .*\nhello\n$/,
    );
    assert.equal(field(mail, 'From'), 'root (Cron Daemon)');
    assert.deepEqual(logged, [`(alice) UNSAFE MAIL (${unsafe})`]);
    assert.equal(await mailOf({ environment, output: '' }), null);
  });
