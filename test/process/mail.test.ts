/** From a job to a mail, with the real programs: whatever the mailer does, what was printed is somewhere, whole. */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import {
  type Behaviour,
  isAlive,
  kill,
  me,
  openSandbox,
  type Sandbox,
} from '../support/sandbox.ts';
import { until } from '../support/wait.ts';
import { decodedBody } from '../mail/mail.ts';

/** The bodies of what lies in the outbox. */
function kept(sandbox: Sandbox): string[] {
  return sandbox.outbox().map((run) => {
    const message = readFileSync(
      sandbox.path('state', 'outbox', 'queue', run, 'message.eml'),
      'latin1',
    );
    return message.slice(message.indexOf('\n\n') + 2);
  });
}

const noise = (size: number): string => `yes 0123456789abcde | head -c ${size}`;
const noisy = (size: number): string =>
  '0123456789abcde\n'.repeat(Math.ceil(size / 16)).slice(0, size);

function blocksOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.blocks ?? 0;
}

describe('a mail', { concurrency: 5 }, () => {
  const failing: Record<string, { behaviour: Behaviour; status: string; reason: string }> = {
    'fails for now': { behaviour: { end: 75 }, status: '0x004b', reason: 'ended with status 75' },
    'is killed': {
      behaviour: { end: 'kill -KILL $$' },
      status: '0xffffffff',
      reason: 'was ended by SIGKILL',
    },
    hangs: {
      behaviour: { end: 'exec sleep 600' },
      status: '0xffffffff',
      reason: 'did not end within 1 s',
    },
    'does not read': {
      behaviour: { read: 0 },
      status: '0x0000',
      reason: 'did not read the message',
    },
  };
  for (const [what, { behaviour, status, reason }] of Object.entries(failing))
    test(`whose mailer ${what} is kept whole, small or large`, async (t) => {
      const sandbox = openSandbox(t, { mail: { timeout: 1 } });
      sandbox.mailer(behaviour);
      sandbox.tab(`@reboot echo small\n@reboot ${noise(5_000_000)}\n@reboot true\n`);
      const daemon = await sandbox.start();
      await until('both are kept', () => sandbox.outbox().length === 2, {
        evidence: () => sandbox.evidence(),
      });
      const [large, small] = kept(sandbox).toSorted((a, b) => b.length - a.length);
      assert.equal(small, 'small\n');
      assert.ok(large === noisy(5_000_000));
      for (const size of [6, 5_000_000])
        await sandbox.says(
          new RegExp(
            `\\(${me}\\) MAIL \\(mailed ${size} bytes of output but got status ${status} from MTA\\)`,
          ),
        );
      await sandbox.says(new RegExp(`not delivered \\(the mailer ${reason}\\), kept in `));
      daemon.kill('SIGTERM');
      assert.equal((await daemon.ended).status, 0);
      await until('the runner has ended', () => sandbox.runners().length === 0);
    });

  test('that no mailer is there for goes to the mailbox, and a mailer that comes is used', async (t) => {
    const sandbox = openSandbox(t);
    renameSync(sandbox.path('sendmail'), sandbox.path('sendmail.away'));
    const go = sandbox.path('go');
    sandbox.tab(`@reboot echo one\n@reboot while ! test -e ${go}; do sleep 0.02; done; echo two\n`);
    await sandbox.start();
    assert.match(await sandbox.file(`mailbox/${me}`, 'one\n\n'), /^From /);
    await sandbox.says(/\(CRON\) info \(No MTA installed, using mailboxes\)/);
    renameSync(sandbox.path('sendmail.away'), sandbox.path('sendmail'));
    writeFileSync(go, '');
    const [mail] = await sandbox.mailed();
    assert.equal(mail?.body, 'two\n');
    assert.deepEqual(sandbox.outbox(), []);
  });

  test('that neither a mailer is there for nor a mailbox is kept', async (t) => {
    const sandbox = openSandbox(t, { mail: { mailcmd: '/nowhere/sendmail' } });
    mkdirSync(sandbox.path('mailbox', me));
    sandbox.tab('@reboot echo one\n');
    await sandbox.start();
    await until('it is kept', () => sandbox.outbox().length === 1, {
      evidence: () => sandbox.evidence(),
    });
    assert.deepEqual(kept(sandbox), ['one\n']);
    await sandbox.says(/not delivered \(cannot write to the mailbox ".*": ".*" is a directory\)/);
  });

  test('that is on its way when the scheduler is killed comes whole', async (t) => {
    const sandbox = openSandbox(t);
    const go = sandbox.path('go');
    sandbox.mailer({
      read: 0,
      end: `echo waits > ${sandbox.path('waits')}; while ! test -e ${go}; do sleep 0.02; done; cat > "$d/stdin"`,
    });
    sandbox.tab(`@reboot ${noise(1_000_000)}\n`);
    const daemon = await sandbox.start();
    await sandbox.file('waits');
    daemon.kill('SIGKILL');
    await daemon.ended;
    const next = await sandbox.start();
    writeFileSync(go, '');
    await until('the mail is there', () => sandbox.mails()[0]?.body === noisy(1_000_000));
    next.kill('SIGTERM');
    await next.ended;
    await sandbox.isTidy();
    assert.equal(sandbox.mails().length, 1);
  });

  for (const size of [1_000_000, 6_000_000])
    test(`of ${size} bytes that is on its way when the runner is killed is not cut`, async (t) => {
      const sandbox = openSandbox(t);
      const go = sandbox.path('go');
      sandbox.mailer({
        read: 0,
        end: `echo waits > ${sandbox.path('waits')}; while ! test -e ${go}; do sleep 0.02; done; cat > "$d/stdin"; : > "$d/whole"`,
      });
      sandbox.tab(`@reboot ${noise(size)}\n`);
      await sandbox.start();
      await sandbox.file('waits');
      for (const { pid } of sandbox.runners()) kill(pid);
      writeFileSync(go, '');
      const whole = (): boolean =>
        readdirSync(sandbox.path('mails')).some((run) =>
          existsSync(sandbox.path('mails', run, 'whole')),
        );
      await until('the mailer has ended', whole);
      assert.ok(sandbox.mails()[0]?.body === noisy(size));
    });

  test('that nobody takes and that cannot be kept is mailed by the next cron', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.mailer({ end: 75 });
    sandbox.tab(`@reboot sleep 0.5; echo short\n@reboot sleep 0.5; ${noise(100_000)}\n`);
    const first = await sandbox.start();
    rmSync(sandbox.path('state', 'outbox'), { recursive: true });
    writeFileSync(sandbox.path('state', 'outbox'), 'in the way');
    await sandbox.says(/(not delivered \(.*\), and not kept either: [^]*){2}/);
    first.kill('SIGTERM');
    await first.ended;
    await until('the runner has ended', () => sandbox.runners().length === 0);
    rmSync(sandbox.path('state', 'outbox'));
    sandbox.mailer({});
    const second = await sandbox.start();
    const mails = await sandbox.mailed(4); // with those that the mailer has refused
    const bodies = mails
      .slice(2)
      .map(({ body }) => body.replace(/^[^]*?\n\n/, ''))
      .toSorted();
    assert.deepEqual(
      bodies.map(({ length }) => length),
      [100_000, 6],
    );
    assert.equal(bodies[1], 'short\n');
    assert.ok(bodies[0] === noisy(100_000));
    second.kill('SIGTERM');
    await second.ended;
    await sandbox.isTidy();
  });

  test('has every byte that was printed, in the order it was printed', async (t) => {
    const sandbox = openSandbox(t);
    const octal = Array.from(
      { length: 256 },
      (_, byte) => `\\${byte.toString(8).padStart(3, '0')}`,
    );
    sandbox.tab(
      `@reboot printf '${octal.join('').replaceAll('%', '\\%')}'\n` +
        `@reboot for i in $(seq 500); do echo out $i; echo err $i >&2; done\n` +
        `@reboot printf '.\\n.\\n\\nFrom me\\n'\n`,
    );
    await sandbox.start();
    const bodies = (await sandbox.mailed(3)).map(({ head, body }) => decodedBody(head, body));
    const streams = Array.from(
      { length: 500 },
      (_, index) => `out ${index + 1}\nerr ${index + 1}\n`,
    );
    const all = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
    for (const expected of [all.join(''), streams.join(''), '.\n.\n\nFrom me\n'])
      assert.ok(bodies.includes(expected), JSON.stringify(expected.slice(0, 30)));
  });

  test('of 50 MB comes whole, and the runner does not keep it in memory', async (t) => {
    const sandbox = openSandbox(t, { mail: { max_size: 60_000_000 } });
    const size = 50_000_000;
    sandbox.mailer({
      read: 0,
      end: `tail -c ${size} | cksum > ${sandbox.path('mails')}/.sum`,
    });
    sandbox.tab(`@reboot yes 0123456789abcde | head -c ${size}\n`);
    await sandbox.start();
    const [runner] = sandbox.runners();
    assert.equal(await sandbox.file('mails/.sum'), `974794710 ${size}\n`);
    const status = readFileSync(`/proc/${runner?.pid}/status`, 'utf8');
    const peak = Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1]);
    assert.ok(peak < 130_000, `it had ${peak} kB at its peak`);
  });

  test('of 1 GB has its head and its tail, and needs neither memory nor disk', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab('@reboot echo first; yes 0123456789abcde | head -c 999999984; echo last\n');
    const daemon = await sandbox.start();
    const [runner] = sandbox.runners();
    const output = sandbox.path('state', 'output');
    let disk = 0;
    const isMailed = (): boolean => {
      for (const name of readdirSync(output))
        disk = Math.max(disk, blocksOf(join(output, name)) * 512);
      return sandbox.mails().length > 0;
    };
    await until('it is mailed', isMailed, { limit: 180_000, evidence: () => sandbox.evidence() });
    const status = readFileSync(`/proc/${runner?.pid}/status`, 'utf8');
    const [mail] = sandbox.mails();
    assert.ok(mail);
    const { length } = mail.bytes;
    assert.ok(length < 10_000_000 && length > 9_900_000, `${length} bytes`);
    const [cut = '', printed = '', ...lines] = mail.body.split('\n').slice(0, -1);
    assert.match(
      printed,
      /^cron: of the 999999995 bytes of this output (?:899|900)\d{6} in the middle /,
    );
    const place = /^cron: this output is too .*, 90\d{6} .* is in "(.*)"$/.exec(cut)?.[1] ?? '';
    assert.equal(lines[0], 'first');
    assert.equal(lines.at(-1), 'last');
    const others = lines.slice(1, -1).filter((line) => line !== '0123456789abcde');
    assert.match(others.join('\n'), /^cron: 90\d{6} bytes are left out here$/);
    assert.equal(dirname(place), sandbox.path('state', 'long'));
    assert.equal(statSync(place).mode & 0o777, 0o600);
    const long = readFileSync(place, 'latin1');
    assert.ok(long.length > 99_000_000 && long.length < 101_000_000);
    assert.ok(long.startsWith('first\n0123') && long.endsWith('abcde\nlast\n'));
    assert.match(long, /^cron: (?:899|900)\d{6} bytes are left out here$/m);
    assert.ok(disk > 50_000_000 && disk < 110_000_000, `${disk} bytes on disk`);
    const peak = Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1]);
    assert.ok(peak < 130_000, `it had ${peak} kB at its peak`);
    daemon.kill('SIGTERM');
    await daemon.ended;
    await sandbox.isTidy();
  });

  test('goes to nobody with an empty MAILTO, and to each that MAILTO names', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.tab(
      'MAILTO=""\n@reboot echo nobody\nMAILTO=\n@reboot echo none\nMAILTO="a@x, b@y c"\n@reboot echo three\n' +
        'MAILTO=-oQ/tmp\n@reboot echo unsafe\n',
    );
    const daemon = await sandbox.start();
    const mails = await sandbox.mailed(2);
    daemon.kill('SIGTERM');
    await daemon.ended;
    await sandbox.isTidy();
    const told = mails.map(
      ({ argv, body }) => `${argv.slice(5).join(' ')}: ${body.split('\n').at(-2)}`,
    );
    assert.deepEqual(told.toSorted(), ['a@x b@y c: three', `${me}: unsafe`].toSorted());
    assert.equal(sandbox.mails().length, 2);
    await sandbox.says(new RegExp(`\\(${me}\\) UNSAFE MAIL \\(-oQ/tmp\\)`));
  });

  test('tells later what a background child prints, and does not wait for it', async (t) => {
    const sandbox = openSandbox(t, { jobs: { linger: 1 } });
    const go = sandbox.path('go');
    sandbox.tab(`@reboot (while ! test -e ${go}; do sleep 0.02; done; echo late) & echo first\n`);
    const daemon = await sandbox.start();
    const [first] = await sandbox.mailed();
    assert.equal(first?.body, 'first\n');
    daemon.kill('SIGKILL');
    await daemon.ended;
    await sandbox.start();
    writeFileSync(go, '');
    const [, second] = await sandbox.mailed(2);
    assert.equal(second?.body, 'late\n');
  });

  test('has a short head and a whole body when it is written to a mailbox', async (t) => {
    const sandbox = openSandbox(t, { mail: { mailcmd: 'mailbox:' } });
    sandbox.tab('@reboot echo one; echo From two\n');
    await sandbox.start();
    const mbox = await sandbox.file(`mailbox/${me}`, 'two\n\n');
    assert.match(mbox, /^From \S+@\S+ .*\nFrom: root \(Cron Daemon\)\n[^]*\n\none\n>From two\n\n$/);
  });

  test('is not kept from the others by a mailer that hangs', async (t) => {
    const sandbox = openSandbox(t);
    sandbox.mailer({ end: 'case $* in *slow*) exec sleep 600;; esac' });
    sandbox.tab(
      'MAILTO=slow\n@reboot echo 1\nMAILTO=fast\n@reboot echo 2\n@reboot sleep 0.3; echo 3\n',
    );
    const daemon = await sandbox.start();
    const mails = await sandbox.mailed(3);
    assert.deepEqual(mails.map(({ argv }) => argv.at(-1) ?? '').toSorted(), [
      'fast',
      'fast',
      'slow',
    ]);
    assert.ok(isAlive(daemon.pid));
    for (const { pid } of sandbox.runners()) kill(pid);
  });
});
