/** The Maildir: a file a mail, whole or not there. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { deliverToMaildir } from '../../src/mail/maildir.ts';
import { openSandbox } from '../support/sandbox.ts';

async function* message(...pieces: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield Buffer.from(piece);
}

const list = (directory: string): string[][] =>
  ['cur', 'new', 'tmp'].map((name) => readdirSync(`${directory}/${name}`));

test('deliverToMaildir() makes a Maildir for its user alone, and files in `new`', async (t) => {
  const directory = openSandbox(t).path('Maildir');
  await deliverToMaildir(directory, message('Subject: x\n\n', 'From me\n'));
  await Promise.all([1, 2, 3].map((number) => deliverToMaildir(directory, message(`${number}`))));
  const [cur, mails = [], tmp] = list(directory);
  assert.deepEqual([cur, tmp, mails.length], [[], [], 4]);
  for (const name of mails) assert.match(name, /^\d+\.M\d+P\d+R[0-9a-f]{32}\.[^/:]+$/);
  const texts = mails.map((name) => readFileSync(`${directory}/new/${name}`, 'utf8')).toSorted();
  assert.deepEqual(texts, ['1', '2', '3', 'Subject: x\n\nFrom me\n']);
  const modes = ['', 'tmp', 'new', 'cur', `new/${mails[0]}`].map(
    (name) => statSync(`${directory}/${name}`).mode & 0o7777,
  );
  assert.deepEqual(modes, [0o700, 0o700, 0o700, 0o700, 0o600]);
});

test('deliverToMaildir() leaves nothing of a message that breaks off', async (t) => {
  const directory = openSandbox(t).path('Maildir');
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('half');
    throw new Error('the disk has gone');
  }
  await assert.rejects(deliverToMaildir(directory, broken()), { message: 'the disk has gone' });
  await assert.rejects(deliverToMaildir(directory, message()), { message: 'there is no message' });
  assert.deepEqual(list(directory), [[], [], []]);
});

test('deliverToMaildir() uses what is there, and says what is in the way', async (t) => {
  const sandbox = openSandbox(t);
  mkdirSync(sandbox.path('Maildir'), { mode: 0o755 });
  await deliverToMaildir(sandbox.path('Maildir'), message('x'));
  assert.equal(statSync(sandbox.path('Maildir')).mode & 0o7777, 0o755);
  writeFileSync(sandbox.path('file'), '');
  await assert.rejects(deliverToMaildir(sandbox.path('file'), message('x')), { code: 'ENOTDIR' });
  const nowhere = sandbox.path('no', 'home', 'Maildir');
  await assert.rejects(deliverToMaildir(nowhere, message('x')), { code: 'ENOENT' });
});
