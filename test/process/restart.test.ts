/** A scheduler that dies or is stopped costs nothing: no output, no job, no start too many or too few. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { isAlive, kill, me, openSandbox, type Sandbox, type Started } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';
import { type Job, jobOf, KIND_NAMES, makeJob, starts } from './jobs.ts';

const MINUTE = 60_000;

/** Every job has started once, and its one mail has all that it printed. */
function wasNothingLost(sandbox: Sandbox, jobs: readonly Job[]): void {
  const names = jobs.map(({ name }) => name).toSorted();
  assert.deepEqual(starts(sandbox).toSorted(), names, 'each starts once');
  const mails = sandbox.mails();
  assert.deepEqual(mails.map(jobOf).toSorted(), names, 'of each there is one mail');
  for (const { name, output } of jobs)
    assert.ok(mails.find((mail) => jobOf(mail) === name)?.body === output, `${name} is whole`);
}

async function killed(daemon: Started): Promise<void> {
  daemon.kill('SIGKILL');
  await daemon.ended;
}

/** The moments to kill at, in turn. */
const MOMENTS: readonly ((sandbox: Sandbox, round: number) => Promise<unknown>)[] = [
  // While it starts, whatever it does then.
  () => pause(Math.random() * 900),
  // Between what is handed over, recorded and started.
  async (sandbox, round) => {
    await sandbox.says(nth(/Running @reboot jobs/, round));
    await pause(Math.random() * 12);
  },
  // While jobs print and mail is on its way.
  async (sandbox, round) => {
    await sandbox.says(nth(/Running @reboot jobs/, round));
    await pause(Math.random() * 700);
  },
];

/** A pattern that is found when it is there so often. Earlier rounds may not have come so far. */
function nth(pattern: RegExp, count: number): RegExp {
  return new RegExp(`(?:${pattern.source}[^]*){${count}}`);
}

/** Kill the scheduler at moments of each kind; all entries stay in the tab, so that none may start twice. */
async function killAgainAndAgain(sandbox: Sandbox, kills: number): Promise<void> {
  const jobs: Job[] = [];
  let reached = 0;
  for (let round = 0; round < kills; round++) {
    for (let count = 0; count < 3; count++) {
      const kind = KIND_NAMES[(round + count) % KIND_NAMES.length] ?? '';
      jobs.push(makeJob(sandbox, kind, `${kind}-${round}-${count}`));
    }
    sandbox.tab(jobs.map(({ line }) => line).join(''));
    rmSync(sandbox.path('crond.reboot'), { force: true });
    const daemon = sandbox.launch();
    await MOMENTS[round % MOMENTS.length]?.(sandbox, reached + 1);
    await killed(daemon);
    reached = sandbox.logged(/Running @reboot jobs/).length;
  }
  rmSync(sandbox.path('crond.reboot'), { force: true });
  const last = await sandbox.start();
  await sandbox.mailed(jobs.length, 60_000);
  last.kill('SIGTERM');
  await last.ended;
  await sandbox.isTidy();
  wasNothingLost(sandbox, jobs);
}

/** Sandboxes side by side, and how often each one's scheduler is killed: a hundred times together. */
const SANDBOXES = 10;
const KILLS = 10;

describe('a scheduler that is killed', { concurrency: 30 }, () => {
  // Five at a time: more would only wait for each other.
  const turns = Array.from({ length: 5 }, () => Promise.resolve());
  for (let number = 0; number < SANDBOXES; number++)
    test(`${KILLS} times at random moments costs nothing, ${number + 1} of ${SANDBOXES}`, async (t) => {
      const sandbox = openSandbox(t);
      const work = (turns[number % 5] ?? Promise.resolve()).then(() =>
        killAgainAndAgain(sandbox, KILLS),
      );
      turns[number % 5] = work.catch(() => {});
      await work;
    });

  for (const offset of [-30, 2, 5, 10, 20, 40, 100])
    test(`${offset} ms after the full minute costs no start and none comes twice`, async (t) => {
      const sandbox = openSandbox(t);
      const jobs = KIND_NAMES.map((kind) => makeJob(sandbox, kind, `minute-${kind}`, '* * * * *'));
      sandbox.tab(jobs.map(({ line }) => line).join(''));
      if (Date.now() % MINUTE > 50_000) await pause(MINUTE - (Date.now() % MINUTE));
      const daemon = await sandbox.start();
      const minute = Math.ceil(Date.now() / MINUTE) * MINUTE;
      await pause(minute + offset - Date.now() - 30);
      await until('it is time', () => Date.now() >= minute + offset);
      await killed(daemon);
      if (offset < 0) await pause(-offset);
      const next = await sandbox.start();
      await sandbox.mailed(jobs.length);
      next.kill('SIGTERM');
      await next.ended;
      await sandbox.isTidy();
      wasNothingLost(sandbox, jobs);
    });

  test('does not keep the next minute from its entries, nor those that were added since', async (t) => {
    const sandbox = openSandbox(t);
    if (Date.now() % MINUTE > 50_000) await pause(MINUTE - (Date.now() % MINUTE));
    sandbox.tab('* * * * * echo early\n');
    await sandbox.start();
    sandbox.tab('* * * * * echo early\n* * * * * date +\\%S.\\%N\n');
    const mails = await sandbox.mailed(2, 90_000);
    assert.ok(mails.some(({ body }) => body === 'early\n'));
    const second = Number(mails.find(({ body }) => /^\d/.test(body))?.body);
    assert.ok(second < 5, `it started at :${second}`);
  });

  test('leaves a runner that the next one waits for, with jobs that count', async (t) => {
    const sandbox = openSandbox(t);
    const go = sandbox.path('go');
    sandbox.tab(`@reboot echo one; while ! test -e ${go}; do sleep 0.05; done; echo two\n`);
    const daemon = await sandbox.start();
    await sandbox.says(/CMD/);
    await killed(daemon);
    const [former] = sandbox.runners();
    const next = await sandbox.start();
    assert.ok(former && isAlive(former.pid, former.started));
    writeFileSync(go, '');
    await until('the former runner has ended', () => !isAlive(former.pid, former.started));
    next.kill('SIGTERM');
    await next.ended;
    await sandbox.isTidy();
    assert.deepEqual(
      sandbox.mails().map(({ body }) => body),
      ['one\ntwo\n'],
    );
  });

  test('and its runner that hangs: the runner is ended, and what it knew is told', async (t) => {
    const sandbox = openSandbox(t);
    const [slow, short] = [
      makeJob(sandbox, 'endless', 'first'),
      makeJob(sandbox, 'short', 'second'),
    ];
    sandbox.tab(slow.line);
    const daemon = await sandbox.start();
    await sandbox.says(/CMD/);
    await pause(1500); // by then what it prints goes to a file at once
    const [hung] = sandbox.runners();
    assert.ok(hung);
    kill(hung.pid, 'SIGSTOP');
    await killed(daemon);
    sandbox.tab(slow.line + short.line);
    rmSync(sandbox.path('crond.reboot'));
    const next = await sandbox.start();
    assert.match(
      sandbox.log(),
      new RegExp(
        `ERROR \\(runner ${hung.pid} holds its journal and does not answer: it is ended\\)`,
      ),
    );
    assert.ok(!isAlive(hung.pid, hung.started));
    const mails = await sandbox.mailed(2);
    assert.deepEqual(mails.map(jobOf).toSorted(), ['first', 'second']);
    assert.deepEqual(starts(sandbox).toSorted(), ['first', 'second']);
    const lost = mails.find((mail) => jobOf(mail) === 'first')?.body ?? '';
    assert.match(lost, /^cron: the process that watched this job died; its outcome is unknown\.\n/);
    assert.match(lost, /\n\nfirst\.1\nfirst\.2\nfirst\.3\n(first\.\d+\n)*$/);
    next.kill('SIGTERM');
    await next.ended;
    await sandbox.isTidy();
  });
});

/** Keep what a scheduler would have kept that ran last so many minutes ago. */
function keep(sandbox: Sandbox, minutes: number, stopped: number | null): void {
  const wild = Math.floor(Date.now() / MINUTE) - minutes;
  const fixed = wild - new Date().getTimezoneOffset();
  const lasts = { '': { wild, fixed } };
  mkdirSync(sandbox.path('state'), { mode: 0o700 });
  const kept = {
    lasts,
    ran: lasts,
    stopped: stopped === null ? null : Date.now() - stopped * 1000,
  };
  writeFileSync(sandbox.path('state', 'last-minute'), JSON.stringify(kept), { mode: 0o600 });
}

/** The time fields of a minute that was so long ago, on every day. */
function ago(minutes: number): string {
  const then = new Date(Date.now() - minutes * MINUTE);
  return `${then.getMinutes()} ${then.getHours()} * * *`;
}

describe('a scheduler that starts', { concurrency: 4 }, () => {
  const cases: Record<
    string,
    { minutes: number; stopped: number | null; due: number; runs: boolean }
  > = {
    'after an upgrade makes up the minute that passed': {
      minutes: 1,
      stopped: 20,
      due: 0,
      runs: true,
    },
    'after a longer stop makes up nothing': { minutes: 2, stopped: 120, due: 1, runs: false },
    'after a crash makes up some minutes': { minutes: 3, stopped: null, due: 2, runs: true },
    'long after a crash makes up nothing': { minutes: 9, stopped: null, due: 2, runs: false },
  };
  for (const [name, { minutes, stopped, due, runs }] of Object.entries(cases))
    test(name, async (t) => {
      const sandbox = openSandbox(t);
      // Away from the full minute: what is due "now" must not become due a minute ago.
      if (Date.now() % MINUTE > 55_000) await pause(MINUTE - (Date.now() % MINUTE));
      keep(sandbox, minutes, stopped);
      sandbox.tab(
        `${ago(due)} echo fixed\n@reboot echo mark\n${ago(due).replace(/ \d+ /, ' * ')} echo wild\n`,
      );
      await sandbox.start();
      const expected = runs ? ['fixed\n', 'mark\n', 'wild\n'] : ['mark\n'];
      const mails = await sandbox.mailed(expected.length);
      await pause(100);
      assert.deepEqual(mails.map(({ body }) => body).toSorted(), expected);
      assert.equal(sandbox.mails().length, expected.length);
    });

  test('goes on from this minute when what was kept is none of its', async (t) => {
    for (const text of [
      '',
      '{',
      'null',
      '{"lasts":{}}',
      '{"lasts":{"":{"wild":"x"}}}',
      '\0'.repeat(50),
    ]) {
      const sandbox = openSandbox(t);
      mkdirSync(sandbox.path('state'), { mode: 0o700 });
      writeFileSync(sandbox.path('state', 'last-minute'), text);
      sandbox.tab('@reboot echo hello\n');
      const daemon = await sandbox.start();
      await sandbox.says(
        /\(CRON\) ERROR \(cannot use ".*\/last-minute": .*; going on from this minute\)/,
      );
      await sandbox.mailed();
      daemon.kill('SIGTERM');
      await daemon.ended;
    }
  });

  test('does not mind journals of others, of dead runners and of none', async (t) => {
    const sandbox = openSandbox(t);
    mkdirSync(sandbox.path('state', 'journal'), { recursive: true, mode: 0o700 });
    const write = (name: string, text: string): void =>
      writeFileSync(sandbox.path('state', 'journal', name), text, { mode: 0o600 });
    write('empty.journal', '');
    write('zeroes.journal', '\0'.repeat(4096));
    write('garbage.journal', 'garbage\n{"runner":\n');
    // A pid that is somebody else's by now: nobody is signalled for it.
    write('old.journal', `${JSON.stringify({ runner: 'old', pid: process.pid, started: 1 })}\n`);
    write('README', 'not a journal');
    sandbox.tab('@reboot echo hello\n');
    await sandbox.start();
    await sandbox.mailed();
    assert.doesNotMatch(sandbox.log(), new RegExp(`\\(${me}\\) LOST`));
  });
});
