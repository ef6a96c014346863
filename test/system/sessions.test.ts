/** Signals to sessions: who is reached, and how often is looked who is there. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { setImmediate as later } from 'node:timers/promises';
import { isRunning } from '../../src/system/process.ts';
import { sessionSignals } from '../../src/system/session.ts';
import { until } from '../support/wait.ts';

/** A session with a process in a group of its own; the pids of both. */
async function session(t: TestContext): Promise<readonly [leader: number, stray: number]> {
  // With -m, what is put into the background gets a group.
  const leader = spawn('bash', ['-mc', 'sleep 1000 & echo $!; exec sleep 1000'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [said] = await once(leader.stdout, 'data');
  const pids = [leader.pid ?? 0, Number(String(said))] as const;
  t.after(() => pids.filter(isRunning).forEach((pid) => process.kill(pid, 'SIGKILL')));
  return pids;
}

test('signalSession() reaches groups of a session’s own, and looks once for all sessions', async (t) => {
  let looks = 0;
  const signal = sessionSignals(() => {
    looks++;
    return readdirSync('/proc');
  });
  const all = await Promise.all([session(t), session(t), session(t)]);
  const other = await session(t);
  for (const [leader] of all) assert.equal(signal(leader, 'SIGTERM'), true);
  for (let leader = 0; leader < 1000; leader++)
    assert.equal(signal(2 ** 30 + leader, 'SIGTERM'), false);
  assert.equal(looks, 1);
  await until('they have ended', () => !all.flat().some(isRunning));
  assert.ok(other.every(isRunning));
  await later();
  assert.equal(signal(other[0], 'SIGTERM'), true);
  assert.equal(looks, 2, 'later on, others are there');
  await until('they have ended', () => !other.some(isRunning));
});

test('signalSession() finds what a leader that has ended has left', async (t) => {
  const signal = sessionSignals();
  const [leader, stray] = await session(t);
  process.kill(leader, 'SIGKILL');
  await until('the leader has ended', () => !isRunning(leader));
  assert.ok(isRunning(stray));
  assert.equal(signal(leader, 'SIGTERM'), true);
  await until('it has ended', () => !isRunning(stray));
});
