/** cronctl mailq and flush with the real daemon. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isRoot, me, needsRoot, openSandbox, type Sandbox } from '../support/sandbox.ts';
import { call } from '../control/caller.ts';
import { until } from '../support/wait.ts';

/** Mails that nobody has taken, of these users. */
async function waiting(sandbox: Sandbox, users: readonly string[] = [me]): Promise<string[]> {
  sandbox.mailer({ say: 'no relay', end: 75 });
  for (const user of users) sandbox.tab('MAILTO="a@x b@y"\n@reboot echo hello\n', user);
  await sandbox.start();
  await until('they are kept', () => sandbox.outbox().length === users.length, {
    evidence: () => sandbox.evidence(),
  });
  return sandbox.outbox();
}

test('mailq tells what waits and why; flush sends it', async (t) => {
  const sandbox = openSandbox(t);
  const [id = ''] = await waiting(sandbox);
  const { stdout } = await sandbox.cronctl(['mailq']);
  const lines = stdout.split('\n');
  assert.match(lines[0] ?? '', /^ID +USER +SIZE +SINCE +TRIES +NEXT$/);
  assert.match(lines[1] ?? '', new RegExp(`^${id} +${me} +\\d+ +\\d+ s +1 +in \\d+ s$`));
  assert.deepEqual(lines.slice(2), [
    '    to a@x, b@y',
    '    the mailer ended with status 75: no relay',
    '',
  ]);
  const json = await sandbox.cronctl(['mailq', '--json']);
  const { since, next, size, ...told }: Record<string, unknown> = JSON.parse(json.stdout);
  assert.deepEqual(told, {
    id,
    state: 'waiting',
    user: me,
    recipients: ['a@x', 'b@y'],
    tries: 1,
    trying: null,
    reason: 'the mailer ended with status 75: no relay',
  });
  assert.equal(Date.parse(String(next)) - Date.parse(String(since)), 60_000);
  assert.ok(Number(size) > 100);
  assert.match((await sandbox.cronctl(['status'])).stdout, /\n1 mail waits: see "cronctl mailq"\n/);

  const none = await sandbox.cronctl(['flush', 'nothing\u001b', '../..']);
  assert.deepEqual(
    [none.status, none.stdout, none.stderr],
    [1, '', 'cronctl: no mail "nothing?" waits\ncronctl: no mail "../.." waits\n'],
  );
  assert.equal(sandbox.mails().length, 1);

  sandbox.mailer({});
  const { status, stdout: said } = await sandbox.cronctl(['flush', id]);
  assert.deepEqual([status, said], [0, '1 mail is tried now\n']);
  await until('it is delivered', () => sandbox.outbox().length === 0);
  assert.equal(sandbox.mails().length, 2);
  assert.equal((await sandbox.cronctl(['mailq'])).stdout, 'no mail waits\n');
  assert.equal((await sandbox.cronctl(['mailq', '--json'])).stdout, '');
  assert.equal((await sandbox.cronctl(['flush'])).stdout, 'no mail waits\n');
  assert.doesNotMatch((await sandbox.cronctl(['status'])).stdout, /mail/);
});

test('flush tries what was given up too', async (t) => {
  const settings = { 'mail.outbox': { first_pause: 0.1, keep: 0 } };
  const sandbox = openSandbox(t, settings);
  sandbox.configure({ ...settings, paths: { mailbox: sandbox.path('nowhere') } });
  sandbox.mailer({ end: 75 });
  sandbox.tab('@reboot echo hello\n');
  await sandbox.start();
  const [id = ''] = await until('it is given up', () => {
    const ids = sandbox.outbox('failed');
    return ids.length > 0 && ids;
  });
  assert.match((await sandbox.cronctl(['mailq'])).stdout, new RegExp(`^${id} .* given up$`, 'm'));
  sandbox.mailer({});
  assert.equal((await sandbox.cronctl(['flush'])).stdout, '1 mail is tried now\n');
  await until('it is delivered', () => sandbox.outbox('failed').length === 0);
  await sandbox.says(/was delivered at try 1/);
  assert.equal(sandbox.mails().at(-1)?.body, 'hello\n');
});

test('mailq and flush without a cron that runs say so', async (t) => {
  const sandbox = openSandbox(t);
  for (const command of ['mailq', 'flush']) {
    const { status, stderr } = await sandbox.cronctl([command]);
    assert.equal(status, 3);
    assert.match(stderr, /^cronctl: cron is not running: /);
  }
});

test('mailq and flush are about all mails for root, or those of one user', needsRoot, async (t) => {
  const sandbox = openSandbox(t);
  const ids = await waiting(sandbox, [me, 'daemon']);
  const bobs = ids.filter((id) => !id.startsWith('0-'));
  assert.equal(bobs.length, 1);
  const caller = await call(t, sandbox.path('run', 'cron.sock'));
  const told = async (fields: object): Promise<unknown> => {
    const { head } = await caller.ask('mailq', fields);
    return head.ok && [head.mails?.map(({ id }) => id).toSorted(), head.count];
  };
  assert.deepEqual(await told({}), [ids.toSorted(), 2]);
  assert.deepEqual(await told({ user: 'daemon' }), [bobs, 1]);
  const flushed = async (fields: object): Promise<unknown> => {
    const { head } = await caller.ask('flush', fields);
    return head.ok && [head.flushed, head.unknown];
  };
  // Another user's mail does not exist for who asks in the name of a user.
  assert.deepEqual(await flushed({ user: 'root', ids: bobs }), [0, bobs]);
  assert.deepEqual(await flushed({ user: 'daemon', ids: bobs }), [1, []]);
  assert.match(await caller.refused('flush', { ids: [1] }), /^garbled: "ids" must be an array/);
  assert.ok(isRoot);
});
