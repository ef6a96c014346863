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
/** What a minute has to do is over so long after it began, in milliseconds. */
const AFTER = 8000;

test('between two minutes nothing wakes up a cron, and one without anything due only its scheduler, once', async (t) => {
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

  const total = (one: number): number => wakesOf(one).reduce((sum, times) => sum + times, 0);
  const counted: string[] = [];
  // A minute may have something to do that is not done in each, such as collecting garbage.
  while (counted.length < 4) {
    const [scheduler, idle] = [total(pid), total(runner)];
    await pause(MINUTE - ((Date.now() - AFTER) % MINUTE));
    const woken = [total(pid) - scheduler, total(runner) - idle].join(' and ');
    if (woken === '1 and 0') return;
    counted.push(woken);
  }
  assert.fail(`wake-ups of scheduler and runner, minute by minute: ${counted.join(', ')}`);
});
