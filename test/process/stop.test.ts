/** Jobs that are ended with cron: who asks for it, what becomes of them, and that nothing of them is lost. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, test } from 'node:test';
import { isAlive, kill, me, openSandbox, type Sandbox, type Started } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

/** A job that says when it is ready, and does that when it is asked to end. */
function trapping(sandbox: Sandbox, name: string, onTerm: string): string {
  return `@reboot trap '${onTerm}' TERM; echo begun; echo $$ > ${sandbox.path(name)}; while :; do sleep 0.1; done\n`;
}

/** End cron; its mails at that moment, without what shells say of the end of what they started. */
async function stopped(sandbox: Sandbox, daemon: Started): Promise<Record<string, string>> {
  daemon.kill('SIGTERM');
  const { status } = await daemon.ended;
  assert.equal(status, 0, sandbox.evidence());
  return Object.fromEntries(
    sandbox
      .mails()
      .map(({ head, body }) => [
        /^Subject: .*? (?:trap|echo) '?(\w*)/m.exec(head)?.[1],
        body.replaceAll(/^(?:Terminated|bash: .*)\n/gm, ''),
      ]),
  );
}

const TERM = 'cron: cron was stopped, and sent this job SIGTERM (--stop-jobs)\n';

describe('cron', { concurrency: 4 }, () => {
  test('--stop-jobs ends its jobs, mails what they print until then, and waits for it', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab(trapping(sandbox, 'job', 'sleep 0.5; echo bye; exit 3'));
    const daemon = await sandbox.start(['--stop-jobs']);
    await sandbox.file('job', '\n');
    const mails = await stopped(sandbox, daemon);
    assert.deepEqual(mails, { sleep: `${TERM}begun\nbye\n` });
    await sandbox.says(/\(CRON\) INFO \(ending 1 job: SIGTERM, and SIGKILL after 5 s\)/);
    await sandbox.says(new RegExp(`\\(${me}\\) STOP \\(trap `));
    await sandbox.isTidy();
  });

  test('ends jobs that do not mind SIGTERM, with all that they started', async (t) => {
    const sandbox = openSandbox(t, { jobs: { stop: 'end', stop_grace: 1 } });
    // A shell with job control gives its children groups of their own.
    const child = `bash -mc 'trap "" TERM; sleep 600 & echo \\$! > ${sandbox.path('child')}; wait'`;
    sandbox.tab(`@reboot trap '' TERM; echo begun; ${child}; sleep 600\n`);
    const daemon = await sandbox.start();
    const pid = Number(await sandbox.file('child', '\n'));
    const mails = await stopped(sandbox, daemon);
    assert.deepEqual(mails, { '': `${TERM}cron: and SIGKILL followed 1 s later\nbegun\n` });
    await until('the child has ended', () => !isAlive(pid));
    await sandbox.isTidy();
  });

  test('ends what an ended job has left, when its mail waits for that', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab(`@reboot echo begun; sleep 600 & echo $! > ${sandbox.path('child')}\n`);
    const daemon = await sandbox.start(['--stop-jobs=5', '-L', '3']);
    await sandbox.says(/ END /);
    const child = Number(await sandbox.file('child', '\n'));
    const mails = await stopped(sandbox, daemon);
    const left = 'cron: cron was stopped, and sent what this job had left running SIGTERM\n';
    assert.deepEqual(mails, { begun: `${left}begun\n` });
    await until('the child has ended', () => !isAlive(child));
    await sandbox.isTidy();
  });

  test('tells of jobs that wait and do not start any more', async (t) => {
    const sandbox = openSandbox(t, { jobs: { max_running_per_user: 1 } });
    const file = sandbox.path('started');
    sandbox.tab(
      `${trapping(sandbox, 'job', 'exit')}@reboot echo second; touch ${file}\n@reboot echo third; touch ${file}\n`,
    );
    const daemon = await sandbox.start(['--stop-jobs=5']);
    await sandbox.file('job', '\n');
    await sandbox.says(/this one waits: echo third/);
    const mails = await stopped(sandbox, daemon);
    const not = 'cron: this job was not started: cron was stopped\n';
    assert.deepEqual(mails, { exit: `${TERM}begun\n`, second: not, third: not });
    await sandbox.says(new RegExp(`\\(${me}\\) INFO \\(cron was stopped, job not started: echo t`));
    assert.equal(existsSync(file), false);
    await sandbox.isTidy();
  });

  test('ends the jobs of all runners, also of one that is told to end in the same moment', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab(trapping(sandbox, 'one', 'echo one; exit'));
    const first = await sandbox.start();
    await sandbox.file('one', '\n');
    await stopped(sandbox, first);
    assert.equal(sandbox.mails().length, 0, 'by default, jobs go on');
    const second = await sandbox.start(['--stop-jobs=5']);
    sandbox.tab('@yearly trap "echo two; exit" TERM; echo begun; while :; do sleep 0.1; done\n');
    const run = await sandbox.cronctl(['run', '--detach', '1']);
    assert.equal(run.status, 0, run.stderr);
    await until('both run', () => sandbox.logged(/ CMD /).length === 2);
    for (const { pid } of sandbox.runners()) kill(pid, 'SIGTERM');
    await stopped(sandbox, second);
    const bodies = sandbox.mails().map(({ body }) => body.split('\n').at(-2));
    assert.deepEqual(new Set(bodies), new Set(['one', 'two']), sandbox.evidence());
    await sandbox.isTidy();
  });

  test('waits no longer when it is told to end once more, and its runner goes on', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab(trapping(sandbox, 'job', ''));
    const daemon = await sandbox.start(['--stop-jobs=600']);
    const pid = Number(await sandbox.file('job', '\n'));
    daemon.kill('SIGTERM');
    await sandbox.says(/ STOP /);
    daemon.kill('SIGINT');
    assert.equal((await daemon.ended).status, 0);
    await sandbox.says(/ERROR \(not all jobs and mails are done/);
    assert.ok(isAlive(pid));
    kill(pid);
    const [mail] = await sandbox.mailed();
    assert.ok(mail?.body.startsWith(`${TERM}begun\n`), mail?.body);
    await sandbox.isTidy();
  });
});
