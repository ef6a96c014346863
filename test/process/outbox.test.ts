/** Mails that wait, with the real programs: they arrive when somebody takes them, whatever happens to the scheduler meanwhile. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { userNamed } from '../run/started.ts';
import { me, needsRoot, openSandbox, type Sandbox } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

const SOON = { 'mail.outbox': { first_pause: 0.2 } };

/** Wait until the history has it that the only mail has left the outbox so; the name of its run. */
async function settled(sandbox: Sandbox, how: string): Promise<string> {
  const { stdout } = await until('the history knows it', async () => {
    const told = await sandbox.cronctl(['history', '--json']);
    return told.stdout.includes(`"mail":"outbox","mailLater":"${how}","mailLaterAt":"`) && told;
  });
  return /"run":"([^"]+)"/.exec(stdout)?.[1] ?? '';
}

describe('the outbox', { concurrency: 4 }, () => {
  test('brings a mail as soon as the mailer takes it, and is empty then', async (t) => {
    const sandbox = openSandbox(t, SOON);
    sandbox.mailer({ end: 75 });
    sandbox.tab('MAILTO="a@x b@y"\n@reboot echo hello\n');
    const daemon = await sandbox.start();
    await sandbox.says(/was not delivered at try 2 \(the mailer ended with status 75\); next try /);
    const refused = sandbox.mails().length;
    sandbox.mailer({});
    const told = await sandbox.says(/\) MAIL \(\S+ was delivered at try \d+\)/);
    const mails = sandbox.mails();
    assert.ok(mails.length > refused);
    const [first, last] = [mails[0], mails.at(-1)];
    assert.ok(first !== undefined && last !== undefined && last.bytes.equals(first.bytes), told);
    assert.deepEqual(last.argv.slice(-2), ['a@x', 'b@y']);
    assert.deepEqual(last.environment, first.environment);
    assert.deepEqual([last.uid, last.groups], [first.uid, first.groups]);
    const run = await settled(sandbox, 'sent');
    const { stderr } = await sandbox.cronctl(['log', run]);
    assert.match(stderr, /^cronctl: its mail was sent later at \w{3} \d{4}-\d\d-\d\d \d\d:\d\d/m);
    daemon.kill('SIGTERM');
    assert.equal((await daemon.ended).status, 0);
    await sandbox.isTidy();
  });

  test('runs the mailer as the user whose mail it is', needsRoot, async (t) => {
    const sandbox = openSandbox(t, SOON);
    const nobody = await userNamed('nobody');
    sandbox.mailer({ end: 75 });
    sandbox.systemTab('@reboot nobody echo hello\n');
    await sandbox.start();
    await sandbox.says(/\(nobody\) MAIL \(\S+ was not delivered at try 2/);
    const ids = sandbox.mails().map(({ uid, groups }) => ({ uid, groups }));
    assert.ok(ids.length >= 2);
    for (const id of ids) assert.deepEqual(id, { uid: nobody.uid, groups: [...nobody.groups] });
  });

  test('has a mail after a restart, with nothing of the time before in memory', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.mailer({ end: 75 });
    sandbox.tab('@reboot echo hello\n');
    const first = await sandbox.start();
    await until('it is kept', () => sandbox.outbox().length === 1);
    first.kill('SIGTERM');
    await first.ended;
    sandbox.mailer({});
    sandbox.configure(SOON); // a minute is longer now than the longest pause: it is due
    const second = await sandbox.start();
    await until('it is delivered', () => sandbox.outbox().length === 0, { limit: 90_000 });
    assert.equal(sandbox.mails().at(-1)?.body, 'hello\n');
    second.kill('SIGTERM');
    await second.ended;
    await sandbox.isTidy();
  });

  test('gives a mail back to its owner in the end', async (t) => {
    const settings = { 'mail.outbox': { first_pause: 0.1, keep: 0 } };
    const sandbox = openSandbox(t, settings);
    sandbox.mailer({ say: 'relay access denied', end: 75 });
    sandbox.tab('MAILTO=ops@example.org\n@reboot echo what was to be told\n');
    await sandbox.start();
    await until(
      'the queue is empty',
      () => sandbox.outbox().length === 0 && sandbox.logged(/was told/).length > 0,
    );
    const mbox = await sandbox.file(`mailbox/${me}`);
    assert.match(mbox, /^From MAILER-DAEMON /);
    assert.match(mbox, /\nSubject: Undelivered mail: Cron <.*> echo what was to be told\n/);
    assert.match(
      mbox,
      /\n {2}ops@example\.org\n {4}the mailer ended with status 75: relay access denied\n/,
    );
    assert.match(mbox, /\nIt was tried 6 times\./);
    assert.match(mbox, /\nTo: ops@example\.org\n[^]*\n\nwhat was to be told\n/);
    assert.deepEqual(sandbox.outbox('failed'), []);
    await settled(sandbox, 'returned');
  });

  test('keeps no more of a user than it may, and tells him of the rest', async (t) => {
    const settings = { 'mail.outbox': { first_pause: 1, per_user: 3 } };
    const sandbox = openSandbox(t, settings);
    sandbox.mailer({ end: 75 });
    sandbox.tab('@reboot echo one\n'.repeat(8));
    await sandbox.start();
    const dropped = (): string[] => sandbox.logged(/and not kept: 3 mails wait already, 3 may/);
    await until('five are not kept', () => dropped().length === 5);
    sandbox.mailer({});
    // One that comes late is told of by a notice of its own, a minute later.
    const TOLD = /^Subject: Cron: (\d+) mails? of yours (?:was|were) not kept$/m;
    const told = (): number =>
      sandbox.mails().reduce((sum, { head }) => sum + Number(TOLD.exec(head)?.[1] ?? 0), 0);
    await until('he is told of all five', () => told() >= 5, {
      limit: 150_000,
      evidence: () => sandbox.evidence(),
    });
    assert.equal(told(), 5);
  });

  test('brings each of 100 mails, however often the scheduler is killed; what comes twice is counted', async (t) => {
    const sandbox = openSandbox(t, SOON);
    writeFileSync(sandbox.path('behaviour'), 'exit 75\n'); // and leaves no trace
    sandbox.tab(Array.from({ length: 100 }, (_, at) => `@reboot echo mail ${at}.\n`).join(''));
    let daemon = await sandbox.start();
    await until('all are kept', () => sandbox.outbox().length === 100, {
      limit: 120_000,
      evidence: () => sandbox.evidence(),
    });
    sandbox.mailer({ end: 'sleep 0.1; exit 0' });
    for (let round = 0; round < 5; round++) {
      await pause(200 + Math.random() * 600);
      daemon.kill('SIGKILL');
      await daemon.ended;
      daemon = await sandbox.start();
    }
    await until('the outbox is empty', () => sandbox.outbox().length === 0, {
      limit: 240_000,
      evidence: () => sandbox.evidence(),
    });
    await until('nobody writes any more', () => sandbox.outbox('old').length === 0);
    // A mailer whose scheduler was killed before it was fed has nothing to read.
    const bodies = sandbox
      .mails()
      .flatMap(({ body }) => (/^mail \d+\.\n$/.test(body) ? [body] : []));
    assert.equal(new Set(bodies).size, 100);
    const counted = sandbox.logged(/may be sent twice/).length;
    assert.ok(bodies.length - 100 <= counted, `${bodies.length} came, and ${counted} were counted`);
    daemon.kill('SIGTERM');
    await daemon.ended;
    await sandbox.isTidy();
  });
});
