/** Where a daemon goes on: by what is kept, and by when it began. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { readKept } from '../../src/cli/kept.ts';
import { openProgress, type Progress } from '../../src/cli/progress.ts';
import type { Clock } from '../../src/system/clock.ts';

const MINUTE = 60_000;
const clock: Clock = { now: () => 11 * MINUTE + 1, offset: () => 0, sleep: async () => {} };
const TOOLS = { clock, log: () => {}, leavesTrace: true };

/** Opens the progress of daemons that began at some time, in one directory; it is later by now. */
function opener(t: TestContext): (started: number) => Progress {
  const state = mkdtempSync(join(tmpdir(), 'progress-'));
  t.after(() => rmSync(state, { recursive: true }));
  return (started) => openProgress(state, started, TOOLS);
}

test('a minute that begins while the daemon gets ready is one of its own', (t) => {
  const open = opener(t);
  assert.deepEqual(open(10 * MINUTE - 1).from, { '': { fixed: 9, wild: 9 } });
});

test('the minute in which it begins is not', (t) => {
  const open = opener(t);
  assert.deepEqual(open(10 * MINUTE).from, { '': { fixed: 10, wild: 10 } });
});

test('only a minute in which something starts has its own file, which the disk has', (t) => {
  const state = mkdtempSync(join(tmpdir(), 'progress-'));
  t.after(() => rmSync(state, { recursive: true }));
  const file = join(state, 'last-minute');
  const { remember } = openProgress(state, 10 * MINUTE, TOOLS);
  const { ino } = statSync(file);
  const inode = (minute: number, isIdle: boolean): number => {
    const last = { fixed: minute, wild: minute };
    remember({ '': last }, isIdle);
    assert.deepEqual(readKept(file, () => {})?.lasts, { '': last });
    return statSync(file).ino;
  };
  assert.equal(inode(11, true), ino);
  assert.equal(inode(12, true), ino);
  assert.notEqual(inode(13, false), ino);
  assert.ok(inode(100, true) > 0); // its length is another one
});

test('a daemon that comes after one that was stopped goes on where that was', (t) => {
  const open = opener(t);
  open(10 * MINUTE).stop();
  assert.deepEqual(open(11 * MINUTE + 30_000).from, { '': { fixed: 10, wild: 10 } });
});
