/** The mailbox file: every mail can be read back as it was, and nothing else is ever written to. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import PostalMime from 'postal-mime';
import { appendToMailbox } from '../../src/mail/mailbox.ts';
import { composeHead } from '../../src/core/message.ts';
import { me, needsRoot, openSandbox } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';
import { mailOf } from './mail.ts';
import { userNamed } from '../run/started.ts';

interface Box {
  readonly file: string;
  readonly folder: string;
  append(body: Buffer | string): Promise<void>;
  text(): string;
}

function open(t: TestContext): Box {
  const folder = openSandbox(t).path('mailbox');
  const file = `${folder}/${me}`;
  return {
    file,
    folder,
    append: (body) => appendToMailbox(folder, mailOf(body)),
    text: () => readFileSync(file, 'latin1'),
  };
}

/** Take an mbox apart by mboxrd's rule. */
function split(mbox: string): string[] {
  return mbox
    .split(/^From .*\n/m)
    .slice(1)
    .map((mail) => mail.replace(/\n$/, '').replaceAll(/^>(>*From )/gm, '$1'));
}

test('appendToMailbox() begins a mail with a From_ line of its own', async (t) => {
  const box = open(t);
  await box.append('hello\n');
  const [first, ...rest] = box.text().split('\n');
  assert.match(
    first ?? '',
    /^From \S+@\S+ (Sun|Mon|Tue|Wed|Thu|Fri|Sat) [A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d \d{4}$/,
  );
  assert.deepEqual(rest.slice(-4), ['', 'hello', '', '']);
  assert.equal(statSync(box.file).mode & 0o7777, 0o600);
});

test('appendToMailbox() marks lines of the body that look like a new mail', async (t) => {
  const box = open(t);
  await box.append('From me\n>From you\n>>From them\nfrom x\n From y\nFrom\n>From: z\n');
  const body = box.text().split('\n\n')[1];
  assert.equal(body, '>From me\n>>From you\n>>>From them\nfrom x\n From y\nFrom\n>From: z');
});

test('appendToMailbox() marks them also where the pieces of a body meet', async (t) => {
  const box = open(t);
  const whole = 'a\nFrom b\nc\n>From d';
  for (let at = 0; at <= whole.length; at++) {
    rmSync(box.file, { force: true });
    const mail = mailOf(whole, {
      async *chunks() {
        yield Buffer.from(whole.slice(0, at));
        yield Buffer.from(whole.slice(at));
      },
    });
    await appendToMailbox(box.folder, mail);
    assert.match(box.text(), /\n\na\n>From b\nc\n>>From d\n\n$/, `cut at ${at}`);
  }
});

test('appendToMailbox() ends a body that has no newline at its end', async (t) => {
  const box = open(t);
  await box.append('one');
  await box.append('two\n');
  await box.append('');
  const ends = split(box.text()).map((mail) => mail.slice(mail.indexOf('\n\n') + 2));
  assert.deepEqual(ends, ['one\n', 'two\n', '']);
});

test('appendToMailbox() can be read back, whatever the body', async (t) => {
  const box = open(t);
  const line = fc.oneof(
    fc.constantFrom('From x', '>From y', '', '.', 'From ', '>>>From z', 'Subject: no', '\r'),
    fc.string({ unit: 'binary-ascii' }).map((text) => text.replaceAll('\n', '')),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line), async (lines) => {
      rmSync(box.file, { force: true });
      const body = lines.map((each) => `${each}\n`).join('');
      await box.append(Buffer.from(body, 'latin1'));
      await box.append('next\n');
      const [first = ''] = split(box.text());
      assert.equal(first.slice(first.indexOf('\n\n') + 2), body);
    }),
    { numRuns: 60 },
  );
});

test('appendToMailbox() writes what a mail reader understands', async (t) => {
  const box = open(t);
  const head = composeHead({
    user: 'alice',
    host: 'web1',
    command: 'report --all',
    to: 'alice@example.org',
    environment: [['SHELL', '/bin/sh']],
    charset: 'UTF-8',
    failed: false,
  });
  await appendToMailbox(box.folder, mailOf('Grüße\nFrom here\n', { head }));
  const [mail = ''] = split(box.text());
  const read = await PostalMime.parse(Buffer.from(mail, 'latin1'));
  assert.equal(read.subject, 'Cron <alice@web1> report --all');
  assert.deepEqual(
    read.to?.map(({ address }) => address),
    ['alice@example.org'],
  );
  assert.equal(read.text, 'Grüße\nFrom here\n');
});

test('appendToMailbox() appends to what is there', async (t) => {
  const box = open(t);
  writeFileSync(box.file, 'From old Thu Jan  1 00:00:00 1970\nSubject: old\n\nx\n\n', {
    mode: 0o600,
  });
  await box.append('new\n');
  assert.equal(split(box.text()).length, 2);
});

test('appendToMailbox() appends whole mails when many come at once', async (t) => {
  const box = open(t);
  const bodies = Array.from({ length: 20 }, (_, index) => `${index}:${'x'.repeat(9000)}\n`);
  await Promise.all(bodies.map((body) => box.append(body)));
  const found = split(box.text()).map((mail) => mail.slice(mail.indexOf('\n\n') + 2));
  assert.deepEqual(found.toSorted(), bodies.toSorted());
});

const traps: Record<string, (box: Box, victim: string) => void> = {
  'a symbolic link': (box, victim) => symlinkSync(victim, box.file),
  'a dangling symbolic link': (box) => symlinkSync(`${box.folder}/nowhere`, box.file),
  'a hard link': (box, victim) => linkSync(victim, box.file),
  'a FIFO': (box) => execFileSync('mkfifo', [box.file]),
  'a directory': (box) => mkdirSync(box.file),
};
for (const [what, set] of Object.entries(traps))
  test(`appendToMailbox() does not write to ${what}`, async (t) => {
    const box = open(t);
    const victim = `${box.folder}/victim`;
    writeFileSync(victim, 'precious', { mode: 0o600 });
    set(box, victim);
    await assert.rejects(box.append('x'));
    assert.equal(readFileSync(victim, 'latin1'), 'precious');
    assert.ok(!existsSync(`${box.folder}/nowhere`));
  });

test('appendToMailbox() does not write to another user’s file', needsRoot, async (t) => {
  const box = open(t);
  writeFileSync(box.file, '');
  execFileSync('chown', ['daemon', box.file]);
  await assert.rejects(box.append('x'), {
    message: /is not a plain file of "root" with one name$/,
  });
});

test('appendToMailbox() writes nobody else’s mail', needsRoot, async (t) => {
  const box = open(t);
  const user = await userNamed('daemon');
  await assert.rejects(appendToMailbox(box.folder, mailOf('x', { user })), {
    message: 'a mailbox file is written by its own user only, and that is "daemon"',
  });
  assert.ok(!existsSync(`${box.folder}/daemon`));
});

test('appendToMailbox() waits for the lock of the mailbox', async (t) => {
  const box = open(t);
  writeFileSync(box.file, '', { mode: 0o600 });
  const other = spawn(
    'flock',
    ['--no-fork', box.file, '/bin/sh', '-c', 'echo locked; exec sleep 600'],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  t.after(() => other.kill('SIGKILL'));
  let said = '';
  other.stdout.on('data', (data: Buffer) => (said += data.toString()));
  await until('it is locked', () => said === 'locked\n');
  let done = false;
  const appended = box.append('x').then(() => (done = true));
  await new Promise((resolve) => setTimeout(resolve, 150));
  assert.equal(done, false);
  assert.equal(statSync(box.file).size, 0);
  other.kill('SIGKILL');
  await appended;
  assert.equal(split(box.text()).length, 1);
});

test('appendToMailbox() takes back a mail that it could not write whole', async (t) => {
  const box = open(t);
  await box.append('first\n');
  const before = box.text();
  const broken = mailOf('x', {
    async *chunks() {
      yield Buffer.from('half a mail\n');
      throw new Error('no space left on device');
    },
  });
  await assert.rejects(appendToMailbox(box.folder, broken), { message: 'no space left on device' });
  assert.equal(box.text(), before);
  await box.append('second\n');
  assert.equal(split(box.text()).length, 2);
});

test('appendToMailbox() says that there is no folder of mailboxes', async (t) => {
  const box = open(t);
  await assert.rejects(appendToMailbox(`${box.folder}/nowhere`, mailOf('x')), { code: 'ENOENT' });
});
