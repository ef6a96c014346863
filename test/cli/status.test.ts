import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesText } from '../../src/cli/lines.ts';
import type { Look } from '../../src/cli/look.ts';
import { asText } from '../../src/cli/status.ts';
import type { EndedInfo, StatusInfo } from '../../src/control/answers.ts';

const now = Date.parse('2026-11-22T14:05:30Z');
const plain: Look = { width: 100, isUnicode: false, hasColours: false };
const idle: StatusInfo = {
  pid: 4711,
  started: '2026-11-22T12:00:00Z',
  version: '0.1.0',
  crontabs: 1,
  entries: 3,
  jobs: 0,
  running: [],
  runners: 1,
};

test('asText() tells of a cron that has nothing to do', () => {
  const [first = '', ...rest] = asText(idle, now, plain).split('\n');
  assert.match(
    first,
    /^cron 0\.1\.0 is running with pid 4711 since Sun 2026-11-2\d \d\d:\d\d .{5} \(2 h 5 min\)$/,
  );
  assert.deepEqual(rest, ['1 crontab, 3 entries, 0 running jobs']);
});

test('asText() lists the jobs in columns, and nothing of theirs commands the terminal', () => {
  const running = [
    { run: 'r1', user: 'al', pid: 9, since: '2026-11-22T14:05:00Z', command: 'sleep 1\x1b[2J' },
    { run: 'run-22', user: 'robert', pid: 0, bytes: 1536 },
  ];
  assert.deepEqual(
    asText({ ...idle, jobs: 5, running }, now, plain)
      .split('\n')
      .slice(1),
    [
      '1 crontab, 3 entries, 5 running jobs',
      '',
      'USER    PID  FOR    OUTPUT  RUN     COMMAND',
      'al        9  30 s           r1      sleep 1?[2J',
      'robert             1.5 KiB  run-22',
      'and 3 more',
    ],
  );
});

function failure(run: string, command: string, at: string, more: Partial<EndedInfo>): EndedInfo {
  return { run, user: 'bob', command, at, seconds: 0, result: 'failed', ...more };
}

const busy: StatusInfo = {
  ...idle,
  runnerList: [
    { id: 'old', pid: 12, jobs: 2, draining: true },
    { id: 'new-1', pid: null, jobs: 0, draining: false },
  ],
  next: Array.from({ length: 7 }, (_, index) => ({
    at: `2026-11-22T15:0${index}:00Z`,
    user: 'alice',
    command: `job\t${index} ${'long '.repeat(20)}`,
    file: '/x',
    line: index,
  })),
  failures: [
    failure('r7', 'false', '2026-11-22T14:00:00Z', { seconds: 3, exit: 1, signal: null }),
    failure('r6', 'hang', '2026-11-22T12:00:00Z', { seconds: 3600, exit: null, signal: 'SIGKILL' }),
    failure('r5', 'lost', '2026-11-22T11:00:00Z', { result: 'unknown' }),
  ],
  mails: { waiting: 1, failed: 2 },
};

test('asText() tells of runners, of what comes and of what failed, within the width', () => {
  const lines = asText(busy, now, plain).split('\n').slice(1);
  const clock = (at: string): string => {
    const date = new Date(at);
    const day = date.toLocaleDateString('en', { weekday: 'short' });
    return `${day} ${date.toTimeString().slice(0, 5)}`;
  };
  const next = (index: number): string =>
    `in ${54 + index} min  ${clock(`2026-11-22T15:0${index}:00Z`)}  alice  job ${index} ${'long '.repeat(20)}`;
  const cut = (line: string): string => `${line.slice(0, 97)}...`;
  assert.deepEqual(lines, [
    '1 crontab, 3 entries, 0 running jobs',
    '1 mail waits, 2 mails are given up: see "cronctl mailq"',
    '',
    'RUNNER  PID  JOBS',
    'old      12     2  ends after its last job',
    'new-1     ?     0',
    '',
    'NEXT       AT         USER   COMMAND',
    ...[0, 1, 2, 3, 4].map((index) => cut(next(index))),
    '',
    'FAILED         HOW      AFTER      USER  RUN  COMMAND',
    '5 min ago      exit 1   3 s        bob   r7   false',
    '2 h 5 min ago  SIGKILL  1 h 0 min  bob   r6   hang',
    '3 h 5 min ago  unknown  0 s        bob   r5   lost',
  ]);
});

test('asText() is in colours on a terminal that has them', () => {
  const text = asText(busy, now, { ...plain, hasColours: true });
  assert.ok(
    text.includes('\n\x1b[33m1 mail waits, 2 mails are given up: see "cronctl mailq"\x1b[0m\n'),
  );
  assert.ok(text.includes('\n\x1b[1mRUNNER  PID  JOBS\x1b[0m\n'));
});

test('bytesText() tells bytes in a unit that suits them', () => {
  const table: readonly (readonly [number, string])[] = [
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [10 * 1024 * 1024 - 1, '10.0 MiB'],
    [123 * 1024 * 1024, '123 MiB'],
    [1.5 * 1024 ** 3, '1.5 GiB'],
    [5000 * 1024 ** 4, '5000 TiB'],
  ];
  for (const [bytes, text] of table) assert.equal(bytesText(bytes), text);
});
