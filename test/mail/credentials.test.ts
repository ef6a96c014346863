/** The file that holds a password: what it may look like, and who may see it. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readCredentials } from '../../src/mail/credentials.ts';
import { needsRoot } from '../support/sandbox.ts';

const folder = mkdtempSync(join(tmpdir(), 'credentials-'));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'credentials');

function write(text: string, mode = 0o600): void {
  rmSync(file, { force: true });
  writeFileSync(file, text);
  chmodSync(file, mode);
}

/** Text → user and password. */
const FILES: Record<string, readonly [string, string]> = {
  'user = a\npassword = b\n': ['a', 'b'],
  'password=b\r\nuser=a': ['a', 'b'],
  '# a comment\n\n  user  =  a@b \n password = two words=#\n': ['a@b', 'two words=#'],
  'user = "a"\npassword = "\\"b\\\\ "\n': ['a', '"b\\ '],
  "user = 'a'\npassword = '\"b'\n": ['a', '"b'],
  'user = gr\u00fcn\npassword = "\n': ['gr\u00fcn', '"'],
};

for (const [text, [user, password]] of Object.entries(FILES))
  test(`readCredentials() of ${JSON.stringify(text)}`, () => {
    write(text);
    assert.deepEqual(readCredentials(file), { user, password });
  });

/** Text → the complaint. */
const WRONG: Record<string, RegExp> = {
  '': /must have two lines/,
  'user = a\n': /must have two lines/,
  'user = a\npassword =\n': /must have two lines/,
  'user = a\nsecret\n': /line 2 is neither/,
  'user a\npass: secret\n': /line 1 is neither/,
};

for (const [text, complaint] of Object.entries(WRONG))
  test(`readCredentials() refuses ${JSON.stringify(text)}, and does not show it`, () => {
    write(text);
    assert.throws(() => readCredentials(file), complaint);
    assert.throws(
      () => readCredentials(file),
      (error) => !String(error).includes('secret'),
    );
  });

for (const mode of [0o640, 0o604, 0o660, 0o601])
  test(`readCredentials() refuses a file of mode ${mode.toString(8)}`, () => {
    write('user = a\npassword = b\n', mode);
    assert.throws(() => readCredentials(file), /must belong to uid \d+ and have mode 0600/);
  });

test('readCredentials() refuses a file of somebody else', needsRoot, () => {
  write('user = a\npassword = b\n');
  chownSync(file, 65_534, 65_534);
  assert.throws(() => readCredentials(file), /must belong to uid 0/);
});

test('readCredentials() refuses what is no file, or not there', () => {
  assert.throws(() => readCredentials(folder), /no plain file/);
  assert.throws(() => readCredentials(join(folder, 'none')), /no such file or directory/);
});
