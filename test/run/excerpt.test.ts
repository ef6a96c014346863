/** Head and tail of what is too long: within the room, and where lines end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { excerptOf } from '../../src/run/excerpt.ts';
import type { Body } from '../../src/run/output.ts';

const bodyOf = (bytes: Buffer): Body => ({
  size: bytes.length,
  async *chunks(from, to) {
    yield bytes.subarray(from, to);
  },
});

const table: readonly (readonly [body: string, room: number, kept: string])[] = [
  ['one\ntwo\n', 8, 'one\ntwo\n|'],
  ['one\ntwo\nthree\n', 13, 'one\n|three\n'],
  ['one\ntwo\nthree', 13, 'one\ntwo\nthree|'],
  ['one\ntwo\nthree', 12, 'one\n|three'],
  ['xxxxxxxxxx', 4, 'xx|xx'],
  ['äääää', 6, 'ä|ä'],
];
for (const [text, room, kept] of table)
  test(`excerptOf(${JSON.stringify(text)}) of ${room} bytes is ${JSON.stringify(kept)}`, async () => {
    const bytes = Buffer.from(text);
    const { head, tail } = await excerptOf(bodyOf(bytes), room);
    assert.equal(`${bytes.toString('utf8', 0, head)}|${bytes.toString('utf8', tail)}`, kept);
  });

test('excerptOf() is never more than there is room for, and splits no character', async () => {
  const unit = fc.constantFrom('a', '\n', 'ä', '€', '😀');
  await fc.assert(
    fc.asyncProperty(fc.string({ unit }), fc.nat({ max: 40 }), async (text, room) => {
      const bytes = Buffer.from(text);
      const { head, tail } = await excerptOf(bodyOf(bytes), room);
      assert.ok(head <= tail && (head === tail || head + bytes.length - tail <= room));
      assert.ok(text.startsWith(bytes.toString('utf8', 0, head)));
      assert.ok(text.endsWith(bytes.toString('utf8', tail)));
    }),
  );
});
