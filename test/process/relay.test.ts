/** Mail by the built-in delivery, with the real programs: it arrives, once, whatever becomes of the relay and of us. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { openRelay, type RelayOptions, type TestRelay } from '../support/relay.ts';
import { isAlive, isRoot, kill, me, openSandbox, type Sandbox } from '../support/sandbox.ts';
import { until } from '../support/wait.ts';

const LIMIT = 120_000;

interface Place {
  readonly sandbox: Sandbox;
  readonly relay: TestRelay;
  /** Wait until nothing waits in the outbox any more. */
  readonly emptied: (count?: number) => Promise<void>;
}

/** A configuration whose relay is this one; the user mailcron is not on every machine. */
function settings(port: number, mail: object = {}): Record<string, Record<string, unknown>> {
  return {
    mail: { mailcmd: `smtp://127.0.0.1:${port}`, ...mail },
    'mail.smtp': { run_as: isRoot ? 'nobody' : me, domain: 'example.com' },
    'mail.outbox': { first_pause: 0.2 },
  };
}

async function open(t: TestContext, options: RelayOptions = {}): Promise<Place> {
  const relay = await openRelay(t, options);
  const sandbox = openSandbox(t, settings(relay.port));
  return {
    sandbox,
    relay,
    async emptied(count = 1) {
      await until(
        'all is delivered',
        () =>
          sandbox.logged(/ was delivered at try /).length >= count && sandbox.outbox().length === 0,
        { limit: LIMIT, evidence: () => sandbox.evidence() },
      );
    },
  };
}

/** The body of a mail, as its reader sees it. */
function bodyOf(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  return text.slice(text.indexOf('\r\n\r\n') + 4);
}

/** Processes of a daemon's that bring mail to relays. */
function postmen(daemon: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const parent = / \w (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1];
        const words = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
        return Number(parent) === daemon && words.includes('/postman.js') && isAlive(pid);
      } catch {
        return false; // it has ended this moment
      }
    });
}

describe('the built-in delivery', { concurrency: 4 }, () => {
  test('brings a mail to the relay, with the right envelope and body', async (t) => {
    const { sandbox, relay, emptied } = await open(t);
    sandbox.tab(
      'MAILTO="alice,bob@x.example"\nMAILFROM=ops\n@reboot printf "one\\n.\\n..two\\n"\n',
    );
    const daemon = await sandbox.start();
    await emptied();
    const [mail, ...others] = relay.mails;
    assert.deepEqual(others, []);
    assert.equal(mail?.sender, 'ops@example.com');
    assert.deepEqual(mail.recipients, ['alice@example.com', 'bob@x.example']);
    assert.equal(bodyOf(mail.bytes), 'one\r\n.\r\n..two\r\n');
    assert.match(mail.bytes.toString('latin1'), /^From: ops@example\.com\r\n/m);
    assert.match(mail.bytes.toString('latin1'), /^Subject: Cron <.*> printf /m);
    daemon.kill('SIGTERM');
    assert.equal((await daemon.ended).status, 0);
    await sandbox.isTidy();
  });

  test('waits for a relay that is down, and brings the mail once', async (t) => {
    const former = await openRelay(t);
    await former.close();
    const sandbox = openSandbox(t, settings(former.port));
    sandbox.tab('@reboot echo hello\n');
    await sandbox.start();
    await sandbox.says(/was not delivered at try 2 \(.*connection refused/);
    const relay = await openRelay(t, { port: former.port });
    assert.match(
      (await sandbox.cronctl(['flush'])).stdout,
      /^(1 mail is tried now|no mail waits)$/m,
    );
    await until('it is delivered', () => sandbox.outbox().length === 0, { limit: LIMIT });
    assert.deepEqual(
      relay.mails.map(({ bytes }) => bodyOf(bytes)),
      ['hello\r\n'],
    );
  });

  test('tries again where the relay says 451, for that recipient alone', async (t) => {
    let asked = 0;
    const { sandbox, relay, emptied } = await open(t, {
      rcpt: (address) =>
        address === 'bob@example.com' && ++asked < 3 ? { code: 451, text: 'later' } : undefined,
    });
    sandbox.tab('MAILTO=alice,bob\n@reboot echo hello\n');
    await sandbox.start();
    await emptied();
    assert.deepEqual(
      relay.mails.map(({ recipients }) => recipients),
      [['alice@example.com'], ['bob@example.com']],
    );
    await sandbox.says(
      /was not delivered at try 1 \(127\.0\.0\.1:\d+ said to RCPT TO: 451 later\)/,
    );
  });

  test('tells the owner of one of three who is refused; the others have it once', async (t) => {
    const { sandbox, relay } = await open(t, {
      rcpt: (address) => (address.startsWith('eve') ? { code: 550, text: 'no eve' } : undefined),
    });
    sandbox.tab('MAILTO=alice,eve,bob\n@reboot echo hello\n');
    await sandbox.start();
    await sandbox.says(/is given up for eve: its owner was told in the mailbox/);
    await until('nothing waits', () => sandbox.outbox().length === 0);
    assert.deepEqual(
      relay.mails.map(({ recipients }) => recipients),
      [['alice@example.com', 'bob@example.com']],
    );
    const mbox = await sandbox.file(`mailbox/${me}`);
    assert.equal(mbox.match(/^From MAILER-DAEMON /gm)?.length, 1);
    assert.match(mbox, /\n {2}eve\n {4}127\.0\.0\.1:\d+ said to RCPT TO: 550 no eve\n/);
    assert.deepEqual(sandbox.outbox('failed'), []);
  });

  test('stands in for a MAILCMD that does not exist, and says so once', async (t) => {
    const { sandbox, relay, emptied } = await open(t);
    const { 'mail.smtp': smtp, ...others } = settings(0, { mailcmd: '/nowhere/sendmail' });
    const host = { ...smtp, host: '127.0.0.1', port: relay.port };
    sandbox.configure({ ...others, 'mail.smtp': host });
    sandbox.tab('@reboot echo one\n@reboot echo two\n');
    await sandbox.start();
    await emptied(2);
    assert.deepEqual(relay.mails.map(({ bytes }) => bodyOf(bytes)).toSorted(), [
      'one\r\n',
      'two\r\n',
    ]);
    assert.equal(sandbox.logged(/No MTA installed, using the relay/).length, 1);
  });

  test('loses nothing when the scheduler is killed; what comes twice is counted', async (t) => {
    const { sandbox, relay } = await open(t, { wait: () => pause(1000) });
    const names = Array.from({ length: 12 }, (_, at) => `mail ${at}.`);
    sandbox.tab(names.map((name) => `@reboot echo ${name}\n`).join(''));
    let daemon = await sandbox.start();
    const orphans: number[] = [];
    for (let round = 1; round <= 3; round++) {
      const before = relay.mails.length;
      await until('some are on their way', () => relay.mails.length > before, { limit: LIMIT });
      orphans.push(...postmen(daemon.pid));
      daemon.kill('SIGKILL');
      await daemon.ended;
      daemon = await sandbox.start();
    }
    await until('all are delivered', () => sandbox.outbox().length === 0, {
      limit: LIMIT,
      evidence: () => sandbox.evidence(),
    });
    const bodies = relay.mails.map(({ bytes }) => bodyOf(bytes).trim());
    assert.deepEqual(new Set(bodies), new Set(names));
    const counted = sandbox.logged(/may be sent twice/).length;
    assert.ok(counted > 0);
    const twice = bodies.length - names.length;
    assert.ok(twice <= counted, `${twice} came once more, and ${counted} were counted`);
    daemon.kill('SIGTERM');
    assert.equal((await daemon.ended).status, 0);
    assert.ok(orphans.length > 0);
    await until('their postmen have ended', () => !orphans.some((pid) => isAlive(pid)));
  });

  test('gets over a postman that is killed, and runs none as root', async (t) => {
    let isSlow = true;
    const { sandbox, relay, emptied } = await open(t, {
      wait: () => pause(isSlow ? 60_000 : 0, undefined, { ref: false }),
    });
    sandbox.tab('@reboot echo hello\n');
    const daemon = await sandbox.start();
    await until('it is on its way', () => relay.mails.length === 1, { limit: LIMIT });
    const [postman = 0, ...others] = postmen(daemon.pid);
    assert.deepEqual(others, []);
    const uid = /^Uid:\t(\d+)\t(\d+)\t/m.exec(readFileSync(`/proc/${postman}/status`, 'latin1'));
    assert.ok(!isRoot || (uid?.[1] !== '0' && uid?.[2] !== '0'));
    isSlow = false;
    kill(postman);
    await sandbox.says(/was not delivered at try 1 \(the postman was ended by SIGKILL\)/);
    await emptied();
    assert.equal(relay.mails.length, 2); // it had said nothing when its postman died
    assert.ok(isAlive(daemon.pid));
  });

  test('ends a delivery before it ends when it is told to', async (t) => {
    const { sandbox, relay } = await open(t, { wait: () => pause(1500) });
    sandbox.tab('@reboot echo hello\n');
    const first = await sandbox.start();
    await until('it is on its way', () => relay.mails.length === 1, { limit: LIMIT });
    first.kill('SIGTERM');
    assert.equal((await first.ended).status, 0);
    assert.match(sandbox.log(), / was delivered at try 1\)/);
    await sandbox.isTidy();
    const second = await sandbox.start();
    await sandbox.says(/Skipping @reboot/);
    second.kill('SIGTERM');
    assert.equal((await second.ended).status, 0);
    assert.equal(relay.mails.length, 1);
    assert.doesNotMatch(sandbox.log(), /may be sent twice/);
  });
});
