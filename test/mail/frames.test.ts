/** What goes between a scheduler and its postman, however it is cut, and whatever a bad postman says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FrameReader, lengthOf, lineOf, type Order, readAnswer } from '../../src/mail/frames.ts';

test('FrameReader puts together what was cut anywhere', () => {
  const orders = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 50 }).map((bytes) => ({ bytes, piece: 7 })),
      fc.constant({ bytes: new Uint8Array(0), whole: 3 }),
    ),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(orders, fc.array(fc.integer({ min: 1, max: 40 })), (frames, cuts) => {
      const sent = frames.map(({ bytes, ...rest }): [Order, Uint8Array] => [
        'piece' in rest ? { ...rest, length: bytes.length } : rest,
        bytes,
      ]);
      const all = Buffer.concat(
        sent.flatMap(([order, bytes]) => [Buffer.from(lineOf(order)), bytes]),
      );
      const got: unknown[] = [];
      const reader = new FrameReader(
        (line, bytes) => got.push([JSON.parse(line), Uint8Array.from(bytes)]),
        lengthOf,
      );
      let at = 0;
      for (const cut of cuts) reader.push(all.subarray(at, (at += cut)));
      reader.push(all.subarray(at));
      assert.deepEqual(
        got,
        sent.map(([order, bytes]) => [order, Uint8Array.from(bytes)]),
      );
    }),
  );
});

test('FrameReader gives up on a line without end, and soon', () => {
  const reader = new FrameReader(() => assert.fail('there is no line'));
  const started = performance.now();
  assert.throws(() => {
    for (let count = 0; count < 2_000_000; count += 1) reader.push(Buffer.from('a'));
  }, /a line of more than/);
  assert.ok(performance.now() - started < 20_000);
});

test('byte strings survive the way', () => {
  const run = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('latin1');
  const order: Order = { mail: 1, length: 0, run, sender: run, recipients: [run], size: 0 };
  const reader = new FrameReader((line) => assert.deepEqual(JSON.parse(line), order), lengthOf);
  reader.push(Buffer.from(lineOf(order)));
});

/** Line → what it is. */
const ANSWERS: Record<string, unknown> = {
  '{"more":0}': { more: 0 },
  '{"more":1,"done":2}': { more: 1 },
  '{"done":1,"refused":[]}': { done: 1, refused: [] },
  '{"done":1,"refused":[{"at":0,"reason":"x","permanent":true}]}': {
    done: 1,
    refused: [{ at: 0, reason: 'x', permanent: true }],
  },
  '': null,
  '{': null,
  null: null,
  '7': null,
  '[]': null,
  '{}': null,
  '{"more":-1}': null,
  '{"more":"1"}': null,
  '{"more":1.5}': null,
  '{"more":1e99}': null,
  '{"done":1}': null,
  '{"done":1,"refused":{}}': null,
  '{"done":1,"refused":[null]}': null,
  '{"done":1,"refused":[{"at":-1,"reason":"x","permanent":true}]}': null,
  '{"done":1,"refused":[{"at":0,"reason":7,"permanent":true}]}': null,
  '{"done":1,"refused":[{"at":0,"reason":"x","permanent":1}]}': null,
  '{"done":1,"refused":[{"at":0,"reason":"a\\nb","permanent":true}]}': null,
  '{"done":1,"refused":[{"at":0,"reason":"a\\u2028b","permanent":true}]}': null,
};

for (const [line, answer] of Object.entries(ANSWERS))
  test(`readAnswer() of ${line}`, () => assert.deepEqual(readAnswer(line), answer));

test('readAnswer() refuses a reason of a megabyte', () => {
  const refused = [{ at: 0, reason: 'x'.repeat(1_000_000), permanent: true }];
  assert.equal(readAnswer(JSON.stringify({ done: 1, refused })), null);
});
