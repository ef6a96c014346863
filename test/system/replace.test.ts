/** Files that get new contents: in one step, or over the old ones. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { overwriteFile, replaceFile } from '../../src/system/replace.ts';

const folder = mkdtempSync(join(tmpdir(), 'replace-'));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'file');

test('replaceFile() makes another file of it, readable by its owner', () => {
  replaceFile(file, 'one\n');
  const { ino } = statSync(file);
  replaceFile(file, 'two\n');
  assert.equal(readFileSync(file, 'utf8'), 'two\n');
  assert.notEqual(statSync(file).ino, ino);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder), ['file']);
});

test('overwriteFile() leaves it the same file', () => {
  replaceFile(file, 'one\n');
  const { ino } = statSync(file);
  assert.equal(overwriteFile(file, 'two\n'), true);
  assert.equal(readFileSync(file, 'utf8'), 'two\n');
  assert.equal(statSync(file).ino, ino);
});

test('overwriteFile() does nothing that a crash could cut in two', () => {
  replaceFile(file, 'one\n');
  assert.equal(overwriteFile(file, 'three\n'), false);
  assert.equal(overwriteFile(join(folder, 'none'), 'one\n'), false);
  assert.equal(readFileSync(file, 'utf8'), 'one\n');
  const long = 'x'.repeat(513);
  replaceFile(file, long);
  assert.equal(overwriteFile(file, long), false);
});
