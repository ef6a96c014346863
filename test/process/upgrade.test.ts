/** The package's directory goes away under a running cron: what runs is seen to its end, and the next version takes over. */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { readJournal } from '../../src/run/journal.ts';
import { openRelay } from '../support/relay.ts';
import {
  isAlive,
  isRoot,
  me,
  openSandbox,
  type Sandbox,
  type Started,
} from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

const project = new URL('../../../', import.meta.url).pathname;
/** What is needed to build and test it alone, and is big. */
const DEVELOPMENT = /node_modules\/(@typescript|@ox[^/]*|@types|ox[^/]*|typescript)$/;

/** Make a copy of the package, as it is installed. */
function install(sandbox: Sandbox): string {
  const place = sandbox.path('package');
  for (const name of ['bin', 'dist/src', 'package.json', 'node_modules'])
    cpSync(realpathSync(join(project, name)), join(place, name), {
      recursive: true,
      filter: (source) => !DEVELOPMENT.test(source),
    });
  return place;
}

/** A job that prints, waits until a file is there, and prints again. */
function waiting(sandbox: Sandbox, go: string): string {
  const file = sandbox.path(go);
  return `@reboot echo one of ${go}; while ! test -e ${file}; do sleep 0.05; done; echo two of ${go}\n`;
}

interface Removed {
  readonly daemon: Started;
  readonly runner: { readonly pid: number; readonly started: number };
}

/** A cron from a copy of the package, which is removed when its job has begun to run. */
async function removed(sandbox: Sandbox, tab: string): Promise<Removed> {
  const from = install(sandbox);
  sandbox.tab(tab);
  const daemon = await sandbox.start([], { home: from });
  await sandbox.says(/ CMD /);
  const [runner] = sandbox.runners();
  assert.ok(runner);
  rmSync(from, { recursive: true });
  return { daemon, runner };
}

/** What the journals have of runs that are not done. */
function open(sandbox: Sandbox): number {
  const folder = sandbox.path('state', 'journal');
  const journals = readdirSync(folder).map((name) => readJournal(join(folder, name)));
  return journals.flatMap((journal) => journal.open).length;
}

describe('a package that is removed under its cron', { concurrency: 2 }, () => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const)
    test(`costs a running job nothing: ${signal} to the scheduler, and the mailer has the mail`, async (t) => {
      const sandbox = openSandbox(t);
      const { daemon, runner } = await removed(sandbox, waiting(sandbox, 'go'));
      daemon.kill(signal);
      await daemon.ended;
      writeFileSync(sandbox.path('go'), '');
      const [mail] = await sandbox.mailed();
      assert.equal(mail?.body, 'one of go\ntwo of go\n');
      assert.match(mail?.head ?? '', /^X-Cron-Status: exit 0$/m);
      await until('the runner has ended', () => !isAlive(runner.pid, runner.started));
      assert.equal(open(sandbox), 0, 'the journal says that all is done');
      assert.doesNotMatch(sandbox.log(), / ERROR /);
      // What it left is in order for the next version: nothing is told of twice.
      const next = await sandbox.start();
      next.kill('SIGTERM');
      await next.ended;
      assert.equal(sandbox.mails().length, 1);
    });

  test('keeps mail for a mailbox in the outbox, and the next version puts it there', async (t) => {
    const sandbox = openSandbox(t, {
      mail: { mailcmd: 'mailbox:' },
      'mail.outbox': { first_pause: 1 },
    });
    const { daemon, runner } = await removed(sandbox, waiting(sandbox, 'go'));
    daemon.kill('SIGTERM');
    await daemon.ended;
    writeFileSync(sandbox.path('go'), '');
    await until('the runner has ended', () => !isAlive(runner.pid, runner.started), {
      evidence: () => sandbox.evidence(),
    });
    assert.equal(open(sandbox), 0);
    assert.equal(sandbox.outbox().length, 1);
    assert.match(
      sandbox.log(),
      /MAIL \(not delivered \("\S+deposit\.js" is gone, with the version of cron that was running\), kept in /,
    );
    await sandbox.start();
    const mailbox = await sandbox.file(`mailbox/${me}`, '\n\n');
    assert.match(mailbox, /\none of go\ntwo of go\n\n$/);
    await until('the outbox is empty', () => sandbox.outbox().length === 0);
  });

  test('keeps mail for a relay in the outbox, and the next version brings it there', async (t) => {
    const relay = await openRelay(t);
    const sandbox = openSandbox(t, {
      mail: { mailcmd: `smtp://127.0.0.1:${relay.port}` },
      'mail.smtp': { run_as: isRoot ? 'nobody' : me, domain: 'example.com' },
      'mail.outbox': { first_pause: 0.2 },
    });
    const { daemon } = await removed(sandbox, waiting(sandbox, 'go'));
    writeFileSync(sandbox.path('go'), '');
    await sandbox.says(/postman\.js" is gone, with the version of cron that was running/);
    daemon.kill('SIGTERM');
    await daemon.ended;
    assert.equal(relay.mails.length, 0);
    await sandbox.start();
    await until('the outbox is empty', () => sandbox.outbox().length === 0, {
      evidence: () => sandbox.evidence(),
    });
    assert.equal(relay.mails.length, 1);
  });

  test('leaves a runner that the next version takes over, with jobs to watch and to end', async (t) => {
    const sandbox = openSandbox(t);
    const tab = waiting(sandbox, 'first') + waiting(sandbox, 'second');
    const { daemon, runner } = await removed(sandbox, tab);
    await until('both jobs run', () => sandbox.logged(/ CMD /).length === 2);
    daemon.kill('SIGTERM');
    await daemon.ended;
    await sandbox.start();
    const { stdout } = await sandbox.cronctl(['status', '--json']);
    const status: { running: { run: string; command: string }[] } = JSON.parse(stdout);
    assert.equal(status.running.length, 2);
    const runOf = (name: string): string =>
      status.running.find(({ command }) => command.includes(`one of ${name}`))?.run ?? '';
    const watching = sandbox.spawn('cronctl', ['log', '-f', runOf('second')], {
      environment: { CRON_CONFIG: sandbox.config },
    });
    assert.equal((await sandbox.cronctl(['kill', runOf('first')])).status, 0);
    await until('its reader has begun', () =>
      readdirSync(sandbox.root).some(
        (name) =>
          name.startsWith('stdout.') &&
          readFileSync(sandbox.path(name), 'utf8') === 'one of second\n',
      ),
    );
    writeFileSync(sandbox.path('second'), '');
    assert.equal((await watching.ended).stdout, 'one of second\ntwo of second\n');
    const mails = await sandbox.mailed(2);
    const ends = mails.map(({ head }) => /^X-Cron-Status: (.*)$/m.exec(head)?.[1] ?? '');
    assert.deepEqual(ends.toSorted(), ['exit 0', 'signal SIGTERM']);
    await until('the former runner has ended', () => !isAlive(runner.pid, runner.started));
  });

  test('does not keep a scheduler that lives from starting jobs, and from seeing changes', async (t) => {
    const sandbox = openSandbox(t);
    const { daemon } = await removed(sandbox, '@reboot echo before\n');
    await sandbox.mailed();
    sandbox.tab('@yearly echo after\n');
    assert.equal((await sandbox.cronctl(['reload'])).status, 0);
    const { status, stdout, stderr } = await sandbox.cronctl(['run', '1']);
    assert.deepEqual([status, stdout], [0, 'after\n'], stderr);
    const mails = await sandbox.mailed(2);
    assert.equal(mails[1]?.body, 'after\n');
    daemon.kill('SIGTERM');
    assert.equal((await daemon.ended).status, 0);
    await sandbox.isTidy();
  });
});
