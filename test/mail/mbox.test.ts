/** The mbox: every mail can be read back as it was, and nothing is left of one that could not be written whole. */
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import PostalMime from 'postal-mime';
import { composeHead } from '../../src/core/message.ts';
import { appendToMbox } from '../../src/mail/mbox.ts';
import { FromQuoting } from '../../src/mail/quoting.ts';
import { openSandbox } from '../support/sandbox.ts';

const HEAD = 'From: root (Cron Daemon)\nTo: alice\nSubject: Cron <alice@web1> backup\n\n';

interface Mbox {
  readonly file: string;
  readonly append: (...pieces: readonly (Buffer | string)[]) => Promise<void>;
  readonly text: () => string;
}

function open(t: TestContext): Mbox {
  const file = openSandbox(t).path('mbox');
  return {
    file,
    append: async (...pieces) => {
      const fd = openSync(file, 'a+', 0o600);
      try {
        await appendToMbox(fd, 'alice@web1', message(pieces));
      } finally {
        closeSync(fd);
      }
    },
    text: () => readFileSync(file, 'latin1'),
  };
}

async function* message(pieces: readonly (Buffer | string)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces)
    yield typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece;
}

/** Take an mbox apart by mboxrd's rule. */
function split(mbox: string): string[] {
  return mbox
    .split(/(?<![^\n])From .*\n/)
    .slice(1)
    .map((mail) => mail.replace(/\n$/, '').replaceAll(/(?<![^\n])>(>*From )/g, '$1'));
}

const body = (mail = ''): string => mail.slice(mail.indexOf('\n\n') + 2);

test('appendToMbox() begins a mail with a From_ line of its own', async (t) => {
  const mbox = open(t);
  await mbox.append(HEAD, 'hello\n');
  const [first, ...rest] = mbox.text().split('\n');
  assert.match(
    first ?? '',
    /^From alice@web1 (Sun|Mon|Tue|Wed|Thu|Fri|Sat) [A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d \d{4}$/,
  );
  assert.deepEqual(rest.slice(-4), ['', 'hello', '', '']);
});

test('appendToMbox() lets no sender break out of that line', async (t) => {
  const { file, text } = open(t);
  for (const sender of ['a b\nc', '']) {
    const fd = openSync(file, 'a+');
    await appendToMbox(fd, sender, message([HEAD]));
    closeSync(fd);
  }
  assert.match(text(), /^From a-b-c [A-Z][^]*\nFrom MAILER-DAEMON [A-Z]/);
});

const quoted: Record<string, string> = {
  'From me\n': '>From me\n',
  '>From you\n': '>>From you\n',
  '>>>From them\n': '>>>>From them\n',
  'from x\n From y\nFrom\n>From: z\nFrom:\n': 'from x\n From y\nFrom\n>From: z\nFrom:\n',
  'a\rFrom b\n': 'a\rFrom b\n',
  'a\r\nFrom b\r\n': 'a\r\n>From b\r\n',
  '\nFrom \n\nFrom \n': '\n>From \n\n>From \n',
  From: 'From\n',
  'x\n>F': 'x\n>F\n',
  '>>': '>>\n',
};
for (const [text, expected] of Object.entries(quoted))
  test(`FromQuoting makes of ${JSON.stringify(text)} ${JSON.stringify(expected)}, wherever it is cut`, () => {
    for (let first = 0; first <= text.length; first++)
      for (let second = first; second <= text.length; second++) {
        const quoting = new FromQuoting();
        const cuts = [text.slice(0, first), text.slice(first, second), text.slice(second)];
        const pieces = cuts.map((cut) => quoting.take(cut));
        assert.equal(
          pieces.join('') + quoting.end(),
          `${expected}\n`,
          `cut at ${first}, ${second}`,
        );
      }
  });

test('FromQuoting holds nothing back of a line that never ends', () => {
  const quoting = new FromQuoting();
  const piece = '>'.repeat(65_536);
  for (let count = 0; count < 1000; count++) assert.equal(quoting.take(piece).length, 65_536);
  assert.equal(quoting.take('From x'), '>From x');
});

test('appendToMbox() ends a body that has no newline at its end', async (t) => {
  const mbox = open(t);
  for (const text of ['one', 'two\n', '']) await mbox.append(HEAD, text);
  assert.deepEqual(split(mbox.text()).map(body), ['one\n', 'two\n', '']);
});

test('appendToMbox() can be read back, whatever the body', async (t) => {
  const mbox = open(t);
  const line = fc.oneof(
    fc.constantFrom('From x', '>From y', '', '.', 'From ', '>>>From z', 'Subject: no', '\r'),
    fc.string({ unit: 'binary-ascii' }).map((text) => text.replaceAll('\n', '')),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.nat(200), async (lines, cut) => {
      rmSync(mbox.file, { force: true });
      const whole = lines.map((each) => `${each}\n`).join('');
      await mbox.append(HEAD, whole.slice(0, cut), whole.slice(cut));
      await mbox.append(HEAD, 'next\n');
      const [first, second, ...more] = split(mbox.text());
      assert.deepEqual([body(first), body(second), more], [whole, 'next\n', []]);
    }),
    { numRuns: 60 },
  );
});

test('appendToMbox() writes what a mail reader understands', async (t) => {
  const mbox = open(t);
  const head = composeHead({
    user: 'alice',
    host: 'web1',
    command: 'report --all',
    to: 'alice@example.org',
    environment: [['SHELL', '/bin/sh']],
    charset: 'UTF-8',
    failed: false,
  });
  await mbox.append(head, Buffer.from('Grüße\nFrom here\n'));
  const [mail = ''] = split(mbox.text());
  const read = await PostalMime.parse(Buffer.from(mail, 'latin1'));
  assert.equal(read.subject, 'Cron <alice@web1> report --all');
  assert.deepEqual(
    read.to?.map(({ address }) => address),
    ['alice@example.org'],
  );
  assert.equal(read.text, 'Grüße\nFrom here\n');
});

const OLD = 'From old Thu Jan  1 00:00:00 1970\nSubject: old\n\n';
for (const [what, end] of Object.entries({
  whole: 'x\n\n',
  'cut off': 'x',
  'without its end': 'x\n',
}))
  test(`appendToMbox() begins a line of its own behind a mail that is ${what}`, async (t) => {
    const mbox = open(t);
    writeFileSync(mbox.file, OLD + end);
    await mbox.append(HEAD, 'new\n');
    assert.ok(mbox.text().startsWith(`${OLD}x\n\nFrom alice@web1 `));
    assert.deepEqual(split(mbox.text()).map(body), ['x\n', 'new\n']);
  });

test('appendToMbox() takes back a mail that it could not write whole', async (t) => {
  const mbox = open(t);
  await mbox.append(HEAD, 'first\n');
  const before = mbox.text();
  const fd = openSync(mbox.file, 'a+');
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(1_000_000, 'half a mail\n');
    assert.ok(statSync(mbox.file).size > 500_000);
    throw new Error('no space left on device');
  }
  await assert.rejects(appendToMbox(fd, 'x', broken()), { message: 'no space left on device' });
  closeSync(fd);
  assert.equal(mbox.text(), before);
});

test('appendToMbox() writes no mail without a byte', async (t) => {
  const mbox = open(t);
  await assert.rejects(mbox.append(), { message: 'there is no message' });
  assert.equal(mbox.text(), '');
});
