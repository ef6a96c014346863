/** Answers in parts: sent as they come, to who reads them. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Answer, Desk, Part } from '../../src/control/desk.ts';
import { type Limits, LIMITS } from '../../src/control/limits.ts';
import { listen } from '../../src/control/listen.ts';
import { openServer } from '../../src/control/server.ts';
import { until } from '../support/wait.ts';
import { call } from './caller.ts';

const { uid, username } = userInfo();

interface House {
  readonly path: string;
  readonly complaints: unknown[];
  readonly close: () => Promise<void>;
}

/** A server that answers every request with these parts. */
async function open(
  t: TestContext,
  parts: () => AsyncIterable<Part | null>,
  limits: Partial<Limits> = {},
): Promise<House> {
  const root = mkdtempSync(join(tmpdir(), 'parts-'));
  t.after(() => rmSync(root, { recursive: true }));
  const path = join(root, 'cron.sock');
  const answer = (): Promise<Answer> =>
    Promise.resolve({ head: { ok: true, more: true }, parts: parts() });
  const desk: Desk = async (head, { pid }) => ({
    ok: true,
    call: { head, caller: { pid, uid, name: username }, user: { name: username, uid } },
    row: { body: 'none', answer },
  });
  const complaints: unknown[] = [];
  const complain = (error: unknown): void => void complaints.push(error);
  const server = await openServer({ path, desk, complain, limits: { ...LIMITS, ...limits } });
  t.after(() => server.close());
  return { path, complaints, close: () => server.close() };
}

/** What a client hears, and how it ends. */
async function heard(path: string): Promise<{ words: string[]; end: string }> {
  const words: string[] = [];
  const answers = listen(path, { request: 'status' });
  for (;;) {
    const next = await answers.next();
    if (next.done === true) return { words, end: next.value };
    const { value } = next;
    words.push(value.ok ? value.body.toString() : value.message);
  }
}

const part = (text: string): Part => ({ head: { ok: true, more: true }, body: Buffer.from(text) });
const last: Part = { head: { ok: true } };

test('listen() hears one part after the other, as they come', async (t) => {
  let go = (): void => {};
  const gone = new Promise<void>((resolve) => (go = resolve));
  const { path } = await open(t, async function* () {
    yield part('one');
    await gone;
    yield part('two');
    yield last;
  });
  const caller = await call(t, path);
  await caller.ask('status');
  assert.equal((await caller.hear())?.body.toString(), 'one');
  go();
  assert.equal((await caller.hear())?.body.toString(), 'two');
  assert.deepEqual((await caller.hear())?.head, { ok: true, version: 1 });
  // The connection is good for another request.
  assert.ok((await caller.ask('status')).head.ok);
  assert.deepEqual(await heard(path), { words: ['', 'one', 'two', ''], end: 'said' });
});

test('listen() tells a server that closes down from one that is not there', async (t) => {
  const { path, close } = await open(t, async function* () {
    yield part('one');
    for (;;) {
      yield null;
      await pause(10);
    }
  });
  const hearing = heard(path);
  await pause(100);
  const before = performance.now();
  await close();
  assert.ok(performance.now() - before < 4000, 'it waits for nobody who listens');
  assert.equal((await hearing).end, 'cut');
  assert.deepEqual(await heard(path), { words: [], end: 'absent' });
});

test('a server gives signs of life, and notices by them who has gone', async (t) => {
  let ended = 0;
  const { path } = await open(
    t,
    async function* () {
      try {
        for (;;) {
          yield null;
          await pause(10);
        }
      } finally {
        ended++;
      }
    },
    { sign: 50 },
  );
  const caller = await call(t, path);
  await caller.ask('status');
  for (let count = 0; count < 3; count++)
    assert.deepEqual((await caller.hear())?.head, { ok: true, more: true, version: 1 });
  assert.equal(ended, 0);
  caller.socket.destroy();
  await until('the parts are not asked for any more', () => ended === 1);
});

test('a server hangs up on who does not read', async (t) => {
  let count = 0;
  let ended = false;
  const { path } = await open(
    t,
    async function* () {
      try {
        for (;;) {
          count++;
          yield part('x'.repeat(60_000));
        }
      } finally {
        ended = true;
      }
    },
    { patience: 300, pace: 1e9 },
  );
  const caller = await call(t, path);
  caller.say('{"version":1,"request":"status"}\n');
  caller.socket.pause();
  await until('it is hung up on', () => ended);
  assert.ok(count < 100, `${count} parts were made for who reads none`);
});

test('a server tells of what goes wrong in the middle', async (t) => {
  const { path, complaints } = await open(t, async function* () {
    yield part('one');
    throw new TypeError('a mistake');
  });
  const { words, end } = await heard(path);
  assert.deepEqual([words, end], [['', 'one', 'Internal error of cron, see its log'], 'said']);
  assert.equal(complaints.length, 1);
});
