/** A hand in running jobs: cronctl run, kill and log -f, with the real daemon. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { ask } from '../../src/control/client.ts';
import { isAlive, kill, me, openSandbox, type Sandbox, type Started } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

/** A job that prints, waits until a file is there, and prints again. */
function waiting(sandbox: Sandbox, name = 'go', when = '@yearly'): string {
  const go = sandbox.path(name);
  return `${when} echo one; while ! test -e ${go}; do sleep 0.05; done; echo two; exit 3\n`;
}

function begin(sandbox: Sandbox, args: readonly string[]): Started {
  return sandbox.spawn('cronctl', args, { environment: { CRON_CONFIG: sandbox.config } });
}

/** Wait for what a program that is running has printed; the how-manieth that the sandbox started. */
async function prints(sandbox: Sandbox, number: number, pattern: RegExp): Promise<string> {
  const read = (): string => readFileSync(sandbox.path(`stdout.${number}`), 'utf8');
  return until(`${pattern} is printed`, () => pattern.exec(read())?.[0], {
    evidence: () => `${read()}\n${sandbox.evidence()}`,
  });
}

/** The name of the only run, when its job is running. */
async function running(sandbox: Sandbox): Promise<{ run: string; pid: number }> {
  return until('a job is running', async () => {
    const { stdout } = await sandbox.cronctl(['status', '--json']);
    const status: { running: { run: string; pid: number }[] } = JSON.parse(stdout);
    return status.running.find(({ pid }) => pid > 0);
  });
}

describe('cronctl run', { concurrency: 4 }, () => {
  test('starts an entry as cron would, shows its output, and ends as it does', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab('A=b\n@yearly echo "A is $A"; cat; echo oops >&2; exit 7%input\n');
    await sandbox.start();
    const { status, stdout, stderr } = await sandbox.cronctl(['run', '2']);
    assert.deepEqual([status, stdout], [7, 'A is b\ninput\noops\n']);
    assert.match(stderr, new RegExp(`^cronctl: \\S+, as ${me}: echo "A is \\$A"; cat; .*\\n$`));
    const [mail] = await sandbox.mailed();
    assert.equal(mail?.body, stdout);
    assert.match(mail?.head ?? '', new RegExp(`^X-Cron-By-Hand: ${me}$`, 'm'));
    assert.match(mail?.head ?? '', /^X-Cron-Status: exit 7$/m);
    assert.deepEqual(sandbox.logged(/ CMD /), [
      `(${me}) CMD (echo "A is $A"; cat; echo oops >&2; exit 7)`,
    ]);
    assert.equal(sandbox.logged(/ RUN /).length, 1);
  });

  test('shows all that a job prints, however much and however fast it is over', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab(
      '@yearly true\n@yearly echo short\n@yearly seq 1 300000\n@yearly kill -9 $$\n@yearly no-such-program\n',
    );
    await sandbox.start();
    const numbers = Array.from({ length: 300_000 }, (_, index) => `${index + 1}\n`).join('');
    const expected = [
      [0, ''],
      [0, 'short\n'],
      [0, numbers],
      [137, ''],
    ] as const;
    for (const [index, [code, output]] of expected.entries()) {
      const { status, stdout } = await sandbox.cronctl(['run', `${index + 1}`]);
      assert.equal(status, code);
      assert.ok(stdout === output, `line ${index + 1}: ${stdout.length} bytes`);
    }
    const { status, stdout } = await sandbox.cronctl(['run', '5']);
    assert.equal(status, 127);
    assert.match(stdout, /not found/);
  });

  test('starts what the crontab says now, however lately it was changed', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab('@yearly echo before\n');
    await sandbox.start();
    const question = { request: 'run', entry: '1', detach: true };
    for (const command of ['true', ': one more', 'exit 0']) {
      sandbox.tab(`@yearly ${command}\n`);
      const answer = await ask(sandbox.path('run', 'cron.sock'), question);
      assert.equal(answer?.ok === true && answer['command'], command);
    }
  });

  test('--no-mail mails nothing, and --detach waits for nothing', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab('@yearly echo quiet\n@yearly echo loud\n');
    await sandbox.start();
    assert.equal((await sandbox.cronctl(['run', '--no-mail', 'quiet'])).stdout, 'quiet\n');
    const { stdout, status } = await sandbox.cronctl(['run', '--detach', '--json', 'loud']);
    assert.equal(status, 0);
    const told: { run: string; user: string; command: string } = JSON.parse(stdout);
    assert.deepEqual([told.user, told.command], [me, 'echo loud']);
    const mails = await sandbox.mailed();
    assert.deepEqual(
      mails.map(({ body }) => body),
      ['loud\n'],
    );
  });

  test('says which entries may be meant', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab('@yearly echo one\n@yearly echo two\n');
    await sandbox.start();
    const many = await sandbox.cronctl(['run', 'echo']);
    assert.deepEqual([many.status, many.stdout], [1, '']);
    assert.equal(
      many.stderr,
      `cronctl: "echo" may be each of 2 entries\n    ${me}:1  ${me}  echo one\n    ${me}:2  ${me}  echo two\n`,
    );
    const none = await sandbox.cronctl(['run', '17']);
    assert.deepEqual([none.status, none.stderr], [1, 'cronctl: no entry is called "17"\n']);
  });

  test('keeps to CRON_OVERLAP: one is refused, the other waits', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab(
      `CRON_OVERLAP=skip\n${waiting(sandbox, 'a')}CRON_OVERLAP=queue\n${waiting(sandbox, 'b')}`,
    );
    await sandbox.start();
    const held = begin(sandbox, ['run', '2']);
    await prints(sandbox, 2, /one\n/);
    const refused = await sandbox.cronctl(['run', '2']);
    assert.equal(refused.status, 75);
    assert.match(refused.stderr, /still running as \S+, and one instance at a time may\n$/);
    writeFileSync(sandbox.path('a'), '');
    assert.equal((await held.ended).status, 3);

    const first = begin(sandbox, ['run', '4']);
    await prints(sandbox, 4, /one\n/);
    const second = begin(sandbox, ['run', '4']);
    await until('it says that it waits', () => second.stderr().includes('it waits for others'));
    writeFileSync(sandbox.path('b'), '');
    for (const { ended } of [first, second])
      assert.deepEqual([(await ended).status, (await ended).stdout], [3, 'one\ntwo\n']);
  });

  test('goes on through a restart of cron, and ^C leaves the job running', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab(waiting(sandbox));
    const daemon = await sandbox.start();
    const shown = begin(sandbox, ['run', '1']);
    await prints(sandbox, 2, /one\n/);
    daemon.kill('SIGKILL');
    await daemon.ended;
    const next = await sandbox.start();
    const { pid } = await running(sandbox);
    const left = begin(sandbox, ['run', '1']);
    await until('it tells of the run', () => left.stderr().includes('cronctl: '));
    left.kill('SIGINT');
    assert.equal((await left.ended).status, 130);
    assert.match(left.stderr(), /the job goes on: "cronctl kill \S+" ends it/);
    assert.ok(isAlive(pid));
    writeFileSync(sandbox.path('go'), '');
    assert.deepEqual([(await shown.ended).status, (await shown.ended).stdout], [3, 'one\ntwo\n']);
    const mails = await sandbox.mailed(2);
    assert.deepEqual(
      mails.map(({ body }) => body),
      ['one\ntwo\n', 'one\ntwo\n'],
    );
    next.kill('SIGTERM');
    await next.ended;
    await sandbox.isTidy();
  });

  test('says that the outcome is unknown when the runner dies', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab(waiting(sandbox));
    await sandbox.start();
    const shown = begin(sandbox, ['run', '1']);
    await prints(sandbox, 2, /one\n/);
    const [runner] = sandbox.runners();
    assert.ok(runner);
    kill(runner.pid);
    const { status, stdout, stderr } = await shown.ended;
    assert.deepEqual([status, stdout], [1, 'one\n']);
    assert.match(stderr, /died: its outcome is unknown\n$/);
    const [mail] = await sandbox.mailed();
    assert.match(mail?.body ?? '', /its outcome is unknown[^]*\none\n$/);
    writeFileSync(sandbox.path('go'), '');
  });
});

describe('cronctl kill', { concurrency: 4 }, () => {
  test('ends a job with all that it started, and its mail says by whom', async (t) => {
    const sandbox = openSandbox(t);
    // A shell with job control gives its children groups of their own.
    sandbox.tab(
      `@reboot bash -mc 'sleep 600 & echo $! > ${sandbox.path('child')}; echo begun; wait'\n`,
    );
    await sandbox.start();
    const child = Number(await sandbox.file('child', '\n'));
    const { run, pid } = await running(sandbox);
    const { status, stdout } = await sandbox.cronctl(['kill', run.slice(0, -1)]);
    assert.equal(status, 0);
    assert.match(stdout, new RegExp(`^SIGTERM was sent to ${run} of ${me}; SIGKILL follows`));
    const [mail] = await sandbox.mailed();
    assert.match(mail?.head ?? '', /^X-Cron-Status: signal SIGTERM$/m);
    assert.ok(mail?.body.startsWith(`cron: ${me} sent this job SIGTERM (cronctl kill)\n`));
    assert.match(mail?.body ?? '', /\nbegun\n$/);
    await until('both have ended', () => !isAlive(pid) && !isAlive(child));
    await sandbox.says(new RegExp(`\\(${me}\\) KILL \\(SIGTERM to ${run} of ${me}: bash`));
    const again = await sandbox.cronctl(['kill', run]);
    assert.deepEqual([again.status, again.stderr], [1, `cronctl: no job "${run}" is running\n`]);
  });

  test('makes a job end that does not mind SIGTERM', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab("@reboot trap 'echo no' TERM; echo begun; while :; do sleep 0.1; done\n");
    await sandbox.start();
    const { run } = await running(sandbox);
    await sandbox.cronctl(['kill', run]);
    const [mail] = await sandbox.mailed();
    assert.match(mail?.head ?? '', /^X-Cron-Status: signal SIGKILL$/m);
    assert.match(
      mail?.body ?? '',
      /SIGTERM \(cronctl kill\)\ncron: and SIGKILL followed 10 s later\n/,
    );
  });

  test('--now and --signal send what they say, and nothing else', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab("@reboot trap 'echo usr1' USR1; while :; do sleep 0.1; done\n");
    await sandbox.start();
    const { run, pid } = await running(sandbox);
    const sent = await sandbox.cronctl(['kill', '--json', '-s', 'usr1', run]);
    const { signal, grace }: { signal: string; grace: null } = JSON.parse(sent.stdout);
    assert.deepEqual([signal, grace], ['SIGUSR1', null]);
    await until('it has noticed', async () =>
      (await sandbox.cronctl(['log', run])).stdout.includes('usr1\n'),
    );
    assert.ok(isAlive(pid));
    assert.equal((await sandbox.cronctl(['kill', '--now', run])).status, 0);
    const [mail] = await sandbox.mailed();
    assert.match(mail?.head ?? '', /^X-Cron-Status: signal SIGKILL$/m);
  });

  test('reaches a job of a runner that drains, and what it says outlives that runner', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab("@reboot trap '' TERM; echo begun; while :; do sleep 0.1; done\n");
    const daemon = await sandbox.start();
    const { run } = await running(sandbox);
    daemon.kill('SIGTERM');
    await daemon.ended;
    await sandbox.start();
    assert.equal((await sandbox.cronctl(['kill', run])).status, 0);
    const [runner] = sandbox.runners();
    assert.ok(runner);
    kill(runner.pid);
    const [mail] = await sandbox.mailed();
    assert.match(mail?.body ?? '', new RegExp(`^cron: ${me} had sent it a signal`, 'm'));
  });
});

test('cronctl log -f shows a running job to its end, to several at once', async (t) => {
  const sandbox = openSandbox(t);
  sandbox.tab(waiting(sandbox, 'go', '@reboot'));
  await sandbox.start();
  const { run } = await running(sandbox);
  const count = 4;
  const before = await sandbox.cronctl(['log', run]);
  assert.deepEqual([before.status, before.stdout], [0, 'one\n']);
  const readers = Array.from({ length: count }, () => begin(sandbox, ['log', '-f', run]));
  for (let number = 0; number < count; number++)
    await prints(sandbox, readers.length + number, /one\n/);
  writeFileSync(sandbox.path('go'), '');
  for (const { ended } of readers) {
    const { status, stdout, stderr } = await ended;
    assert.deepEqual([status, stdout], [0, 'one\ntwo\n'], stderr);
    assert.match(stderr, /the job ended with exit status 3\n$/);
  }
  const [mail] = await sandbox.mailed();
  assert.equal(mail?.body, 'one\ntwo\n');
});

describe('a job that is watched', { concurrency: 2 }, () => {
  test('and prints more than is kept: its reader has all, or is told what it has not', async (t) => {
    const sandbox = openSandbox(t, { jobs: { max_output: 1_000_000 } });
    const size = 30_000_000;
    sandbox.tab(`@yearly echo first; yes 0123456789abcde | head -c ${size}; echo last\n`);
    await sandbox.start();
    const { status, stdout } = await sandbox.cronctl(['run', '1']);
    assert.equal(status, 0);
    // A reader that is slower than the job finds a gap; what it is told is missing and what it has make up the whole.
    const gap = /\n?cron: (\d+) bytes (?:are left out here|of this output are not shown)\n/g;
    const missing = [...stdout.matchAll(gap)].reduce((sum, [, count]) => sum + Number(count), 0);
    assert.equal(stdout.replaceAll(gap, '').length + missing, size + 'first\nlast\n'.length);
    assert.ok(stdout.startsWith('first\n0123456789abcde\n'));
    const [mail] = await sandbox.mailed();
    assert.match(
      mail?.body ?? '',
      /^cron: of the 30000011 bytes of this output \d+ in the middle /,
    );
    assert.match(mail?.body ?? '', /0123456789abcde\nlast\n$/);
  });

  test('and has no room for its output on the disk: it runs, and its reader and its owner are told', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab('@yearly seq 1 50000; exit 4\n');
    await sandbox.start();
    // As with a full disk, no file can be made.
    rmSync(sandbox.path('state', 'output'), { recursive: true });
    const { status, stdout, stderr } = await sandbox.cronctl(['run', '1']);
    assert.equal(status, 4, stderr);
    assert.match(stdout, /^cron: \d+ bytes of this output are not shown$/m);
    const [mail] = await sandbox.mailed();
    assert.match(mail?.head ?? '', /^X-Cron-Status: exit 4$/m);
    assert.match(
      mail?.body ?? '',
      /^cron: \d+ bytes of this output could not be kept: no such file or directory\n/m,
    );
  });
});
