/** A cron that has nothing to do lets the machine sleep. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { childrenOf } from '../support/container.ts';
import { wakesOf } from '../support/counters.ts';
import { openSandbox } from '../support/sandbox.ts';

/** So long nothing wakes up, in milliseconds: nothing runs then, and nothing is read or written. */
const SLEEP = 15_000;
/** That comes between what its start sets off, which takes Node some ten seconds, and a minute; or between two of these. */
const LIMIT = 240_000;
const MINUTE = 60_000;

test('between two minutes nothing wakes up a cron', async (t) => {
  const sandbox = openSandbox(t);
  sandbox.tab('@yearly true\n');
  const { pid } = await sandbox.start();
  const [runner = 0] = childrenOf(pid);
  const wakes = (): string => [pid, runner].map((one) => wakesOf(one).join()).join(' and ');
  const begun = performance.now();
  const seen: string[] = [];
  for (let since = begun; performance.now() - since < SLEEP; await pause(250)) {
    const now = wakes();
    if (now === seen.at(-1)) continue;
    seen.push(now);
    since = performance.now();
    assert.ok(since - begun < LIMIT, `wake-ups of each thread:\n${seen.join('\n')}`);
  }
});

test('a minute in which nothing is due wakes up the scheduler once, and the runner not at all', async (t) => {
  const sandbox = openSandbox(t);
  sandbox.tab('@yearly true\n');
  const { pid } = await sandbox.start();
  const [runner = 0] = childrenOf(pid);
  const total = (one: number): number => wakesOf(one).reduce((sum, wakes) => sum + wakes, 0);
  const counted: string[] = [];
  // Its first minute may do what a start has left over, and a processor may be taken away from it by others.
  for (let minute = 0; minute < 4; minute++) {
    await within(20_000);
    const [scheduler, idle] = [total(pid), total(runner)];
    await within(20_000);
    const woken = [total(pid) - scheduler, total(runner) - idle].join(' and ');
    if (woken === '1 and 0') return;
    counted.push(woken);
  }
  assert.fail(`wake-ups of scheduler and runner, minute by minute: ${counted.join(', ')}`);
});

/** Wait until the next time that a minute is so old, in milliseconds. */
async function within(age: number): Promise<void> {
  await pause(MINUTE - ((Date.now() - age) % MINUTE));
}
