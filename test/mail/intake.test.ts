import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { type IntakeLimits, readLetter } from '../../src/mail/intake.ts';
import { EXIT, Failure } from '../../src/system/failure.ts';

interface Read {
  readonly head: string;
  readonly body: string;
}

/** A message that comes in pieces of that size. */
async function* cut(text: string, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < text.length; at += size)
    yield Buffer.from(text.slice(at, at + size), 'latin1');
}

async function read(text: string, size: number, limits: Partial<IntakeLimits> = {}): Promise<Read> {
  const options = { size: 1_000_000, directory: '/nonexistent', dotEnds: true, ...limits };
  const letter = await readLetter(cut(text, size), options);
  const pieces: Uint8Array[] = [];
  for await (const piece of letter.chunks()) pieces.push(piece);
  letter.close();
  const body = Buffer.concat(pieces).toString('latin1');
  assert.equal(letter.size, body.length);
  return { head: letter.head, body };
}

/** A message → its header block and its body, with `-i` or without. */
const table: readonly [text: string, head: string, body: string, dotEnds?: false][] = [
  ['', '', ''],
  ['\n', '', ''],
  ['A: b\n\nbody\n', 'A: b\n', 'body\n'],
  ['A: b\r\n\r\nbody\r\nmore\r\n', 'A: b\n', 'body\nmore\n'],
  ['A: b\r\n\r\nbody\nmore\r\n', 'A: b\n', 'body\nmore\n'],
  ['A: b\n\tc\n d\nE:\n\nbody', 'A: b\n\tc\n d\nE:\n', 'body'],
  ['A : b\n\nbody', 'A : b\n', 'body'],
  ['A: b\n', 'A: b\n', ''],
  ['A: b', 'A: b\n', ''],
  ['A: b\nno field\n\nbody\n', 'A: b\n', 'no field\n\nbody\n'],
  ['hello world\nA: b\n', '', 'hello world\nA: b\n'],
  ['hello', '', 'hello'],
  [' A: b\n', '', ' A: b\n'],
  [
    'Traceback (most recent call last):\n  File\n',
    '',
    'Traceback (most recent call last):\n  File\n',
  ],
  ['error: something\n', 'error: something\n', ''],
  ['\nA: b\n', '', 'A: b\n'],
  ['From alice Sun Nov 22\nA: b\n\nx\n', 'A: b\n', 'x\n'],
  ['>From alice Sun Nov 22\nA: b\n\nx\n', 'A: b\n', 'x\n'],
  ['From alice\n', '', ''],
  ['A: b\nFrom alice\nC: d\n\nx\n', 'A: b\n', 'From alice\nC: d\n\nx\n'],
  ['A: b\n\nFrom x\n', 'A: b\n', 'From x\n'],
  ['A: b\n\nx\n.\ny\n', 'A: b\n', 'x\n'],
  ['A: b\n\nx\n.\ny\n', 'A: b\n', 'x\n.\ny\n', false],
  ['A: b\n\nx\r\n.\r\ny\r\n', 'A: b\n', 'x\n'],
  ['A: b\n\nx\r\n.\r\ny\r\n', 'A: b\n', 'x\n.\ny\n', false],
  ['A: b\n\nx\n.', 'A: b\n', 'x\n'],
  ['A: b\n\nx\n.\r', 'A: b\n', 'x\n'],
  ['A: b\n\nx\n.', 'A: b\n', 'x\n.', false],
  ['A: b\n\n.\n', 'A: b\n', ''],
  ['A: b\n.\nC: d\n', 'A: b\n', ''],
  ['.\nA: b\n', '', ''],
  ['.', '', ''],
  ['.', '', '.', false],
  ['.x\n..\n. \nx.\n\n.\n', '', '.x\n..\n. \nx.\n\n'],
  ['x\ry\r\r\nz\r', '', 'x\ry\r\nz\r'],
  ['A: b\n\n\n\nx\n\n', 'A: b\n', '\n\nx\n\n'],
  ['A: \xe9\xff\n\n\0\xe9\xff\x80\n', 'A: \xe9\xff\n', '\0\xe9\xff\x80\n'],
];
for (const [text, head, body, dotEnds = true] of table) {
  test(`readLetter() reads ${JSON.stringify(text)}${dotEnds ? '' : ' with -i'}`, async () => {
    for (const size of [1, 2, 3, 7, 1000])
      assert.deepEqual(await read(text, size, { dotEnds }), { head, body }, `in pieces of ${size}`);
  });
}

test('readLetter() reads the same however the message comes', async () => {
  const text = fc.string({
    unit: fc.constantFrom(...'A: b.\r\nF'.split(''), '\n.\n', '\r\n', 'From '),
  });
  await fc.assert(
    fc.asyncProperty(
      text,
      fc.integer({ min: 1, max: 5 }),
      fc.boolean(),
      async (all, size, dotEnds) => {
        assert.deepEqual(await read(all, size, { dotEnds }), await read(all, 1000, { dotEnds }));
      },
    ),
  );
});

function folder(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'intake-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

test('readLetter() keeps a long body in a file without a name, and gives it as often as asked', async (t) => {
  const directory = folder(t);
  const body = `${'0123456789'.repeat(300_000)}\n`;
  const letter = await readLetter(cut(`A: b\n\n${body}`, 65_536), {
    size: 10_000_000,
    directory,
    dotEnds: true,
  });
  assert.deepEqual(readdirSync(directory), []);
  for (const round of [1, 2]) {
    const pieces: Uint8Array[] = [];
    for await (const piece of letter.chunks()) pieces.push(piece);
    assert.ok(Buffer.concat(pieces).equals(Buffer.from(body)), `round ${round}`);
  }
  letter.close();
});

interface Refusal {
  readonly text: string;
  readonly limits: Partial<IntakeLimits>;
  readonly exit: number;
  readonly says: RegExp;
}

const refusals: Record<string, Refusal> = {
  'a message that is too long': {
    text: `A: b\n\n${'x\n'.repeat(1000)}`,
    limits: { size: 1024 },
    exit: EXIT.DATA,
    says: /longer than the 1024 bytes/,
  },
  'a header that is too long': {
    text: `A: ${'x'.repeat(300_000)}\n\nbody`,
    limits: {},
    exit: EXIT.DATA,
    says: /header of the message is longer than 262144 bytes/,
  },
  'a header that does not end': {
    text: 'A: b\n'.repeat(100_000),
    limits: {},
    exit: EXIT.DATA,
    says: /header of the message is longer/,
  },
  'a long body that cannot be kept': {
    text: `A: b\n\n${'x'.repeat(1_100_000)}`,
    limits: { size: 2_000_000 },
    exit: EXIT.IO_ERROR,
    says: /Cannot keep the message in \/nonexistent: no such file/,
  },
};
for (const [what, { text, limits, exit, says }] of Object.entries(refusals)) {
  test(`readLetter() refuses ${what}`, async () => {
    await assert.rejects(read(text, 65_536, limits), (error) => {
      assert.ok(error instanceof Failure);
      assert.equal(error.exit, exit);
      assert.match(error.message, says);
      return true;
    });
  });
}
