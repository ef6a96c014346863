/** What a scheduler and a runner say: each message once, whole, however it was cut up on its way. */
import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Environment } from '../../src/core/environment.ts';
import { batchesOf, listenTo, say } from '../../src/run/protocol.ts';
import { firing } from './firings.ts';

/** A socket that is read by hand: what was heard, and why the connection was ended. */
function listen(): { socket: Socket; heard: unknown[]; fault: () => string | undefined } {
  const socket = new Socket();
  const heard: unknown[] = [];
  let fault: string | undefined;
  socket.on('error', (error) => (fault = error.message));
  listenTo(socket, (message) => heard.push(message));
  return { socket, heard, fault: () => fault };
}

/** Give the pieces, each in a turn of its own, as they come from the kernel. */
function give(socket: Socket, pieces: readonly (Buffer | string)[]): void {
  for (const piece of pieces) if (!socket.destroyed) socket.emit('data', Buffer.from(piece));
}

const MESSAGES = [
  { order: 'take' },
  {
    order: 'start',
    firings: [firing('a', { command: 'caf\xc3\xa9 \u2028 \u0000 "\n' })],
    busy: [],
  },
  { word: 'recorded', runs: ['a', 'b'] },
];
const WHOLE = Buffer.from(MESSAGES.map((message) => `${JSON.stringify(message)}\n`).join(''));

test('listenTo() hears every message, wherever the stream is cut', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat({ max: WHOLE.length })), (cuts) => {
      const { socket, heard } = listen();
      const places = [0, ...cuts.toSorted((a, b) => a - b), WHOLE.length];
      give(
        socket,
        places.slice(1).map((end, index) => WHOLE.subarray(places[index], end)),
      );
      assert.deepEqual(heard, MESSAGES);
    }),
  );
});

test('listenTo() hears messages byte by byte', () => {
  const { socket, heard } = listen();
  for (const byte of WHOLE) give(socket, [Buffer.of(byte)]);
  assert.deepEqual(heard, MESSAGES);
});

test('listenTo() does not hear a message that was never finished', () => {
  const { socket, heard, fault } = listen();
  give(socket, [WHOLE.subarray(0, WHOLE.length - 1)]);
  assert.deepEqual(heard, MESSAGES.slice(0, 2));
  assert.equal(fault(), undefined);
});

const garbage = ['{\n', 'take\n', '\n', '{"order":"take"}{}\n', '\0\0\0\n', 'null\n', '\xff\xfe\n'];
for (const text of garbage)
  test(`listenTo() ends a connection that says ${JSON.stringify(text)}`, () => {
    const [first, , last] = MESSAGES.map((message) => `${JSON.stringify(message)}\n`);
    for (const pieces of [[`${first}${text}${last}`], [`${first}`, text, `${last}`]]) {
      const { socket, heard } = listen();
      give(socket, pieces);
      assert.deepEqual(heard, [MESSAGES[0]], 'what comes after is not read');
      assert.ok(socket.destroyed);
    }
  });

test('listenTo() ends a connection whose message never ends', () => {
  const { socket, heard } = listen();
  const piece = Buffer.alloc(1024 * 1024, 'x');
  for (let size = 0; size <= 128 && !socket.destroyed; size++) give(socket, [piece]);
  assert.ok(socket.destroyed);
  assert.deepEqual(heard, []);
});

test('listenTo() hears a message of the largest crontab', () => {
  const { socket, heard } = listen();
  const large = {
    order: 'start',
    firings: [firing('a', { stdin: '\u0001'.repeat(16 * 1024 * 1024) })],
  };
  const bytes = Buffer.from(`${JSON.stringify(large)}\n`);
  for (let at = 0; at < bytes.length; at += 65_536) give(socket, [bytes.subarray(at, at + 65_536)]);
  assert.equal(heard.length, 1);
  assert.deepEqual(heard[0], large);
});

test('say() writes a line, and nothing to a socket that is gone', (t) => {
  const socket = new Socket();
  const write = t.mock.method(socket, 'write', () => true);
  say(socket, { order: 'take' });
  socket.destroy();
  say(socket, { order: 'take' });
  assert.deepEqual(
    write.mock.calls.map((call) => call.arguments),
    [['{"order":"take"}\n']],
  );
});

test('batchesOf() keeps a message small, whatever a crontab holds', () => {
  const variables: Environment = [['A', 'a'.repeat(200_000)]];
  const firings = Array.from({ length: 6000 }, (_, index) =>
    firing(`f${index}`, {
      environment: variables,
      command: 'x'.repeat(index % 3 === 0 ? 9000 : 1),
    }),
  );
  const batches = batchesOf(firings);
  assert.deepEqual(batches.flat(), firings);
  assert.ok(batches.length > 1);
  const large = Array.from({ length: 100 }, (_, index) =>
    firing(`f${index}`, { environment: [['A', `${index}`.repeat(100_000)]] }),
  );
  for (const batch of [...batches, ...batchesOf(large)]) {
    const environments = new Set(batch.map(({ environment }) => environment));
    const size =
      batch.reduce((sum, { command }) => sum + command.length, 0) +
      [...environments].reduce((sum, [variable]) => sum + (variable?.[1].length ?? 0), 0);
    assert.ok(size <= 4 * 1024 * 1024, `${size}`);
  }
});

test('say() sends an environment once for all entries that share it', () => {
  const environment: Environment = [['A', 'a'.repeat(1000)]];
  const firings = [firing('a', { environment }), firing('b', { environment }), firing('c')];
  const { socket, heard } = listen();
  let sent = '';
  const writer = new Socket();
  writer.write = (text: unknown): boolean => {
    sent += String(text);
    return true;
  };
  say(writer, { order: 'start', firings, busy: ['x'] });
  assert.ok(sent.length < 2000, sent);
  give(socket, [sent]);
  assert.deepEqual(heard, [{ order: 'start', firings, busy: ['x'] }]);
});
