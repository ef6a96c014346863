/** cronctl status with the real daemon. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { StatusInfo } from '../../src/control/answers.ts';
import { kill, me, openSandbox, type Sandbox } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

async function statusOf(sandbox: Sandbox): Promise<StatusInfo> {
  const { status, stdout, stderr } = await sandbox.cronctl(['status', '--json']);
  assert.deepEqual([status, stderr], [0, '']);
  return JSON.parse(stdout);
}

/** Ask until it is so. */
function statusWhere(
  what: string,
  sandbox: Sandbox,
  isSo: (told: StatusInfo) => boolean,
): Promise<StatusInfo> {
  const look = async (): Promise<StatusInfo | false> => {
    const told = await statusOf(sandbox);
    return isSo(told) && told;
  };
  return until(what, look, { evidence: () => sandbox.evidence() });
}

const HOLD = 'until [ -e go ]; do sleep 0.1; done';

test('status tells what runs, what comes and what failed', async (t) => {
  const sandbox = openSandbox(t);
  const lines = [
    `HOME=${sandbox.root}`,
    '@reboot exit 3',
    '@reboot kill -9 $$',
    '@reboot true',
    `@reboot echo 12345678; ${HOLD}`,
    '59 23 31 12 * new year',
    '0 0 30 2 * never',
  ];
  sandbox.tab(`${lines.join('\n')}\n`);
  await sandbox.start();
  const told = await statusWhere(
    'one runs, three have ended',
    sandbox,
    ({ running, ended }) => running[0]?.bytes === 9 && ended?.length === 3,
  );
  const [job] = told.running;
  assert.deepEqual(
    [told.crontabs, told.entries, told.jobs, job?.user, job?.command],
    [1, 6, 1, me, `echo 12345678; ${HOLD}`],
  );
  const { next = [], failures = [], ended = [], runnerList = [] } = told;
  const { at = '', ...first } = next[0] ?? {};
  assert.deepEqual(
    [next.length, first],
    [1, { user: me, command: 'new year', file: sandbox.path('spool', me), line: 6 }],
  );
  assert.match(new Date(at).toString(), /Dec 31 \d{4} 23:59:00/);
  assert.deepEqual(
    failures
      .map(({ command, result, exit, signal }) => [command, result, exit, signal])
      .toSorted((a, b) => String(a).localeCompare(String(b))),
    [
      ['exit 3', 'failed', 3, null],
      ['kill -9 $$', 'failed', null, 'SIGKILL'],
    ],
  );
  assert.ok(ended.some(({ command, result }) => command === 'true' && result === 'succeeded'));
  const [runner] = sandbox.runners();
  assert.deepEqual(
    runnerList.map(({ pid, jobs, draining }) => [pid, jobs, draining]),
    [[runner?.pid, 1, false]],
  );

  const { stdout } = await sandbox.cronctl(['status']);
  assert.match(stdout, /^RUNNER +PID +JOBS\n\S+ +\d+ +1$/m);
  assert.match(stdout, new RegExp(`^${me} +\\d+ +\\d+ s +9 B +\\S+ +echo 12345678`, 'm'));
  assert.match(
    stdout,
    new RegExp(`^in .* Dec 31 +23:59|^in \\d+ d .* 23:59 +${me} +new year$`, 'm'),
  );
  assert.match(stdout, new RegExp(`^\\d+ s ago +exit 3 +\\d+ s +${me} +\\S+ +exit 3$`, 'm'));
});

test('status tells of a job that went on through a restart, and of one whose runner died', async (t) => {
  const sandbox = openSandbox(t);
  sandbox.tab(`HOME=${sandbox.root}\n@reboot ${HOLD}; exit 4\n@reboot exec sleep 600\n`);
  const first = await sandbox.start();
  await statusWhere('both run', sandbox, ({ running }) => running.every(({ pid }) => pid > 0));
  first.kill('SIGTERM');
  await first.ended;
  await sandbox.start();
  const taken = await statusOf(sandbox);
  assert.deepEqual(
    taken.runnerList?.map(({ jobs, draining }) => [jobs, draining]),
    [
      [2, true],
      [0, false],
    ],
  );
  writeFileSync(sandbox.path('go'), '');
  const ended = await statusWhere(
    'one has ended',
    sandbox,
    ({ failures }) => failures?.length === 1,
  );
  assert.deepEqual([ended.failures?.[0]?.exit, ended.jobs], [4, 1]);
  for (const { pid } of sandbox.runners().slice(0, 1)) kill(pid);
  const lost = await statusWhere('one is lost', sandbox, ({ failures }) => failures?.length === 2);
  assert.deepEqual(
    [lost.failures?.[0]?.command, lost.failures?.[0]?.result],
    ['exec sleep 600', 'unknown'],
  );
});

test('reload and flush tell as JSON what they did', async (t) => {
  const sandbox = openSandbox(t);
  await sandbox.start();
  sandbox.tab('@yearly a\n@yearly b\n');
  const { stdout } = await sandbox.cronctl(['reload', '--json']);
  assert.deepEqual(JSON.parse(stdout), { crontabs: 1, entries: 2 });
  const flushed = await sandbox.cronctl(['flush', '--json', 'none']);
  assert.deepEqual(
    [flushed.status, JSON.parse(flushed.stdout), flushed.stderr],
    [1, { flushed: 0, unknown: ['none'] }, ''],
  );
});
