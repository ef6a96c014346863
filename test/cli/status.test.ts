import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asText } from '../../src/cli/status.ts';
import type { StatusInfo } from '../../src/control/protocol.ts';

const now = Date.parse('2026-11-22T14:05:30Z');
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
  const [first = '', ...rest] = asText(idle, now).split('\n');
  assert.match(
    first,
    /^cron 0\.1\.0 is running with pid 4711 since Sun 2026-11-2\d \d\d:\d\d .{5} \(2 h 5 min\)$/,
  );
  assert.deepEqual(rest, ['1 crontab, 3 entries, 0 running jobs']);
});

test('asText() lists the jobs in columns, and nothing of theirs commands the terminal', () => {
  const running = [
    { run: 'r1', user: 'al', pid: 9, since: '2026-11-22T14:05:00Z', command: 'sleep 1\x1b[2J' },
    { run: 'run-22', user: 'robert', pid: 0 },
  ];
  assert.deepEqual(
    asText({ ...idle, jobs: 5, running }, now)
      .split('\n')
      .slice(1),
    [
      '1 crontab, 3 entries, 5 running jobs',
      '',
      'USER    PID  FOR   RUN     COMMAND',
      'al      9    30 s  r1      sleep 1?[2J',
      'robert             run-22',
      'and 3 more',
    ],
  );
});
