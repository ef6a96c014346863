import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Answer, openDesk, type Row, type Rows } from '../../src/control/desk.ts';
import { type Limits, LIMITS } from '../../src/control/limits.ts';
import { encodeHead, REQUEST_LIMIT } from '../../src/control/protocol.ts';
import { type ControlServer, openServer } from '../../src/control/server.ts';
import { Failure } from '../../src/system/failure.ts';
import { until } from '../support/wait.ts';
import { call, type CallerTo, wordOf } from './caller.ts';

const { username, uid } = userInfo();

/** A server whose requests say what they were given. */
interface House {
  readonly path: string;
  readonly server: ControlServer;
  /** What should never happen, and did. */
  readonly complaints: unknown[];
  /** Bodies that were taken. */
  readonly taken: string[];
  readonly connect: () => Promise<CallerTo>;
}

async function open(
  t: TestContext,
  limits: Partial<Limits> = {},
  rows: Partial<Rows> = {},
): Promise<House> {
  const root = mkdtempSync(join(tmpdir(), 'control-'));
  t.after(() => rmSync(root, { recursive: true }));
  const path = join(root, 'cron.sock');
  const complaints: unknown[] = [];
  const taken: string[] = [];
  const said = (text: string): Promise<Answer> =>
    Promise.resolve({ head: { ok: true }, body: Buffer.from(text) });
  const none = (work: () => Promise<Answer>): Row => ({ body: 'none', answer: work });
  const usual: Rows = {
    list: { body: 'none', answer: ({ user }) => said(`${user.name} ${user.uid}`) },
    install: {
      body: 'memory',
      limit: 1_000_000,
      answer(_, body) {
        taken.push(body.toString());
        return said(`${body.length}`);
      },
    },
    backup: {
      body: 'stream',
      limit: 50_000_000,
      async answer(_, body) {
        let length = 0;
        for await (const piece of body) length += piece.length;
        return said(`${length}`);
      },
    },
    remove: none(() => Promise.reject(new Failure('Cannot do it', { exit: 1 }))),
    backups: none(() => Promise.reject(new TypeError('a mistake'))),
    status: none(() => said('x'.repeat(1_000_000))),
    run: none(() => said('run')),
    follow: none(() => said('follow')),
    history: none(() => said('history')),
    log: none(() => said('log')),
    kill: none(() => said('kill')),
    metrics: none(() => said('metrics')),
    mailq: none(() => said('mailq')),
    flush: none(() => said('flush')),
    submit: none(() => said('submit')),
    reload: none(() => Promise.resolve({ head: { ok: true } })),
  };
  const realm = { uid, onlyUser: null, access: () => ({ allowed: true }) };
  const people = {
    nameOf: (): Promise<string> => Promise.resolve(username),
    uidOf: (name: string): Promise<number | null> =>
      name === 'slow'
        ? Promise.reject(new Error('no answer'))
        : Promise.resolve(name === 'stranger' ? 4711 : null),
  };
  const server = await openServer({
    path,
    desk: openDesk({ ...usual, ...rows }, realm, people),
    complain: (error) => complaints.push(error),
    limits: { ...LIMITS, ...limits },
  });
  t.after(() => server.close());
  return { path, server, complaints, taken, connect: () => call(t, path) };
}

test('openServer() makes a socket that everybody may connect to, and nothing else', async (t) => {
  const umask = process.umask(0o077);
  t.after(() => process.umask(umask));
  const { path } = await open(t);
  assert.deepEqual(readdirSync(join(path, '..')), ['cron.sock']);
  assert.ok(statSync(path).isSocket());
  assert.equal(statSync(path).mode & 0o777, 0o666);
});

test('openServer() replaces what a dead daemon has left, and no socket that is served', async (t) => {
  const { path, server } = await open(t);
  const desk = (): never => assert.fail();
  const again = openServer({ path, desk, complain: () => {} });
  await assert.rejects(again, /Cannot open the control socket ".*": another cron serves it/);
  await server.close();
  const stale = createServer();
  stale.listen(`${path}.old`);
  await once(stale, 'listening');
  const fs = await import('node:fs');
  fs.linkSync(`${path}.old`, path);
  stale.close();
  writeFileSync(`${path}.new`, 'of a crash');
  assert.ok(statSync(path).isSocket());
  const next = await openServer({ path, desk, complain: () => {} });
  (await call(t, path)).socket.destroy();
  await next.close();
  assert.ok(!existsSync(path));
});

test('a connection has its requests answered one after the other, however they are cut', async (t) => {
  const { connect, taken } = await open(t);
  const caller = await connect();
  const stream = Buffer.concat(
    ['one', '', 'three\n{}'].flatMap((text) => [
      encodeHead({ request: 'install', length: text.length }),
      Buffer.from(text),
    ]),
  );
  for (const byte of stream) caller.say(Buffer.of(byte));
  for (const expected of ['3', '0', '8'])
    assert.equal((await caller.hear())?.body.toString(), expected);
  assert.deepEqual(taken, ['one', '', 'three\n{}']);
});

test('who closes the sending half is answered still', async (t) => {
  const caller = await (await open(t)).connect();
  caller.socket.end(encodeHead({ request: 'list' }));
  assert.equal((await caller.hear())?.body.toString(), `${username} ${uid}`);
  assert.equal(await caller.hear(), null);
});

test('a request names another user, whom the user database knows, or does not, or keeps silent of', async (t) => {
  const caller = await (await open(t)).connect();
  assert.equal((await caller.ask('list', { user: 'stranger' })).body.toString(), 'stranger 4711');
  assert.match(await caller.refused('list', { user: 'ghost' }), /^unknown-user: .*"ghost"/);
  assert.match(await caller.refused('list', { user: 'slow' }), /^failed: .*no answer/);
});

test('a refused request has its body skipped, and the next one is answered', async (t) => {
  const caller = await (await open(t)).connect();
  const body = Buffer.alloc(5_000_000, '{"version":1,"request":"list"}\n');
  assert.match(await caller.refused('nonsense', {}, body), /^unknown-request/);
  assert.equal(wordOf((await caller.ask('list')).head), 'ok');
});

test('a body of which its request takes a part only is skipped to its end', async (t) => {
  const { connect } = await open(
    t,
    {},
    {
      backup: {
        body: 'stream',
        limit: 50_000_000,
        async answer(_, body) {
          for await (const piece of body) return { head: { ok: true }, body: piece.subarray(0, 1) };
          return { head: { ok: true } };
        },
      },
    },
  );
  const caller = await connect();
  const body = Buffer.alloc(5_000_000, '{"version":1,"request":"list"}\n');
  assert.equal((await caller.ask('backup', {}, body)).body.toString(), '{');
  assert.equal((await caller.ask('list')).body.toString(), `${username} ${uid}`);
});

test('a stream is as long as its limit and not whole in memory', async (t) => {
  const caller = await (await open(t, { bytes: 1000, userBytes: 1000 })).connect();
  const length = 50_000_000;
  assert.equal((await caller.ask('backup', {}, Buffer.alloc(length))).body.toString(), `${length}`);
});

const fatal: Record<string, readonly [string | Buffer, RegExp]> = {
  garbage: ['GET / HTTP/1.1\r\n\r\n', /^garbled: /],
  'bytes of no character set': [Buffer.from([0xff, 0xfe, 0, 10]), /^garbled: /],
  'a head without end': ['x'.repeat(REQUEST_LIMIT + 1), /^garbled: .*at most 16384 bytes/],
  'another version': ['{"version":2,"request":"list"}\n', /^version: .*version 1 /],
  'a body that is too long': [
    encodeHead({ request: 'install', length: 1_000_001 }),
    /^too-large: 1000001 bytes .* at most 1000000 may follow "install"/,
  ],
  'a body where there is none': [encodeHead({ request: 'list', length: 1 }), /^too-large: /],
  'a body of an unknown request beyond all limits': [
    encodeHead({ request: 'x', length: 2 ** 50 }),
    /^too-large: /,
  ],
};
for (const [what, [bytes, expected]] of Object.entries(fatal)) {
  test(`after ${what} the server says so and hangs up`, async (t) => {
    const { connect, complaints } = await open(t);
    const caller = await connect();
    caller.say(bytes, Buffer.alloc(500_000)); // who writes on reads the answer all the same
    const heard = await caller.hear();
    assert.match(heard === null ? 'nothing' : wordOf(heard.head), expected);
    assert.equal(await caller.hear(), null);
    assert.deepEqual(complaints, []);
  });
}

test('who hangs up in the middle harms nobody', async (t) => {
  const { connect, complaints, taken } = await open(t);
  for (const half of ['', '{"vers', '{"version":1,"request":"install","length":9}\nhalf']) {
    const caller = await connect();
    if (half === '') caller.socket.destroy();
    else caller.socket.end(half);
    await once(caller.socket.resume(), 'close');
  }
  const caller = await connect();
  assert.equal(wordOf((await caller.ask('list')).head), 'ok');
  assert.deepEqual([complaints, taken], [[], []]);
});

test('a failure is told, and a mistake of ours is told and complained of', async (t) => {
  const { connect, complaints } = await open(t);
  const caller = await connect();
  assert.equal(await caller.refused('remove'), 'failed: Cannot do it');
  assert.deepEqual(complaints, []);
  assert.match(await caller.refused('backups'), /^failed: Internal error of cron/);
  assert.match(String(complaints), /a mistake/);
  assert.equal(wordOf((await caller.ask('list')).head), 'ok');
});

for (const [what, bytes] of [
  ['nothing', ''],
  ['half a head', '{"version":1'],
  ['half a body', '{"version":1,"request":"install","length":9}\nhalf'],
] as const) {
  test(`who sends ${what} and waits is told after a while, and hung up on`, async (t) => {
    const { connect, taken } = await open(t, { idle: 100, patience: 100 });
    const caller = await connect();
    if (bytes !== '') caller.say(bytes);
    const heard = await caller.hear();
    assert.match(heard === null ? 'nothing' : wordOf(heard.head), /^timeout: /);
    assert.equal(await caller.hear(), null);
    assert.deepEqual(taken, []);
  });
}

test('who sends a byte now and then is hung up on all the same', async (t) => {
  const caller = await (await open(t, { patience: 300 })).connect();
  const drip = setInterval(() => caller.say(' '), 20);
  t.after(() => clearInterval(drip));
  const heard = await caller.hear();
  assert.match(heard === null ? 'nothing' : wordOf(heard.head), /^timeout: /);
});

test('who does not read the answer is hung up on, and what it took is given back', async (t) => {
  const { connect } = await open(t, {
    patience: 200,
    pace: 10_000_000,
    userBytes: 1_500_000,
    bytes: 1_500_000,
  });
  const deaf = await connect();
  deaf.socket.pause();
  for (let count = 0; count < 5; count++) deaf.say(encodeHead({ request: 'status' }));
  const caller = await connect();
  await until('there is room again', async () => {
    return wordOf((await caller.ask('status')).head) === 'ok';
  });
});

test('one user has so many connections, and a place is free when one is closed', async (t) => {
  // Root alone may have as many as there are.
  const { connect } = await open(t, { perUser: 2, connections: uid === 0 ? 2 : 3 });
  const [first, second] = [await connect(), await connect()];
  assert.equal(wordOf((await first.ask('list')).head), 'ok');
  const third = await connect();
  const heard = await third.hear();
  assert.match(heard === null ? 'nothing' : wordOf(heard.head), /^busy: Too many connections/);
  assert.equal(await third.hear(), null);
  second.socket.destroy();
  await until('there is room again', async () => {
    const next = await connect();
    next.say(encodeHead({ request: 'list' }));
    const answer = await next.hear();
    next.socket.destroy();
    return answer?.head.ok === true;
  });
});

test('bodies take so much memory, and who finds none left may try again', async (t) => {
  const { connect } = await open(t, { userBytes: 100, bytes: 100 });
  const [holder, other] = [await connect(), await connect()];
  holder.say(encodeHead({ request: 'install', length: 60 }), 'x'.repeat(30));
  await until('the other one is told to try again', async () => {
    return (await other.refused('install', {}, 'y'.repeat(41))).startsWith('busy: ');
  });
  holder.say('x'.repeat(30));
  assert.equal((await holder.hear())?.body.toString(), '60');
  assert.equal(wordOf((await other.ask('install', {}, 'y'.repeat(41))).head), 'ok');
});

test('close() answers what is whole, hangs up on all else, and removes the socket', async (t) => {
  let finish: () => void = () => {};
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const { path, server, connect } = await open(
    t,
    {},
    {
      reload: {
        body: 'none',
        async answer() {
          await finished;
          return { head: { ok: true } };
        },
      },
    },
  );
  const [idle, half, busy] = [await connect(), await connect(), await connect()];
  half.say('{"version":1,');
  busy.say(encodeHead({ request: 'reload' }), encodeHead({ request: 'list' }));
  await pause(50); // a request that is not read yet is not whole
  const closed = server.close();
  assert.ok(!existsSync(path));
  for (const caller of [idle, half])
    await assert.rejects(async () => {
      if ((await caller.hear()) === null) throw new Error('hung up');
    });
  finish();
  assert.equal((await busy.hear())?.head.ok, true);
  assert.equal(await busy.hear().catch(() => null), null);
  await closed;
});
