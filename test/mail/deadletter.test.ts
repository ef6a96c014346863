import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { keepDeadLetter, type Dead } from '../../src/mail/deadletter.ts';

function home(t: TestContext): string {
  const place = mkdtempSync(join(tmpdir(), 'home-'));
  t.after(() => rmSync(place, { recursive: true }));
  return place;
}

function dead(body: string, size = 1000): Dead {
  return {
    user: 'alice',
    head: 'Subject: hi\n\n',
    async *chunks() {
      for (let at = 0; at < body.length; at += size)
        yield Buffer.from(body.slice(at, at + size), 'latin1');
    },
  };
}

test('keepDeadLetter() appends to a file for its user alone', async (t) => {
  const place = home(t);
  const file = join(place, 'dead.letter');
  assert.equal(await keepDeadLetter(place, dead('one\n')), file);
  await keepDeadLetter(place, dead('two'));
  assert.equal(statSync(file).mode & 0o7777, 0o600);
  assert.match(
    readFileSync(file, 'latin1'),
    /^From alice .* \d{4}\nSubject: hi\n\none\n\nFrom alice .*\nSubject: hi\n\ntwo\n\n$/,
  );
});

test('keepDeadLetter() marks lines that would begin another mail, however they come', async (t) => {
  const file = join(home(t), 'dead.letter');
  const text = fc.string({ unit: fc.constantFrom('\n', '>', 'F', 'ro', 'm ', 'From ', 'x') });
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: 1, max: 9 }), async (body, size) => {
      rmSync(file, { force: true });
      await keepDeadLetter(join(file, '..'), dead(body, size));
      const [, stored = ''] =
        /^From .*\nSubject: hi\n\n([^]*)\n$/.exec(readFileSync(file, 'latin1')) ?? [];
      assert.doesNotMatch(stored, /^From /m);
      const again = stored.replaceAll(/^>(>*From )/gm, '$1');
      assert.equal(again, body.endsWith('\n') || body === '' ? again : `${body}\n`);
      assert.ok(again === body || again === `${body}\n`);
    }),
  );
});

const strange: Record<string, (file: string, place: string) => void> = {
  'a symbolic link': (file, place) => {
    writeFileSync(join(place, 'other'), '');
    symlinkSync(join(place, 'other'), file);
  },
  'a file with two names': (file, place) => {
    writeFileSync(join(place, 'other'), '');
    linkSync(join(place, 'other'), file);
  },
  'a directory': (file) => mkdirSync(file),
  'a FIFO': (file) => assert.equal(spawnSync('mkfifo', [file]).status, 0),
  'a device': (file) => symlinkSync('/dev/null', file),
};
for (const [what, put] of Object.entries(strange)) {
  test(`keepDeadLetter() refuses ${what}`, async (t) => {
    const place = home(t);
    put(join(place, 'dead.letter'), place);
    await assert.rejects(keepDeadLetter(place, dead('x\n')));
    const other = statSync(join(place, 'other'), { throwIfNoEntry: false });
    assert.equal(other?.size ?? 0, 0);
  });
}

test('keepDeadLetter() waits for who holds the lock of the file', async (t) => {
  const place = home(t);
  const file = join(place, 'dead.letter');
  const lock = `${file}.lock`;
  writeFileSync(lock, `${process.pid}\n`);
  let isFree = false;
  setTimeout(() => {
    isFree = true;
    rmSync(lock);
  }, 200);
  await keepDeadLetter(place, dead('one\n'));
  assert.ok(isFree);
  assert.ok(statSync(file).size > 0);
});

test('keepDeadLetter() leaves the file as it was when the message breaks off', async (t) => {
  const place = home(t);
  const file = join(place, 'dead.letter');
  writeFileSync(file, 'before\n', { mode: 0o600 });
  const broken: Dead = {
    user: 'alice',
    head: 'Subject: hi\n\n',
    async *chunks() {
      yield Buffer.from('half');
      throw new Error('gone');
    },
  };
  await assert.rejects(keepDeadLetter(place, broken), /gone/);
  assert.equal(readFileSync(file, 'latin1'), 'before\n');
});
