/** Turns: in order for each name, and never too many at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as step } from 'node:timers/promises';
import { takingTurns } from '../../src/mail/turns.ts';

test('takingTurns() lets each name work in order, one at a time, and all names together', async () => {
  const takeTurns = takingTurns(2);
  const working = new Set<string>();
  const done: string[] = [];
  let most = 0;
  const work = (name: string, number: number): Promise<void> =>
    takeTurns(name, async () => {
      assert.ok(!working.has(name), `${name} works twice at once`);
      working.add(name);
      most = Math.max(most, working.size);
      for (let steps = (number * 7) % 5; steps >= 0; steps--) await step();
      working.delete(name);
      done.push(`${name}${number}`);
    });
  const names = ['a', 'b', 'c'];
  await Promise.all(names.flatMap((name) => [0, 1, 2, 3].map((number) => work(name, number))));
  assert.equal(most, 2);
  for (const name of names)
    assert.deepEqual(
      done.filter((each) => each.startsWith(name)),
      [0, 1, 2, 3].map((number) => `${name}${number}`),
    );
});

test('takingTurns() gives the turn on when a work fails', async () => {
  const takeTurns = takingTurns(1);
  const failed = takeTurns('a', () => Promise.reject(new Error('no')));
  const next = [takeTurns('a', async () => 1), takeTurns('b', async () => 2)];
  await assert.rejects(failed, { message: 'no' });
  assert.deepEqual(await Promise.all(next), [1, 2]);
  assert.equal(await takeTurns('c', async () => 3), 3);
});
