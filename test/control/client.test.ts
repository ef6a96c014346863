import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ask, type Patience } from '../../src/control/client.ts';
import { Frames } from '../../src/control/frames.ts';
import { decodeRequest, type RequestHead } from '../../src/control/protocol.ts';
import { Failure } from '../../src/system/failure.ts';

/** A name for a socket that goes with the test. */
function place(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'client-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'cron.sock');
}

/** One thing that a cron does with a connection whose request has come. */
type Deed = (connection: Socket, head: unknown, body: Buffer) => void;

/** A cron that does one deed a connection; the last one again and again. */
async function cron(t: TestContext, ...deeds: readonly Deed[]): Promise<string> {
  const path = place(t);
  let turn = 0;
  const connections = new Set<Socket>();
  const server = createServer((connection) => {
    const deed = deeds[Math.min(turn++, deeds.length - 1)];
    const frames = new Frames();
    let head: RequestHead | undefined;
    connections.add(connection);
    connection.on('error', () => {}); // the client may be gone
    connection.on('data', (piece: Buffer) => {
      frames.add(piece);
      const line = head === undefined ? frames.line(16_384) : null;
      const request = line instanceof Buffer ? decodeRequest(line) : null;
      if (request?.ok === true) head = request.head;
      if (head === undefined || frames.length < (head.length ?? 0)) return;
      deed?.(connection, head, frames.bytes(frames.length));
    });
  });
  server.listen(path);
  await once(server, 'listening');
  t.after(() => {
    for (const connection of connections) connection.destroy();
    server.close();
  });
  return path;
}

const say =
  (text: string): Deed =>
  (connection) =>
    void connection.write(text);
const quick: Patience = { silence: 2000, busy: 300 };
const BUSY = '{"version":1,"ok":false,"error":"busy","message":"later"}\n';

test('ask() sends head and body, and reads both', async (t) => {
  const seen: unknown[] = [];
  const path = await cron(t, (connection, head, body) => {
    seen.push(head, body.toString('latin1'));
    connection.write('{"version":1,"ok":true,"length":3,"more":[1]}\na\n\xff', 'latin1');
  });
  const body = Buffer.from('* * * * * \xff\n', 'latin1');
  const answer = await ask(path, { request: 'install', user: 'alice', seen: 'none', body });
  assert.deepEqual(seen, [
    { version: 1, request: 'install', user: 'alice', seen: 'none', length: 12 },
    '* * * * * \xff\n',
  ]);
  assert.ok(answer?.ok);
  assert.deepEqual([answer.body.toString('latin1'), answer['more']], ['a\n\xff', [1]]);
});

test('ask() reads an answer that comes byte by byte', async (t) => {
  const path = await cron(t, (connection) => {
    const bytes = [...Buffer.from('{"version":1,"ok":true,"length":2}\nab')];
    const next = (): void => {
      const byte = bytes.shift();
      if (byte !== undefined) connection.write(Buffer.of(byte), () => setImmediate(next));
    };
    next();
  });
  const answer = await ask(path, { request: 'list' });
  assert.equal(answer?.ok === true && answer.body.toString(), 'ab');
});

test('ask() says null where no cron listens, be there a socket or a file', async (t) => {
  assert.equal(await ask(place(t), { request: 'list' }), null);
  const file = place(t);
  writeFileSync(file, '');
  assert.equal(await ask(file, { request: 'list' }), null);
});

test('ask() hands a refusal on', async (t) => {
  const refusal = { ok: false, error: 'none', message: 'no crontab for alice' };
  const path = await cron(t, say(`${JSON.stringify({ version: 1, ...refusal })}\n`));
  const answer = await ask(path, { request: 'list' });
  assert.deepEqual({ ...answer }, { version: 1, ...refusal });
});

test('ask() asks again while cron is busy', async (t) => {
  const path = await cron(t, say(BUSY), say(BUSY), say('{"version":1,"ok":true}\n'));
  assert.equal((await ask(path, { request: 'list' }))?.ok, true);
});

test('ask() gives a cron up that stays busy', async (t) => {
  const path = await cron(t, say(BUSY));
  const answer = await ask(path, { request: 'list' }, quick);
  assert.deepEqual(answer?.ok === false && answer.error, 'busy');
});

test('ask() asks again when cron hangs up before the request is whole', async (t) => {
  const path = place(t);
  let turn = 0;
  // Nothing is read: the client finds that out while it writes.
  const server = createServer({ pauseOnConnect: true }, (connection) => {
    if (turn++ < 2) connection.destroy();
    else connection.on('error', () => {}).end('{"version":1,"ok":true}\n');
  });
  server.listen(path);
  t.after(() => server.close());
  await once(server, 'listening');
  const body = Buffer.alloc(4 * 1024 * 1024);
  const answer = await ask(path, { request: 'install', body }, { silence: 5000, busy: 5000 });
  assert.deepEqual([answer?.ok, turn], [true, 3]);
});

/** What is no answer → what is said of it. */
const strange: Record<string, readonly [deed: Deed, said: RegExp]> = {
  'no JSON': [say('HTTP/1.1 200 OK\n'), /no answer of cron/],
  'an array': [say('[]\n'), /no answer of cron/],
  'a negative length': [say('{"version":1,"ok":true,"length":-1}\n'), /no answer of cron/],
  'a huge body': [say('{"version":1,"ok":true,"length":99999999}\n'), /no answer of cron/],
  'a line without end': [say('x'.repeat(17 * 1024 * 1024)), /no answer of cron/],
  'half a head': [(connection) => void connection.end('{"version"'), /hung up before it answered/],
  'half a body': [
    (connection) => void connection.end('{"version":1,"ok":true,"length":9}\nx'),
    /hung up before it answered; .*not known/,
  ],
  nothing: [() => {}, /no answer in 2 s; .*not known/],
};
for (const [what, [deed, said]] of Object.entries(strange)) {
  test(`ask() fails clearly when it gets ${what}`, async (t) => {
    const path = await cron(t, deed);
    await assert.rejects(
      ask(path, { request: 'install', body: Buffer.from('x\n') }, quick),
      (error) => {
        assert.ok(error instanceof Failure);
        assert.match(error.message, said);
        assert.ok(error.message.startsWith(`Cannot ask cron at "${path}": `));
        return true;
      },
    );
  });
}

test('ask() sends a stream, from its beginning with each attempt', async (t) => {
  const seen: string[] = [];
  const path = await cron(
    t,
    (connection, _, body) => {
      seen.push(`${body.length}`);
      connection.end(BUSY);
    },
    (connection, _, body) => {
      seen.push(`${body.length}`);
      connection.write('{"version":1,"ok":true}\n');
    },
  );
  const body = {
    length: 3_000_000,
    async *pieces() {
      for (let piece = 0; piece < 30; piece++) yield Buffer.alloc(100_000);
    },
  };
  const patient: Patience = { silence: 20_000, busy: 20_000 };
  assert.equal((await ask(path, { request: 'submit', body }, patient))?.ok, true);
  assert.deepEqual(seen, ['3000000', '3000000']);
});

test('ask() fails when its stream does', async (t) => {
  const path = await cron(t, () => {});
  const body = {
    length: 2,
    async *pieces() {
      yield Buffer.alloc(1);
      throw new Error('the disk is gone');
    },
  };
  await assert.rejects(ask(path, { request: 'submit', body }), /the disk is gone/);
});
