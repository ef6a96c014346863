/** Long outputs that are kept as files: for a while, and not without end. */
import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Keep, openShelf } from '../../src/run/shelf.ts';

const DAY = 86_400_000;

interface Place {
  readonly directory: string;
  readonly shelf: () => Keep;
  readonly file: (size: number, days?: number) => string;
}

function open(t: TestContext): Place {
  const folder = mkdtempSync(join(tmpdir(), 'shelf-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const directory = join(folder, 'long');
  mkdirSync(directory);
  let count = 0;
  return {
    directory,
    shelf: () => openShelf({ directory, age: 7 * DAY, room: 1000 }),
    file(size, days = 0) {
      const file = join(folder, `${++count}`);
      writeFileSync(file, 'x'.repeat(size), { mode: 0o600 });
      const at = new Date(Date.now() - days * DAY);
      utimesSync(file, at, at);
      return file;
    },
  };
}

test('Keep has a file stay when its own name goes, for its owner alone', (t) => {
  const { directory, shelf, file } = open(t);
  const one = file(10);
  const place = shelf()(one, 'alice-run');
  rmSync(one);
  assert.equal(place, join(directory, 'alice-run'));
  assert.equal(readFileSync(place, 'utf8'), 'x'.repeat(10));
  assert.equal(statSync(place).mode & 0o777, 0o600);
});

test('Keep replaces what a runner that died has kept of the same run', (t) => {
  const { directory, shelf, file } = open(t);
  const keep = shelf();
  keep(file(10), 'alice-run');
  assert.equal(statSync(keep(file(20), 'alice-run')).size, 20);
  assert.deepEqual(readdirSync(directory), ['alice-run']);
});

test('Keep lets no name leave the directory', (t) => {
  const { directory, shelf, file } = open(t);
  shelf()(file(1), '../../x-run');
  assert.deepEqual(readdirSync(directory), ['.._.._x-run']);
});

test('openShelf() removes what is too old, at once and when something comes', (t) => {
  const { directory, shelf, file } = open(t);
  const keep = shelf();
  keep(file(1, 8), 'old'); // the newest stays, whatever it is
  assert.deepEqual(readdirSync(directory), ['old']);
  keep(file(1, 6), 'young');
  assert.deepEqual(readdirSync(directory), ['young']);
  keep(file(1, 8), 'old');
  shelf();
  assert.deepEqual(readdirSync(directory), ['young']);
});

test('Keep removes the oldest where all are too much, and never the newest', (t) => {
  const { directory, shelf, file } = open(t);
  const keep = shelf();
  keep(file(400, 3), 'c');
  keep(file(400, 2), 'b');
  keep(file(400, 1), 'a');
  assert.deepEqual(readdirSync(directory), ['a', 'b']);
  keep(file(5000, 5), 'huge');
  assert.deepEqual(readdirSync(directory), ['huge']);
});
