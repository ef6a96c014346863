/** A cron that has nothing to do lets the machine sleep. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { childrenOf } from '../support/container.ts';
import { trafficOf, wakesOf } from '../support/counters.ts';
import { openSandbox } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

const MINUTE = 60_000;
/** What its start sets off is over when nothing has woken up for so long, in milliseconds. */
const CALM = 4000;
/** Counted for so long. */
const SPAN = 10_000;

test('between two minutes nothing wakes up a cron, and it writes nothing', async (t) => {
  const sandbox = openSandbox(t);
  sandbox.tab('@yearly true\n');
  const { pid } = await sandbox.start();
  const [runner = 0] = childrenOf(pid);
  const both = [pid, runner];
  const wakes = (): number[] => both.map((one) => sum(wakesOf(one)));
  await until('nothing wakes up', async () => sum(await during(wakes, CALM)) === 0, {
    limit: 120_000,
  });
  const left = MINUTE - (Date.now() % MINUTE);
  if (left < SPAN + CALM) {
    await pause(left);
    await until('the minute has begun', async () => sum(await during(wakes, CALM)) === 0);
  }
  const written = (): number[] => both.map((one) => trafficOf(one).written);
  const [woken, bytes] = await Promise.all([during(wakes, SPAN), during(written, SPAN)]);
  t.diagnostic(`${woken.join(' and ')} wake-ups`);
  // Node may look once whether a timer of the start is still wanted.
  assert.ok(
    woken.every((times) => times <= 1),
    `${woken.join(' and ')} wake-ups`,
  );
  assert.deepEqual(bytes, [0, 0]);
});

/** By how much counters have grown after so many milliseconds. */
async function during(count: () => readonly number[], ms: number): Promise<number[]> {
  const before = count();
  await pause(ms);
  return count().map((is, place) => is - (before[place] ?? 0));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}
