/** A runner that dies: another one is started, and what is known of its jobs is told; nothing else is lost. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { readJournal } from '../../src/run/journal.ts';
import {
  isAlive,
  kill,
  me,
  openSandbox,
  processesNaming,
  type Sandbox,
} from '../support/sandbox.ts';
import { until } from '../support/wait.ts';
import { type Job, jobOf, KIND_NAMES, makeJob, starts, told } from './jobs.ts';

/** A job that notes when it prints: what it had printed a second before its runner died must be in its mail. */
function ticking(sandbox: Sandbox, name: string): Job {
  const ticks = sandbox.path(`ticks-${name}`);
  const command = `i=0; while test $i -lt 20; do i=$((i + 1)); echo ${name}.$i; date +\\%s.\\%N >> ${ticks}; sleep 0.1; done`;
  const output = Array.from({ length: 20 }, (_, index) => `${name}.${index + 1}\n`).join('');
  const line = `@reboot echo ${name} >> ${sandbox.path('starts')}; ${command}\n`;
  return { name, line, output };
}

/** How many lines a job had printed at that time, in milliseconds since the epoch. */
function printed(sandbox: Sandbox, name: string, at: number): number {
  const file = sandbox.path(`ticks-${name}`);
  const ticks = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
  return ticks.filter((tick) => Number(tick) * 1000 < at).length;
}

/** When the runner may know of a second that it has lost; a machine under load is slow to read. */
const SECOND = 1500;

/** One death, and what became of each job of that round. */
async function die(sandbox: Sandbox, round: number): Promise<void> {
  const jobs = [
    ...KIND_NAMES.map((kind) => makeJob(sandbox, kind, `${kind}-${round}`)),
    ticking(sandbox, `ticking-${round}`),
  ];
  const before = sandbox.mails().length;
  sandbox.tab(jobs.map(({ line }) => line).join(''));
  rmSync(sandbox.path('crond.reboot'), { force: true });
  const daemon = await sandbox.start();
  const victim = sandbox.runners().at(-1);
  assert.ok(victim);
  await pause(Math.random() * 2600);
  kill(victim.pid);
  const death = Date.now();

  const isTold = (): boolean => {
    const names = new Set(sandbox.mails().slice(before).map(jobOf));
    return jobs.every(({ name }) => names.has(name));
  };
  await until('every job is told of', isTold, { evidence: () => sandbox.evidence() });
  await until('there is another runner', () =>
    sandbox.runners().some(({ pid }) => pid !== victim.pid),
  );
  // The dead one's mailer may have told of a job already: what was left must be in other hands too.
  const folder = sandbox.path('state', 'journal');
  await until('nothing is left in the journal of the dead', () =>
    readdirSync(folder)
      .map((name) => readJournal(`${folder}/${name}`))
      .every(({ pid, open }) => pid !== victim.pid || open.length === 0),
  );
  assert.ok(isAlive(daemon.pid));
  daemon.kill('SIGTERM');
  assert.equal((await daemon.ended).status, 0);
  await sandbox.isTidy();

  const log = sandbox.log();
  const counts = starts(sandbox);
  for (const { name, output } of jobs) {
    const mails = sandbox
      .mails()
      .filter((mail) => jobOf(mail) === name)
      .map(told);
    const [lost, whole] = [mails.filter((mail) => mail.lost), mails.filter((mail) => !mail.lost)];
    const count = counts.filter((start) => start === name).length;
    assert.ok(count <= 1, `${name} started ${count} times`);
    assert.ok(lost.length <= 1 && whole.length <= 1, `${name} is told of once`);
    assert.ok(mails.length === 1 || lost[0]?.again, `${name}: what comes twice is counted`);
    for (const mail of mails)
      assert.ok(output.startsWith(mail.output), `${name}: ${mail.output.slice(0, 99)}`);
    if (lost.length === 0) {
      assert.equal(count, 1);
      assert.ok(whole[0]?.output === output, `${name} is whole`);
    } else {
      assert.match(log, new RegExp(`\\(${me}\\) LOST \\(echo ${name} >> .*: its runner died; `));
      const lines = (lost[0]?.output ?? '').split('\n').length - 1;
      const known = printed(sandbox, name, death - SECOND);
      assert.ok(lines >= known, `${name}: ${lines} lines were kept of ${known}`);
    }
  }
}

const SANDBOXES = 5;
const DEATHS = 6;

describe('a runner that is killed', { concurrency: 12 }, () => {
  for (let number = 0; number < SANDBOXES; number++)
    test(`at random moments is replaced, and its jobs are told of, ${number + 1} of ${SANDBOXES}`, async (t) => {
      const sandbox = openSandbox(t);
      for (let round = 0; round < DEATHS; round++) await die(sandbox, round);
    });

  test('while it drains has its jobs told of by the next one', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab(makeJob(sandbox, 'endless', 'first').line);
    const daemon = await sandbox.start();
    await sandbox.says(/CMD/);
    await pause(1300);
    daemon.kill('SIGKILL');
    await daemon.ended;
    const [former] = sandbox.runners();
    assert.ok(former);
    await sandbox.start();
    kill(former.pid);
    const [mail] = await sandbox.mailed();
    assert.ok(mail);
    assert.match(
      mail.body,
      /^cron: the process that watched this job died; its outcome is unknown\./,
    );
    assert.match(told(mail).output, /^first\.1\nfirst\.2\nfirst\.3\n/);
    assert.doesNotMatch(
      sandbox.log(),
      /another one is started/,
      'it was none of this scheduler’s own',
    );
  });

  test('while a mailer has a mail has it sent once more, and that is counted', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.mailer({ end: 'sleep 5; exit 0' });
    sandbox.tab('@reboot echo hello; sleep 1.5\n'); // longer than output stays in memory
    await sandbox.start();
    await sandbox.mailed();
    const [runner] = sandbox.runners();
    assert.ok(runner);
    kill(runner.pid);
    const [, mail] = await sandbox.mailed(2);
    assert.match(
      mail?.body ?? '',
      /^cron: .* died; it succeeded\.\ncron: its mail was on its way just then, .*\n\nhello\n$/,
    );
    await sandbox.says(
      /LOST \(echo hello; .*: its runner died; .* kept; its mail may be sent twice\)/,
    );
  });

  test('takes no job of another runner with it', async (t) => {
    const sandbox = openSandbox(t);
    const job = makeJob(sandbox, 'slow', 'first');
    sandbox.tab(job.line);
    const daemon = await sandbox.start();
    await sandbox.says(/CMD/);
    daemon.kill('SIGKILL');
    await daemon.ended;
    await sandbox.start();
    const own = sandbox.runners().at(-1);
    assert.ok(own);
    kill(own.pid);
    await sandbox.says(/the runner is gone: another one is started/);
    const mails = await sandbox.mailed();
    assert.deepEqual(
      mails.map(({ body }) => body),
      [job.output],
    );
  });

  test('leaves jobs that end by themselves, at the latest when they print', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab(makeJob(sandbox, 'endless', 'first').line);
    await sandbox.start();
    await sandbox.says(/CMD/);
    const [runner] = sandbox.runners();
    assert.ok(runner);
    kill(runner.pid);
    await sandbox.mailed();
    const jobs = (): number[] =>
      processesNaming(sandbox.path('starts')).filter((pid) => isAlive(pid));
    await until('the job has ended', () => jobs().length === 0);
  });

  test('again and again does not keep cron from working', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab('@daily true\n');
    const daemon = await sandbox.start();
    const seen = new Set<number>();
    for (let round = 0; round < 5; round++) {
      const runner = await until('there is a new runner', () =>
        sandbox.runners().find(({ pid }) => !seen.has(pid)),
      );
      seen.add(runner.pid);
      kill(runner.pid);
    }
    await until('there is a new runner', () => sandbox.runners().find(({ pid }) => !seen.has(pid)));
    daemon.kill('SIGTERM');
    assert.equal((await daemon.ended).status, 0);
    await sandbox.isTidy();
  });

  test('cannot be replaced for now: cron tries again, says so, and leaves when it is told', async (t) => {
    const sandbox = openSandbox(t);
    const daemon = await sandbox.start();
    const [runner] = sandbox.runners();
    assert.ok(runner);
    // A file in the place of the sockets keeps root's runners from starting too.
    renameSync(sandbox.path('run'), sandbox.path('run.away'));
    writeFileSync(sandbox.path('run'), '');
    kill(runner.pid);
    await sandbox.says(/\(CRON\) ERROR \(cannot start a runner: .*; next try in 0\.2 s\)/);
    daemon.kill('SIGTERM');
    assert.equal((await daemon.ended).status, 0);
    rmSync(sandbox.path('run'));
    renameSync(sandbox.path('run.away'), sandbox.path('run'));
  });
});
