import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { me } from '../support/sandbox.ts';

const project = new URL('../../../', import.meta.url).pathname;

interface Outcome {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

interface Post {
  readonly sendmail: (args: readonly string[], input?: string | Buffer) => Outcome;
  /** What lies in a file of its folder; '' when it is not there. */
  readonly read: (name: string) => string;
  readonly place: string;
}

/** A machine of one's own, as far as mail goes: no daemon, a mailbox, a home, aliases. */
function openPost(t: TestContext, settings = ''): Post {
  const place = mkdtempSync(join(tmpdir(), 'post-'));
  t.after(() => rmSync(place, { recursive: true }));
  for (const name of ['home', 'mailbox']) mkdirSync(join(place, name));
  const config = join(place, 'mailcron.toml');
  const paths = `run = "${place}/run"\nstate = "${place}/state"\nmailbox = "${place}/mailbox"`;
  const submit = `aliases = "${place}/aliases"\n${settings}`;
  writeFileSync(config, `[paths]\n${paths}\n[submit]\n${submit}\n`);
  writeFileSync(
    join(place, 'aliases'),
    `ops: ${me}, "|/bin/false"\nme: ${me}\nnowhere: /dev/null\n`,
  );
  return {
    place,
    sendmail(args, input = '') {
      const env = { PATH: '/usr/bin:/bin', CRON_CONFIG: config, HOME: join(place, 'home') };
      const words = [join(project, 'bin/cron-sendmail'), ...args];
      const { status, stdout, stderr } = spawnSync(process.execPath, words, { env, input });
      return { status, out: stdout.toString(), err: stderr.toString() };
    },
    read: (name) =>
      existsSync(join(place, name)) ? readFileSync(join(place, name), 'latin1') : '',
  };
}

const silent: Outcome = { status: 0, out: '', err: '' };

test('cron-sendmail brings a message to the mailbox of its sender', (t) => {
  const { sendmail, read } = openPost(t);
  const message = `From: x@y.org\r\nTo: me\r\nBcc: ${me}@localhost\r\nDate: z\r\nMessage-ID: <1@2>\r\n\r\nGr\xfc\xdfe\n.\nno more\n`;
  assert.deepEqual(sendmail(['-t'], Buffer.from(message, 'latin1')), silent);
  const lines = read(`mailbox/${me}`).split('\n').slice(1);
  const host = Buffer.from(hostname()).toString('latin1');
  assert.match(lines[0] ?? '', /^Received: by .* \(cron-sendmail, from userid \d+\);$/);
  assert.deepEqual(lines.slice(2), [
    `X-Cron-Sendmail-Hop: ${host}`,
    ...'From: x@y.org|To: me|Date: z|Message-ID: <1@2>||Gr\xfc\xdfe||'.split('|'),
  ]);
});

test('cron-sendmail -v tells what becomes of a message from nobody', (t) => {
  const { sendmail, read } = openPost(t);
  const err = `cron-sendmail: ${me}: put into the mailbox\n`;
  assert.deepEqual(sendmail(['-v', '-f', '<>', me], 'x\n'), { ...silent, err });
  assert.match(read(`mailbox/${me}`), /^From MAILER-DAEMON /);
});

test('cron-sendmail gives a message what it lacks', (t) => {
  const { sendmail, read } = openPost(t);
  assert.deepEqual(sendmail(['-i', '-F', 'The Backup', me], 'hello\n.\nworld\n'), silent);
  const mail = read(`mailbox/${me}`);
  for (const field of [
    /^From: The Backup <\S+@\S+>$/m,
    new RegExp(`^To: ${me}$`, 'm'),
    /^Date: \w{3}, \d+ \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}$/m,
    /^Message-ID: <[0-9a-f-]{36}@\S+>$/m,
    /\n\nhello\n\.\nworld\n\n$/,
  ])
    assert.match(mail, field);
});

interface Failing {
  readonly args: readonly string[];
  readonly input: string;
  readonly status: number;
  readonly says: RegExp;
  /** What lies in the sender's dead.letter then. */
  readonly dead: RegExp;
}

const failing: Record<string, Failing> = {
  'an address that is none': {
    args: ['-i', me, '|/bin/sh'],
    input: 'Subject: hi\n\nbody\n',
    status: 65,
    says: /^cron-sendmail: \|\/bin\/sh: "\|\/bin\/sh" is a program or a file: .*\ncron-sendmail: the message is kept in .*\/home\/dead.letter\n$/,
    dead: /\nSubject: hi\n\nbody\n\n$/,
  },
  'an alias that is a program': {
    args: ['ops'],
    input: 'body\n',
    status: 65,
    says: /alias of "ops" is a program/,
    dead: /\n\nbody\n\n$/,
  },
  'another user': {
    args: ['-t'],
    input: `To: ${me}, x@example.org\nBcc: y@example.org\n\nbody\n`,
    status: 75,
    says: /x@example.org: no cron is running that takes it from this user/,
    dead: /\nTo: .*\nBcc: y@example.org\n\nbody\n\n$/,
  },
  'a name that nobody has': {
    args: [me, 'no-such-user'],
    input: 'body\n',
    status: 67,
    says: /^cron-sendmail: no-such-user: there is no such user on this machine\n/,
    dead: /\n\nbody\n\n$/,
  },
  'a message to nobody': {
    args: ['-t'],
    input: 'Subject: hi\n\nbody\n',
    status: 65,
    says: /Nobody to send to/,
    dead: /\nSubject: hi\n\nbody\n\n$/,
  },
  'a message that was here': {
    args: [me],
    input: `X-Cron-Sendmail-Hop: ${hostname()}\n\nbody\n`,
    status: 69,
    says: /round in circles/,
    dead: /\n\nbody\n\n$/,
  },
  'a message that is too long': {
    args: [me],
    input: `Subject: hi\n\n${'x\n'.repeat(5000)}`,
    status: 65,
    says: /longer than the 5000 bytes/,
    dead: /^$/,
  },
  'an option that is none': {
    args: ['-Z', me],
    input: '',
    status: 64,
    says: /no option "-Z"/,
    dead: /^$/,
  },
  SMTP: { args: ['-bs'], input: '', status: 64, says: /SMTP on standard input/, dead: /^$/ },
};
for (const [what, { args, input, status, says, dead }] of Object.entries(failing)) {
  test(`cron-sendmail ends with ${status} for ${what}`, (t) => {
    const { sendmail, read } = openPost(t, 'max_size = 5000');
    const ended = sendmail(args, input);
    assert.deepEqual([ended.status, ended.out], [status, '']);
    assert.match(ended.err, says);
    assert.match(read('home/dead.letter'), dead);
  });
}

test('cron-sendmail -oeq tells by its status only', (t) => {
  const { sendmail, read } = openPost(t);
  assert.deepEqual(sendmail(['-oeq', '|x'], 'body\n'), { ...silent, status: 65 });
  assert.match(read('home/dead.letter'), /\n\nbody\n\n$/);
});

test('cron-sendmail ends with 78 for a configuration that is wrong', (t) => {
  const { sendmail } = openPost(t, 'max = 1');
  const { status, err } = sendmail([me], 'x\n');
  assert.equal(status, 78);
  assert.match(err, /"submit.max" is no setting/);
});

test('cron-sendmail -bv tells where addresses lead to', (t) => {
  const { sendmail } = openPost(t);
  assert.deepEqual(sendmail(['-bv', 'me', 'x@y.org', 'nowhere']), {
    ...silent,
    out: `me... deliverable: ${me}\nx@y.org... deliverable: x@y.org\nnowhere... discarded: nowhere\n`,
  });
  assert.equal(sendmail(['-bv', '|x']).status, 65);
});

test('newaliases checks the aliases', (t) => {
  const { sendmail, place } = openPost(t);
  const file = join(place, 'aliases');
  const size = readFileSync(file).length;
  const out = `${file}: 3 aliases, ${size} bytes total\n`;
  assert.deepEqual(sendmail(['-bi']), { ...silent, out });
  symlinkSync(join(project, 'bin/cron-sendmail'), join(place, 'newaliases'));
  const env = { PATH: '/usr/bin:/bin', CRON_CONFIG: join(place, 'mailcron.toml') };
  const called = spawnSync(process.execPath, [join(place, 'newaliases')], { env });
  assert.deepEqual([called.status, called.stdout.toString()], [0, out]);
  writeFileSync(file, 'what\n');
  const { status, err } = sendmail(['-bi']);
  assert.equal(status, 65);
  assert.match(err, /aliases:1: "what" is no "name: address"\n$/);
});

test('cron-sendmail trusts no aliases that everybody may write', (t) => {
  const { sendmail, place, read } = openPost(t);
  spawnSync('chmod', ['666', join(place, 'aliases')]);
  const { status, err } = sendmail([me], 'x\n');
  assert.equal(status, 78);
  assert.match(err, /Cannot trust the aliases/);
  assert.match(read('home/dead.letter'), /\n\nx\n\n$/);
});
