import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Frames } from '../../src/control/frames.ts';
import {
  type AnswerHead,
  decodeAnswer,
  decodeRequest,
  encodeHead,
  REQUEST_LIMIT,
} from '../../src/control/protocol.ts';

const line = (text: string): Buffer => Buffer.from(text, 'utf8');

/** Cut bytes at these places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))];
  at.sort((a, b) => a - b);
  return [0, ...at].map((start, index) => bytes.subarray(start, at[index]));
}

/** Read heads and bodies from pieces, as a server does. */
function readAll(pieces: readonly Buffer[]): { head: string; body: Buffer }[] {
  const frames = new Frames();
  const read: { head: string; body: Buffer }[] = [];
  let open: { head: string; missing: number; parts: Buffer[] } | null = null;
  for (const piece of pieces) {
    frames.add(piece);
    for (;;) {
      if (open === null) {
        const head = frames.line(REQUEST_LIMIT);
        if (head === null) break;
        assert.notEqual(head, 'too long');
        const { length = 0 }: { length?: number } = JSON.parse(head.toString());
        open = { head: head.toString(), missing: length, parts: [] };
      }
      const part = frames.bytes(open.missing);
      open.parts.push(part);
      open.missing -= part.length;
      if (open.missing > 0) break;
      read.push({ head: open.head, body: Buffer.concat(open.parts) });
      open = null;
    }
  }
  assert.equal(open, null);
  assert.equal(frames.length, 0);
  return read;
}

test('Frames reads heads and bodies wherever the bytes are cut', () => {
  const body = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.array(body, { maxLength: 5 }), fc.array(fc.nat(2000)), (bodies, places) => {
      const stream = bodies.flatMap((one) => [
        encodeHead({ request: 'install', length: one.length }),
        one,
      ]);
      const read = readAll(cut(Buffer.concat(stream), places));
      assert.deepEqual(
        read.map((one) => one.body),
        bodies,
      );
      for (const { head } of read) assert.ok(decodeRequest(line(head)).ok);
    }),
  );
});

test('Frames reads a stream that comes byte by byte', () => {
  const stream = Buffer.concat([encodeHead({ request: 'a', length: 3 }), line('x\ny')]);
  const read = readAll([...stream].map((byte) => Buffer.of(byte)));
  assert.deepEqual(read, [{ head: '{"version":1,"request":"a","length":3}', body: line('x\ny') }]);
});

for (const [length, expected] of [
  [10, 'line'],
  [11, 'too long'],
] as const) {
  test(`Frames.line() says "${expected}" of ${length} bytes where 10 are the limit`, () => {
    const whole = new Frames();
    whole.add(line(`${'x'.repeat(length)}\n`));
    const got = whole.line(10);
    assert.equal(typeof got === 'string' ? got : 'line', expected);
    const endless = new Frames();
    for (let byte = 0; byte < length; byte++) endless.add(line('x'));
    assert.equal(endless.line(10), expected === 'line' ? null : expected);
  });
}

test('Frames searches no byte twice: a long answer in small pieces is read in no time', () => {
  const frames = new Frames();
  const piece = Buffer.alloc(64, 'x');
  const start = performance.now();
  for (let count = 0; count < 20_000; count++) {
    frames.add(piece);
    assert.equal(frames.line(Infinity), null);
  }
  frames.add(line('\n'));
  assert.equal(frames.line(Infinity)?.length, 20_000 * 64);
  assert.ok(performance.now() - start < 10_000);
});

test('decodeRequest() never throws, and takes nothing but what the protocol has', () => {
  const odd = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.json().map(line),
    fc
      .record({ version: fc.constant(1), request: fc.anything(), length: fc.anything() })
      .map((value) => line(JSON.stringify(value))),
  );
  fc.assert(
    fc.property(odd, (bytes) => {
      const read = decodeRequest(bytes);
      if (!read.ok) return;
      const { request, length } = read.head;
      assert.equal(typeof request, 'string');
      assert.ok(length === undefined || (Number.isSafeInteger(length) && length >= 0));
    }),
  );
});

const requests: Record<string, string> = {
  '': 'garbled',
  'GET / HTTP/1.1\r': 'garbled',
  '[]': 'garbled',
  null: 'garbled',
  '{}': 'version',
  '{"version":2,"request":"list"}': 'version',
  '{"version":"1","request":"list"}': 'version',
  '{"version":1}': 'garbled',
  '{"version":1,"request":7}': 'garbled',
  '{"version":1,"request":"list"}': 'list',
  '{"version":1,"request":"list","user":""}': 'garbled',
  '{"version":1,"request":"list","user":7}': 'garbled',
  '{"version":1,"request":"install","length":-1}': 'garbled',
  '{"version":1,"request":"install","length":1.5}': 'garbled',
  '{"version":1,"request":"install","length":1e300}': 'garbled',
  '{"version":1,"request":"install","length":"7"}': 'garbled',
  '{"version":1,"request":"install","length":7,"seen":"none"}': 'install',
  '{"version":1,"request":"install","length":7,"seen":"abc"}': 'garbled',
  '{"version":1,"request":"backup","number":"1"}': 'garbled',
  '{"version":1,"request":"flush","ids":["1000-r"]}': 'flush',
  '{"version":1,"request":"flush","ids":"1000-r"}': 'garbled',
  '{"version":1,"request":"flush","ids":[1000]}': 'garbled',
  '{"version":1,"request":"backup","number":1,"later":[]}': 'backup',
  '{"version":1,"request":"list","ok":false,"error":"denied"}': 'list',
};
for (const [text, expected] of Object.entries(requests)) {
  test(`decodeRequest() takes ${JSON.stringify(text)} for "${expected}"`, () => {
    const read = decodeRequest(line(text));
    assert.equal(read.ok ? read.head.request : read.error, expected);
  });
}

test('decodeAnswer() reads what encodeHead() writes', () => {
  const answers: AnswerHead[] = [
    { ok: true },
    { ok: true, length: 31 },
    { ok: true, backups: [{ number: 1, at: '2026-11-22T15:00:00.000Z', size: 3 }] },
    { ok: false, error: 'changed', message: 'the table "ä" is\nanother one' },
  ];
  for (const answer of answers) {
    const bytes = encodeHead(answer);
    assert.equal(bytes.indexOf('\n'), bytes.length - 1);
    const read = decodeAnswer(bytes.subarray(0, -1));
    assert.deepEqual(read, { version: 1, ...answer });
  }
});

test('decodeAnswer() knows what is no answer, and takes a new word for a failure', () => {
  for (const text of ['', '{}', '{"ok":1}', '{"ok":false}', '{"ok":true,"length":-1}'])
    assert.equal(decodeAnswer(line(text)), null);
  const later = decodeAnswer(line('{"ok":false,"error":"too-hot","message":"Cool it"}'));
  assert.deepEqual(later, { ok: false, error: 'failed', message: 'Cool it' });
});
