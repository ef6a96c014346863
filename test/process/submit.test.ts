/** Messages of cron-sendmail, handed in to a cron that is running or brought on without one, with the real programs. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { type Arrived, openRelay, type RelayOptions, type TestRelay } from '../support/relay.ts';
import { userNamed } from '../run/started.ts';
import { isRoot, me, needsRoot, openSandbox, type Sandbox } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

const SENDMAIL = new URL('../../../bin/cron-sendmail', import.meta.url).pathname;
// The user mailcron is not on every machine.
const RUN_AS = isRoot ? 'nobody' : me;

interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Run cron-sendmail with the configuration of the sandbox, as whoever runs the test or as another user. */
async function sendmail(
  sandbox: Sandbox,
  args: readonly string[],
  input: string,
  uid?: number,
): Promise<Outcome> {
  const home = sandbox.path('home');
  mkdirSync(home, { recursive: true });
  const env = { PATH: '/usr/bin:/bin', CRON_CONFIG: sandbox.config, HOME: home };
  const as = uid === undefined ? {} : { uid, gid: uid }; // which only root may ask for
  const child = spawn(process.execPath, [SENDMAIL, ...args], { env, stdio: 'pipe', ...as });
  let [out, err] = ['', ''];
  child.stdout?.on('data', (piece: Buffer) => (out += piece.toString()));
  child.stderr?.on('data', (piece: Buffer) => (err += piece.toString()));
  child.stdin?.on('error', () => {}); // it may have enough
  child.stdin?.end(input);
  await once(child, 'close');
  return { status: child.exitCode ?? -1, out, err };
}

const taken: Outcome = { status: 0, out: '', err: '' };

const EMPTY = 'Mail queue is empty\n';
const QUEUE =
  /^Queue-ID +Size Arrived +User and recipients\n\d+-\S+ +\d+ \w{3} \w{3} [ \d]\d \d\d:\d\d \S+\n +\(.*\)\n +a@example\.org\n +b\nTotal requests: 1\n$/;

/** A sandbox whose mail goes to a relay, if it is not for MAILCMD. */
async function withRelay(
  t: TestContext,
  settings: {
    readonly mail?: object;
    readonly smtp?: object;
    readonly submit?: object;
    readonly pause?: number;
    readonly relay?: RelayOptions;
  } = {},
): Promise<{ sandbox: Sandbox; relay: TestRelay; arrived: (count: number) => Promise<Arrived[]> }> {
  const relay = await openRelay(t, settings.relay);
  const own = { host: '127.0.0.1', port: relay.port, run_as: RUN_AS, domain: 'example.com' };
  const smtp = { ...own, ...settings.smtp };
  const sandbox = openSandbox(t, {
    'mail.smtp': smtp,
    mail: { ...settings.mail },
    submit: { ...settings.submit },
    'mail.outbox': { first_pause: settings.pause ?? 0.2 },
  });
  const arrived = async (count: number): Promise<Arrived[]> => {
    await until('the mails have arrived', () => relay.mails.length >= count);
    return relay.mails;
  };
  return { sandbox, relay, arrived };
}

describe('cron-sendmail with a cron', { concurrency: 4 }, () => {
  test('sends by the relay, and not by MAILCMD', async (t) => {
    const { sandbox, arrived } = await withRelay(t);
    await sandbox.start();
    const message = `Subject: hi\nBcc: c@example.org\n\nGr\u00fc\u00dfe\n`;
    const args = ['-i', '-f', 'x@example.net', '-t', 'a@example.org', 'b'];
    assert.deepEqual(await sendmail(sandbox, args, message), taken);
    const [mail] = await arrived(1);
    assert.equal(mail?.sender, 'x@example.net');
    const recipients = ['a@example.org', 'b@example.com', 'c@example.org'];
    assert.deepEqual(mail?.recipients.toSorted(), recipients);
    const text = mail?.bytes.toString() ?? '';
    assert.match(text, /^Subject: hi\r\n[^]*\r\n\r\nGrüße\r\n$/m);
    assert.doesNotMatch(text, /Bcc/);
    await until('the outbox is empty', () => sandbox.outbox().length === 0);
    assert.deepEqual(sandbox.mails(), []);
    assert.match(
      sandbox.log(),
      /cron-sendmail\[\d+\]: \(\S+\) MAIL \(\S+ was handed in, \d+ bytes\)/,
    );
  });

  test('sends for whoever calls, by name', needsRoot, async (t) => {
    const { sandbox, arrived } = await withRelay(t);
    await sandbox.start();
    const { uid } = await userNamed('nobody');
    assert.deepEqual(await sendmail(sandbox, ['a@example.org'], 'hello\n', uid), taken);
    const [mail] = await arrived(1);
    assert.equal(mail?.sender, 'nobody@example.com');
    assert.match(sandbox.log(), new RegExp(`\\(nobody\\) MAIL \\(${uid}-\\S+ was handed in`));
  });

  test('does without cron for a uid that has no name', needsRoot, async (t) => {
    const { sandbox, relay } = await withRelay(t);
    await sandbox.start();
    assert.deepEqual(await sendmail(sandbox, ['a@example.org'], 'hello\n', 54_321), taken);
    assert.deepEqual(
      relay.mails.map(({ sender }) => sender),
      ['54321@example.com'],
    );
    assert.doesNotMatch(sandbox.log(), /handed in/);
  });

  test('takes a large message, and more recipients than a head has room for', async (t) => {
    const { sandbox, arrived } = await withRelay(t);
    await sandbox.start();
    const recipients = Array.from({ length: 900 }, (_, n) => `recipient-${n}@host.example.org`);
    const body = `${'x'.repeat(71)}\n`.repeat(150_000);
    assert.deepEqual(await sendmail(sandbox, ['-i', ...recipients], body), taken);
    const [mail] = await arrived(1);
    assert.deepEqual(mail?.recipients.toSorted(), recipients.toSorted());
    const bytes = mail?.bytes.toString().replaceAll('\r\n', '\n') ?? '';
    assert.ok(bytes.endsWith(`\n\n${body}`));
  });

  test('keeps what a relay does not take yet, also over a restart', async (t) => {
    const { sandbox, relay } = await withRelay(t);
    await relay.close();
    const first = await sandbox.start();
    assert.deepEqual(await sendmail(sandbox, ['a@example.org'], 'hello\n'), taken);
    await sandbox.says(/was not delivered at try 2 /);
    first.kill('SIGKILL');
    await first.ended;
    const again = await openRelay(t, { port: relay.port });
    await sandbox.start();
    await until('it has arrived', () => again.mails.length > 0, { limit: 90_000 });
    assert.match(again.mails[0]?.bytes.toString() ?? '', /\r\n\r\nhello\r\n$/);
  });

  test('as MAILCMD means the relay, and never itself', async (t) => {
    const { sandbox, arrived } = await withRelay(t, { submit: { to_mailcmd: true } });
    symlinkSync(SENDMAIL, sandbox.path('usr-sbin-sendmail'));
    const smtp = { host: '127.0.0.1', port: 0, run_as: RUN_AS, domain: 'example.com' };
    const port = Number(/^port = (\d+)$/m.exec(readFileSync(sandbox.config, 'utf8'))?.[1]);
    sandbox.configure({
      mail: { mailcmd: sandbox.path('usr-sbin-sendmail') },
      'mail.smtp': { ...smtp, port },
      submit: { to_mailcmd: true },
    });
    sandbox.tab('MAILTO=ops@example.org\n@reboot echo of a job\n');
    await sandbox.start();
    assert.deepEqual(await sendmail(sandbox, ['ops@example.org'], 'of a program\n'), taken);
    const mails = await arrived(2);
    const bodies = mails.map(({ bytes }) => bytes.toString().split('\r\n\r\n').at(-1));
    assert.deepEqual(new Set(bodies), new Set(['of a job\r\n', 'of a program\r\n']));
    const ofJob = mails.find(({ bytes }) => bytes.includes('of a job'))?.bytes.toString() ?? '';
    assert.doesNotMatch(ofJob, /X-Cron-Sendmail-Hop/); // it was not handed in
    await until('the outbox is empty', () => sandbox.outbox().length === 0);
    assert.equal(mails.length, 2);
  });

  test('gives what is handed in to MAILCMD if it is told to', async (t) => {
    const sandbox = openSandbox(t, { submit: { to_mailcmd: true } });
    await sandbox.start();
    assert.deepEqual(await sendmail(sandbox, ['a@example.org'], 'hello\n'), taken);
    await until('the mailer has it', () => sandbox.mails().length === 1);
    assert.deepEqual(sandbox.mails()[0]?.argv.slice(-1), ['a@example.org']);
  });

  test('knows no users but those of the machine, where there is no relay', async (t) => {
    const sandbox = openSandbox(t);
    await sandbox.start();
    const { status, err } = await sendmail(sandbox, [me, 'no-such-user'], 'hello\n');
    assert.equal(status, 67);
    assert.match(err, /^cron-sendmail: no-such-user: there is no such user on this machine\n/);
    await until('the other one has it', () => sandbox.outbox().length === 0);
    assert.match(await sandbox.file(`mailbox/${me}`), /\n\nhello\n/);
    assert.match(await sandbox.file('home/dead.letter'), /\n\nhello\n/);
  });

  test('-bp shows what waits, and -q has it tried', async (t) => {
    const { sandbox, relay } = await withRelay(t, { pause: 3600 });
    const without = await sendmail(sandbox, ['-bp'], '');
    assert.equal(without.status, 69);
    assert.match(without.err, /cron is not running: nobody listens at /);
    await relay.close();
    await sandbox.start();
    assert.deepEqual(await sendmail(sandbox, ['-bp'], ''), { ...taken, out: EMPTY });
    assert.deepEqual(await sendmail(sandbox, ['a@example.org', 'b'], 'hello\n'), taken);
    await sandbox.says(/was not delivered at try 1 /);
    const { status, out, err } = await sendmail(sandbox, ['-bp'], '');
    assert.deepEqual([status, err], [0, '']);
    assert.match(out, QUEUE);
    const again = await openRelay(t, { port: relay.port });
    assert.deepEqual(await sendmail(sandbox, ['-q'], ''), taken);
    await until('it has arrived', () => again.mails.length > 0);
    await until('the outbox is empty', () => sandbox.outbox().length === 0);
  });

  test('says that a user has no room left', async (t) => {
    const sandbox = openSandbox(t, {
      'mail.outbox': { per_user: 1, first_pause: 3600 },
      'mail.smtp': { host: '127.0.0.1', port: 1, run_as: RUN_AS },
    });
    await sandbox.start();
    assert.deepEqual(await sendmail(sandbox, ['a@example.org'], 'one\n'), taken);
    const { status, err } = await sendmail(sandbox, ['a@example.org'], 'two\n');
    assert.equal(status, 75);
    assert.match(
      err,
      /^cron-sendmail: cron does not take the message: 1 mails wait already, 1 may\n|kept in/,
    );
    assert.equal(sandbox.outbox().length, 1);
  });
});

const body = 'Subject: hi\n\nhello\n';

describe('cron-sendmail without a cron', { concurrency: 4 }, () => {
  test('brings a message to the relay itself, and not to MAILCMD', async (t) => {
    const { sandbox, relay } = await withRelay(t);
    const args = ['-v', '-f', 'x@example.net', '-t', 'a@example.org', me];
    const said = await sendmail(sandbox, args, `Bcc: c@example.org\n${body}`);
    const name = `127.0.0.1:${relay.port}`;
    const err = ['a@example.org', me, 'c@example.org'].map(
      (recipient) => `cron-sendmail: ${recipient}: taken by ${name}\n`,
    );
    assert.deepEqual(said, { ...taken, err: err.join('') });
    const [mail, ...others] = relay.mails;
    assert.deepEqual(others, []);
    assert.equal(mail?.sender, 'x@example.net');
    assert.deepEqual(mail.recipients, ['a@example.org', `${me}@example.com`, 'c@example.org']);
    assert.match(mail.bytes.toString(), /^Subject: hi\r\n[^]*\r\n\r\nhello\r\n$/m);
    assert.doesNotMatch(mail.bytes.toString(), /Bcc/);
    assert.deepEqual(sandbox.mails(), []);
  });

  test('brings it to a relay that is MAILCMD, whole', async (t) => {
    const { sandbox, relay } = await withRelay(t);
    sandbox.configure({
      mail: { mailcmd: `smtp://127.0.0.1:${relay.port}` },
      'mail.smtp': { run_as: RUN_AS },
    });
    const large = `${'x'.repeat(71)}\n`.repeat(50_000);
    assert.deepEqual(await sendmail(sandbox, ['-i', 'a@example.org'], large), taken);
    const bytes = relay.mails[0]?.bytes.toString().replaceAll('\r\n', '\n') ?? '';
    assert.ok(bytes.endsWith(`\n\n${large}`));
  });

  test('brings it to the relay for an ordinary user, as that user', needsRoot, async (t) => {
    const { sandbox, relay } = await withRelay(t, { smtp: { run_as: 'no-such-user' } });
    const { uid } = await userNamed('nobody');
    assert.deepEqual(await sendmail(sandbox, ['a@example.org'], body, uid), taken);
    assert.equal(relay.mails[0]?.sender, 'nobody@example.com');
  });

  test('does not speak to the network as root', needsRoot, async (t) => {
    const { sandbox, relay } = await withRelay(t, { smtp: { run_as: 'root' } });
    const { status, err } = await sendmail(sandbox, ['a@example.org'], body);
    assert.equal(status, 75);
    assert.match(err, /^cron-sendmail: a@example.org: the built-in delivery does not run as root/);
    assert.equal(relay.sessions(), 0);
  });

  test('ends with 75 when the relay is down', async (t) => {
    const { sandbox, relay } = await withRelay(t);
    await relay.close();
    const { status, err } = await sendmail(sandbox, ['a@example.org'], body);
    assert.equal(status, 75);
    assert.match(err, /^cron-sendmail: a@example.org: .*connection refused\n.*dead.letter\n$/);
    assert.match(await sandbox.file('home/dead.letter'), /\nSubject: hi\n\nhello\n\n$/);
    assert.deepEqual(sandbox.outbox(), []);
  });

  const refusals = { 550: 69, 451: 75 } as const;
  for (const [code, status] of Object.entries(refusals)) {
    test(`ends with ${status} when the relay says ${code} to one of two`, async (t) => {
      const rcpt: RelayOptions['rcpt'] = (address) =>
        address.startsWith('eve') ? { code: Number(code), text: 'no eve' } : undefined;
      const { sandbox, relay } = await withRelay(t, { relay: { rcpt } });
      const ended = await sendmail(sandbox, ['eve@example.org', 'a@example.org'], body);
      assert.equal(ended.status, status);
      assert.match(ended.err, /^cron-sendmail: eve@example.org: .* said to RCPT TO: \d+ no eve\n/);
      assert.deepEqual(
        relay.mails.map(({ recipients }) => recipients),
        [['a@example.org']],
      );
      assert.match(await sandbox.file('home/dead.letter'), /\n\nhello\n\n$/);
    });
  }

  test('leaves the relay alone where MAILCMD is "mailbox:"', async (t) => {
    const { sandbox, relay } = await withRelay(t, { mail: { mailcmd: 'mailbox:' } });
    assert.deepEqual(await sendmail(sandbox, [me], body), taken);
    assert.match(await sandbox.file(`mailbox/${me}`), /\n\nhello\n/);
    assert.equal(relay.sessions(), 0);
  });
});
