/** A mail that is delivered again: found where it is whole, made whole where it is not, and never there twice. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Copy } from '../../src/mail/again.ts';
import { deliverToMaildir } from '../../src/mail/maildir.ts';
import { appendToMbox } from '../../src/mail/mbox.ts';
import { me, openSandbox } from '../support/sandbox.ts';

const DEPOSIT = fileURLToPath(new URL('../../src/cli/deposit.js', import.meta.url));

const headOf = (id: string, status = 'exit 0'): string =>
  `From: root (Cron Daemon)\nTo: alice\nSubject: x\nMessage-ID: <${id}@web1>\nX-Cron-Status: ${status}\n\n`;

function copyOf(bytes: Buffer): Copy {
  return { size: bytes.length, read: (at, length) => bytes.subarray(at, at + length) };
}

async function* pieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Append to a file as a delivery does. */
async function append(file: string, text: string): Promise<void> {
  const bytes = Buffer.from(text, 'latin1');
  const fd = openSync(file, 'a+', 0o600);
  try {
    await appendToMbox(fd, 'alice@web1', pieces(bytes), copyOf(bytes));
  } finally {
    closeSync(fd);
  }
}

const LINE = 'From alice@web1 Sun Nov 22 12:00:00 2026\n';
const OTHER = `${LINE}${headOf('other')}other\n\n`;
const BODY = `hello\nFrom me\n${'x'.repeat(600_000)}\nlast`;
const QUOTED = `${BODY.replace('\nFrom', '\n>From')}\n`;
const MAIL = `${LINE}${headOf('one')}${QUOTED}\n`;
const HEAD = headOf('one');
const read = HEAD.replace(/\n\n$/, '\nStatus: RO\nX-UID: 7\nX-Keywords:                 \n\n');

/** What is in the mailbox before; what of it is left. */
const before: Record<string, [text: string, kept: string]> = {
  'it is all there is': [MAIL, MAIL],
  'it is whole at the end': [OTHER + MAIL, OTHER + MAIL],
  'others came behind it': [OTHER + MAIL + OTHER, OTHER + MAIL + OTHER],
  'many others came behind it': [MAIL + OTHER.repeat(10_000), MAIL + OTHER.repeat(10_000)],
  'a mail reader has marked it': [
    OTHER + MAIL.replace(HEAD, read) + OTHER,
    OTHER + MAIL.replace(HEAD, read) + OTHER,
  ],
  'its empty line is missing': [OTHER + MAIL.slice(0, -1), OTHER + MAIL.slice(0, -1)],
  'its last newline is missing': [OTHER + MAIL.slice(0, -2), OTHER],
  'half of its body is there': [OTHER + MAIL.slice(0, 300_000), OTHER],
  'half of its head is there': [OTHER + MAIL.slice(0, 80), OTHER],
  'its first line is there': [OTHER + LINE, OTHER],
  'half of its first line is there': [OTHER + LINE.slice(0, 24), OTHER],
  'a word of its first line is there, in a new mailbox': ['From ali', ''],
  'the mailbox ends with another mail': [OTHER, OTHER],
  'the first line of another sender is half there': [`${OTHER}From bob`, `${OTHER}From bob\n\n`],
  'half of another mail is at the end': [
    OTHER + OTHER.slice(0, -3),
    `${OTHER}${OTHER.slice(0, -3)}\n\n`,
  ],
  'another mail is behind half of it': [
    MAIL.slice(0, 300_000) + '\n\n' + OTHER,
    MAIL.slice(0, 300_000) + '\n\n' + OTHER,
  ],
  'one with its Message-ID tells something else': [
    MAIL.replace('exit 0', 'unknown'),
    MAIL.replace('exit 0', 'unknown'),
  ],
  'one with its Message-ID goes on': [
    MAIL.replace(/last\n\n$/, 'last\nmore\n\n'),
    MAIL.replace(/last\n\n$/, 'last\nmore\n\n'),
  ],
};
for (const [what, [text, kept]] of Object.entries(before))
  test(`appendToMbox() leaves a mail there once where ${what}`, async (t) => {
    const file = openSandbox(t).path('mbox');
    writeFileSync(file, text, 'latin1');
    await append(file, HEAD + BODY);
    const after = readFileSync(file, 'latin1');
    assert.ok(after.startsWith(kept), 'what was there is there');
    const mails = after.split(/(?<![^\n])From .*\n/).map((mail) => `${mail.trimEnd()}\n`);
    const whole = [HEAD, read].flatMap((head) => mails.filter((mail) => mail === head + QUOTED));
    assert.equal(whole.length, 1);
    if (after.length > kept.length)
      assert.match(after.slice(kept.length, kept.length + 50), /^From alice@web1 .*\n/);
    // Once more: nothing changes any more.
    await append(file, HEAD + BODY);
    assert.ok(readFileSync(file, 'latin1') === after);
  });

test('appendToMbox() appends the same text twice when it has no Message-ID', async (t) => {
  const file = openSandbox(t).path('mbox');
  for (let count = 0; count < 2; count++) await append(file, 'Subject: x\n\nhello\n');
  assert.equal(readFileSync(file, 'latin1').split('\nhello\n').length, 3);
});

test('deliverToMaildir() delivers a mail once, also when it was read', async (t) => {
  const folder = openSandbox(t).path('Maildir');
  const deliver = (text: string): Promise<void> =>
    deliverToMaildir(folder, pieces(Buffer.from(text)), copyOf(Buffer.from(text)));
  const names = (): string[][] => ['new', 'cur', 'tmp'].map((at) => readdirSync(`${folder}/${at}`));
  await deliver(`${HEAD}hello\n`);
  const [[name = ''] = []] = names();
  await deliver(`${HEAD}hello\n`);
  assert.deepEqual(names(), [[name], [], []]);
  renameSync(`${folder}/new/${name}`, `${folder}/cur/${name}:2,S`);
  await deliver(`${HEAD}hello\n`);
  assert.deepEqual(names(), [[], [`${name}:2,S`], []]);
  await deliver(`${HEAD}another\n`);
  await deliver('Subject: x\n\nno Message-ID\n');
  await deliver('Subject: x\n\nno Message-ID\n');
  assert.deepEqual(
    names().map((each) => each.length),
    [3, 1, 0],
  );
});

/** Deliver by the program, which is killed after so many milliseconds, or when so much is written; its exit status. */
async function deliverUntil(
  file: string,
  message: string,
  end: { after: number } | { size: number } | null,
): Promise<number | null> {
  const stdin = openSync(message, 'r');
  const program = spawn(process.execPath, [DEPOSIT, 'mbox', file, '30000', 'alice@web1'], {
    stdio: [stdin, 'inherit', 'inherit'],
  });
  closeSync(stdin);
  const ended = once(program, 'exit');
  if (end !== null && 'after' in end) await Promise.race([ended, pause(end.after)]);
  if (end !== null && 'size' in end)
    while (program.exitCode === null && size(file) < end.size) await pause(1);
  if (end !== null) program.kill('SIGKILL');
  await ended;
  // Its lock file is believed for a minute: that minute goes by now.
  const then = Date.now() / 1000 - 120;
  if (existsSync(`${file}.lock`)) utimesSync(`${file}.lock`, then, then);
  return program.exitCode;
}

const size = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

test('the depositing program, killed at any moment, delivers each mail once in the end', async (t) => {
  const sandbox = openSandbox(t);
  const [file, message] = [sandbox.path('mailbox', me), sandbox.path('message')];
  const bodies = Array.from({ length: 10 }, (_, index) =>
    `mail ${index}: a line of many\n`.repeat(index % 2 === 0 ? 3 : 300_000),
  );
  let killed = 0;
  let half = 0;
  for (const [index, body] of bodies.entries()) {
    writeFileSync(message, headOf(`mail-${index}`) + body);
    const start = size(file);
    for (let round = 0; round < 3; round++) {
      const end =
        round === 0
          ? { size: start + 1 + Math.floor(Math.random() * body.length) }
          : { after: 60 + Math.random() * 120 };
      if ((await deliverUntil(file, message, end)) === null) killed++;
      const grown = size(file) - start;
      if (grown > 0 && grown < body.length) half++;
    }
    assert.equal(await deliverUntil(file, message, null), 0);
  }
  const mails = readFileSync(file, 'latin1')
    .split(/(?<![^\n])From .*\n/)
    .slice(1);
  const expected = bodies.map((body, index) => `${headOf(`mail-${index}`)}${body}\n`);
  assert.equal(mails.length, expected.length);
  for (const [index, mail] of expected.entries()) assert.ok(mails[index] === mail, `${index}`);
  t.diagnostic(`${killed} were killed, ${half} times half a mail was there`);
  assert.ok(killed > 5);
});
