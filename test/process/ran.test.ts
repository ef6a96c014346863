/** cronctl history and log with the real daemon. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunInfo } from '../../src/control/answers.ts';
import { me, openSandbox, type Sandbox } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

async function runsOf(sandbox: Sandbox, ...args: string[]): Promise<RunInfo[]> {
  const { status, stdout, stderr } = await sandbox.cronctl(['history', '--json', ...args]);
  assert.deepEqual([status, stderr], [0, '']);
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line): RunInfo => JSON.parse(line));
}

/** Wait until so many runs are over. */
function runsWhere(sandbox: Sandbox, count: number, ...args: string[]): Promise<RunInfo[]> {
  const look = async (): Promise<RunInfo[] | false> => {
    const runs = await runsOf(sandbox, ...args);
    return runs.length === count && runs;
  };
  return until(`${count} runs are over`, look, { evidence: () => sandbox.evidence() });
}

test('history tells what became of jobs, the latest last', async (t) => {
  const sandbox = openSandbox(t);
  const begun = new Date(Date.now() - 1000).toISOString();
  sandbox.tab(
    '@reboot echo hello\n@reboot sleep 0.2; exit 3\n@reboot kill -9 $$\nCRON_TIMEOUT=1s\n@reboot sleep 60\n',
  );
  await sandbox.start();
  const runs = await runsWhere(sandbox, 4);
  const of = (command: string): RunInfo => {
    const found = runs.find((run) => run.command.startsWith(command));
    assert.ok(found);
    return found;
  };
  const { run, started, ended, cpu, memory, ...hello } = of('echo');
  assert.deepEqual(hello, {
    user: me,
    command: 'echo hello',
    crontab: me,
    line: 1,
    scheduled: null,
    byHand: null,
    outcome: 'succeeded',
    exit: 0,
    signal: null,
    timedOut: false,
    bytes: 6,
    mail: 'mailer',
    mailLater: null,
    mailLaterAt: null,
  });
  assert.ok(started !== null && ended !== null && begun < started && started <= ended);
  assert.ok(cpu !== null && cpu >= 0 && cpu < 10, `${cpu}`);
  assert.ok(memory === null || memory > 100_000, `${memory}`);
  const { outcome, exit, signal } = of('kill');
  assert.deepEqual([outcome, exit, signal], ['failed', null, 'SIGKILL']);
  assert.equal(of('sleep 60').timedOut, true);
  const starts = runs.map((each) => each.started ?? '');
  assert.deepEqual(starts, starts.toSorted());

  const commands = async (...args: string[]): Promise<string[]> =>
    (await runsOf(sandbox, ...args)).map(({ command }) => command);
  assert.equal((await commands('--failed')).length, 3);
  assert.deepEqual(await commands('-n', '1'), [runs.at(-1)?.command]);
  assert.equal((await commands('--since', begun)).length, 4);
  assert.deepEqual(await commands('--since', new Date().toISOString()), []);
  assert.equal((await commands('--user', me)).length, 4);

  const table = await sandbox.cronctl(['history', '-n', '3']);
  assert.match(table.stdout, /^the latest 3: -n tells of more\nWHEN +TOOK +HOW +MAIL +USER +RUN /);
  const all = await sandbox.cronctl(['history']);
  assert.match(all.stdout, /^WHEN/);
  const line = `^\\w{3} [ \\d]\\d \\d\\d:\\d\\d +\\d\\.\\d s +ok +sent +${me} +${run} .* 6 B  echo hello$`;
  assert.match(all.stdout, new RegExp(line, 'm'));
  assert.match(all.stdout, / timed out .*sleep 60$/m);
});

test('history tells of more runs than go into one answer', async (t) => {
  const sandbox = openSandbox(t);
  sandbox.tab(Array.from({ length: 450 }, (_, n) => `@reboot : ${n}\n`).join(''));
  await sandbox.start();
  const runs = await runsWhere(sandbox, 450, '--since', '1h');
  assert.equal(new Set(runs.map(({ run }) => run)).size, 450);
  assert.equal((await runsOf(sandbox)).length, 20);
  assert.equal((await runsOf(sandbox, '-n', '333')).length, 333);
});

test('log shows the output of a run that is over, by the beginning of its name', async (t) => {
  const sandbox = openSandbox(t);
  sandbox.tab('@reboot echo hello; exit 3\n@reboot true\n@reboot kill -9 $$\n');
  await sandbox.start();
  const runs = await runsWhere(sandbox, 3);
  const of = (command: string): string =>
    runs.find((run) => run.command.startsWith(command))?.run ?? '';
  const log = async (name: string): Promise<unknown> => {
    const { status, stdout, stderr } = await sandbox.cronctl(['log', name]);
    return [status, stdout, stderr];
  };
  const ended = 'cronctl: the job ended with exit status 3\n';
  assert.deepEqual(await log(of('echo')), [0, 'hello\n', ended]);
  assert.deepEqual(await log(of('true')), [0, '', 'cronctl: it printed nothing\n']);
  assert.deepEqual(await log(of('kill')), [
    0,
    '',
    'cronctl: it printed nothing\ncronctl: the job was ended by SIGKILL\n',
  ]);
  assert.deepEqual(await log('nosuch'), [1, '', 'cronctl: there is no run "nosuch"\n']);
  const shared = of('echo').slice(0, 4);
  const { status, stderr } = await sandbox.cronctl(['log', shared]);
  assert.equal(status, 1);
  const told = `^cronctl: "${shared}" may be each of 3 runs\n( +\\S+ +${me} +\\S.*\n){3}$`;
  assert.match(stderr, new RegExp(told));
});

test('history needs a cron that is running, and has what ended under another one', async (t) => {
  const sandbox = openSandbox(t);
  sandbox.tab('@reboot true\n');
  const daemon = await sandbox.start();
  await runsWhere(sandbox, 1);
  daemon.kill('SIGTERM');
  await daemon.ended;
  const { status, stderr } = await sandbox.cronctl(['history']);
  assert.equal(status, 3);
  assert.match(stderr, /^cronctl: cron is not running: nobody listens at "/);
  await sandbox.start();
  await runsWhere(sandbox, 1);
});
