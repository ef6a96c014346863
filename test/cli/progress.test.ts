/** Where a daemon goes on: by what is kept, and by when it began. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openProgress, type Progress } from '../../src/cli/progress.ts';
import type { Clock } from '../../src/system/clock.ts';

const MINUTE = 60_000;

/** Opens the progress of daemons that began at some time, in one directory; by now it is later. */
function opener(t: TestContext, now: number): (started: number) => Progress {
  const state = mkdtempSync(join(tmpdir(), 'progress-'));
  t.after(() => rmSync(state, { recursive: true }));
  const clock: Clock = { now: () => now, offset: () => 0, sleep: async () => {} };
  return (started) => openProgress(state, started, { clock, log: () => {}, leavesTrace: true });
}

test('a minute that begins while the daemon gets ready is one of its own', (t) => {
  const open = opener(t, 10 * MINUTE + 1);
  assert.deepEqual(open(10 * MINUTE - 1).from, { '': { fixed: 9, wild: 9 } });
});

test('the minute in which it begins is not', (t) => {
  const open = opener(t, 10 * MINUTE + 1);
  assert.deepEqual(open(10 * MINUTE).from, { '': { fixed: 10, wild: 10 } });
});

test('a daemon that comes after one that was stopped goes on where that was', (t) => {
  const open = opener(t, 11 * MINUTE + 1);
  open(10 * MINUTE).stop();
  assert.deepEqual(open(11 * MINUTE + 30_000).from, { '': { fixed: 10, wild: 10 } });
});
