/** A historian that is killed at any moment leaves each run in the history once, with its output. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Order } from '../../src/cli/historian.ts';
import { openDatabase, one } from '../../src/history/database.ts';
import { Historian } from '../../src/history/historian.ts';
import { lines, place, run } from './runs.ts';

const PROGRAM = new URL('../../src/cli/historian.js', import.meta.url);
const ROUNDS = 40;
const RUNS = 1500;
const TERMS = { age: 86_400_000, size: 500_000_000 };

test(
  'a historian that is killed during its batches has each run once',
  { timeout: 120_000 },
  async (t) => {
    const here = place(t);
    const home = { file: here.file, records: here.folder, terms: TERMS, check: true };
    const files = (): string[] =>
      readdirSync(here.folder).filter((name) => name.endsWith('.records'));
    let ended = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const some = Array.from({ length: RUNS }, (_, n) =>
        lines(
          run(`${round}-${n}`),
          n % 3 === 0 ? `printed by ${round}-${n} ${'x'.repeat(n)}\n` : '',
        ),
      );
      here.records(`${round % 4}.records`, some.join(''));
      const child = fork(PROGRAM, [], {
        serialization: 'advanced',
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      });
      const send = (order: Order): void => void child.send(order, () => {});
      const answer = once(child, 'message').then(
        () => ended++,
        () => {},
      );
      send({ place: home });
      send({ number: 1, inquiry: { ask: 'fold', names: files() } });
      // The first ones before it has begun, the last ones when it has done.
      await Promise.race([pause(Math.random() * 400), answer]);
      child.kill('SIGKILL');
      await once(child, 'exit');
      child.removeAllListeners();
    }
    t.diagnostic(`${ended} of ${ROUNDS} batches were done before the kill`);
    assert.ok(ended < ROUNDS, 'some were killed before they were done');

    const historian = new Historian(home);
    const { damaged } = historian.answer({ ask: 'fold', names: files() });
    assert.equal(damaged, undefined);
    const { database } = openDatabase(here.file, true);
    assert.equal(one(database, 'SELECT count(*) FROM runs'), ROUNDS * RUNS);
    assert.equal(one(database, 'SELECT count(output) FROM runs'), ROUNDS * Math.ceil(RUNS / 3));
    assert.equal(one(database, 'PRAGMA integrity_check'), 'ok');
    database.close();
    for (const name of ['0-0', `${ROUNDS - 1}-${RUNS - 3}`]) {
      const { output } = historian.answer({ ask: 'log', prefix: name, user: null });
      const [, n] = name.split('-');
      assert.equal(
        Buffer.from(output ?? []).toString(),
        `printed by ${name} ${'x'.repeat(Number(n))}\n`,
      );
    }
  },
);
