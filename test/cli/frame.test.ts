import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frame, type View } from '../../src/cli/frame.ts';
import { localTime } from '../../src/cli/lines.ts';
import type { Look } from '../../src/cli/look.ts';
import type { RunningInfo } from '../../src/control/answers.ts';

const now = Date.parse('2026-11-22T14:05:30Z');
const look: Look = { width: 60, isUnicode: false, hasColours: false };

function job(number: number): RunningInfo {
  return {
    run: `r${number}`,
    user: 'alice',
    command: `job ${number}`,
    pid: number,
    since: new Date(now - number * 60_000).toISOString(),
    bytes: 1000 - number,
  };
}

function viewOf(jobs: number, more: Partial<View> = {}): View {
  const running = Array.from({ length: jobs }, (_, at) => job(at + 1));
  return {
    status: {
      pid: 4711,
      started: '2026-11-22T12:00:00Z',
      version: '0.1.0',
      crontabs: 1,
      entries: 3,
      jobs,
      running,
      runners: 1,
    },
    problem: '',
    usage: new Map([
      ['r1', { cpu: 99.96, memory: 3 * 1024 * 1024 }],
      ['r2', { cpu: null, memory: null }],
    ]),
    order: 'age',
    above: 0,
    now,
    ...more,
  };
}

/** First line: the time is that of this host. */
const HEAD = `cron 0.1.0  pid 4711  up 2 h 5 min   ${localTime(now).slice(0, -6)}:30`;
const KEYS = 'q quit   s sort   up, down scroll   space look now';

test('frame() fills the screen, the keys in the last row', () => {
  const { lines } = frame(viewOf(0), 8, look);
  assert.deepEqual(lines, [
    HEAD,
    '1 crontab, 3 entries, 0 running jobs, 1 runner; sorted by...',
    '',
    'no job is running',
    '',
    '',
    '',
    KEYS.padEnd(60),
  ]);
});

test('frame() shows what jobs take, the oldest first', () => {
  const { lines } = frame(viewOf(3), 8, look);
  assert.deepEqual(lines.slice(3, 7), [
    'USER   PID  FOR     CPU%   MEMORY  OUTPUT  COMMAND',
    'alice    3  3 min      -        -   997 B  job 3',
    'alice    2  2 min      -        -   998 B  job 2',
    'alice    1  1 min  100.0  3.0 MiB   999 B  job 1',
  ]);
});

test('frame() sorts by what is asked for', () => {
  for (const order of ['cpu', 'memory', 'output'] as const) {
    const { lines } = frame(viewOf(3, { order }), 8, look);
    assert.match(lines[4] ?? '', /job 1$/);
    assert.match(lines[1] ?? '', /sorted by/);
  }
});

test('frame() scrolls through more jobs than there are rows, and not beyond', () => {
  const commands = (lines: readonly string[]): string[] =>
    lines.flatMap((line) => /job \d+$/.exec(line)?.[0] ?? []);
  const first = frame(viewOf(10), 10, look);
  assert.deepEqual(commands(first.lines), ['job 10', 'job 9', 'job 8', 'job 7']);
  assert.equal(first.lines[8], '1 to 4 of 10');
  const last = frame(viewOf(10, { above: 99 }), 10, look);
  assert.deepEqual([commands(last.lines).at(-1), last.above], ['job 1', 6]);
  assert.equal(last.lines[8], '7 to 10 of 10');
});

test('frame() leaves a quarter of the screen each to what comes and what ended', () => {
  const view = viewOf(30);
  const ended = Array.from({ length: 9 }, (_, at) => ({
    run: 'r',
    user: 'bob',
    command: 'done',
    at: '2026-11-22T14:00:00Z',
    seconds: 1,
    result: at === 1 ? ('unknown' as const) : ('succeeded' as const),
  }));
  const next = Array.from({ length: 9 }, () => ({
    at: '2026-11-22T14:06:00Z',
    user: 'bob',
    command: 'soon',
    file: '/x',
    line: 1,
  }));
  const status = { ...view.status, ended, next };
  const { lines } = frame({ ...view, status }, 20, { ...look, hasColours: true });
  assert.equal(lines.length, 20);
  assert.equal(lines.filter((line) => line.includes('soon')).length, 3);
  const ends = lines.filter((line) => line.includes('done'));
  assert.deepEqual(
    ends.map((line) => line.startsWith('\x1b[31m')),
    [false, true, false],
  );
  assert.equal(
    frame({ ...view, status }, 11, look).lines.filter((line) => line.includes('soon')).length,
    0,
  );
});

test('frame() says what is wrong, and fits wherever it is put', () => {
  const problem = 'cron is not running: nobody listens\x1b[2J';
  const view = viewOf(9, { problem });
  assert.equal(frame(view, 20, look).lines[2], 'cron is not running: nobody listens?[2J');
  for (const [width, rows] of [
    [1, 1],
    [3, 2],
    [10, 5],
    [200, 60],
  ] as const) {
    const { lines } = frame(view, rows, { ...look, width });
    assert.equal(lines.length, rows);
    assert.ok(
      lines.every((line) => line.length <= Math.max(width, 3)),
      `${width}`,
    );
  }
});
