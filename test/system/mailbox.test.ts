/** Mail into the mailboxes of a machine without a mail system: whose they are, and what stands in their way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Box, boxed, openBox, until } from '../support/system.ts';
import { debian, installTab, startMailcron } from './crons.ts';
import { commandOf, mailbox } from './mails.ts';

const NOWHERE = ['--mailcmd', '/nowhere/sendmail'];
const HEAD = 'Subject: for bob\n\n';

/** Hand a mail of alice to the depositor as root; what was refused. */
async function deposit(box: Box, body: string, recipient = 'bob'): Promise<string[]> {
  const command = `node /src/dist/test/system/depositor.js alice '${body}' ${recipient}`;
  const reasons: string[] = JSON.parse(await box.run(command));
  return reasons;
}

const owner = (box: Box, path: string): Promise<string> => box.run(`stat -c '%U %G %a' ${path}`);

test(
  'on a machine without a mailer, mail lies in the mailboxes of those it is for',
  boxed,
  async (t) => {
    const box = await openBox(t);
    await installTab(box, debian, 'alice', '@reboot echo mine\nMAILTO=bob\n@reboot echo yours\n');
    await installTab(box, debian, 'bob', 'MAILTO=carol@localhost,root\n@reboot echo two\n');
    await installTab(box, debian, 'carol', 'MAILTO=ops@example.org\n@reboot echo far away\n');
    await installTab(box, debian, 'root', '@reboot echo from root\n');
    await startMailcron(box, { args: NOWHERE });
    const expected = {
      alice: ['echo mine'],
      bob: ['echo yours'],
      carol: ['echo two'],
      root: ['echo from root', 'echo two'],
    };
    await until(
      'every mail is in its mailbox',
      async () => {
        const found: Record<string, string[]> = {};
        for (const user of Object.keys(expected))
          found[user] = (await mailbox(box, user)).map(commandOf).toSorted();
        return JSON.stringify(found) === JSON.stringify(expected) ? true : undefined;
      },
      () => box.read('/var/log/mailcron'),
    );
    for (const user of Object.keys(expected))
      assert.equal(await owner(box, `/var/mail/${user}`), `${user} mail 600\n`);
    assert.deepEqual((await box.list('/var/mail')).toSorted(), Object.keys(expected));
    const log = await box.read('/var/log/mailcron');
    assert.equal(log.split('(CRON) info (No MTA installed, using mailboxes)').length, 2);
    const waiting = await until('what is for elsewhere is kept', async () => {
      const found = await box.run('find /var/lib/mailcron/outbox -name message.eml');
      return found === '' ? undefined : found.trim().split('\n');
    });
    assert.equal(waiting.length, 1);
    assert.match(await box.read(waiting[0] ?? ''), /^To: ops@example\.org$[^]*\n\nfar away\n$/m);
    const why =
      /\(carol\) MAIL \(not delivered \(ops@example\.org is not on this machine, and there is no mailer\), kept in /;
    await until('the log says so', async () =>
      why.test(await box.read('/var/log/mailcron')) ? true : undefined,
    );
  },
);

interface Obstacle {
  /** A shell command that puts it there. */
  readonly set: string;
  readonly reason: RegExp;
}

const obstacles: Record<string, Obstacle> = {
  'a symbolic link': {
    set: 'ln -s /home/bob/victim /var/mail/bob',
    reason: /is a symbolic link$/,
  },
  'a hard link': {
    set: 'mount --bind /home/bob /var/mail; ln /home/bob/victim /home/bob/bob',
    reason: /has more than one name$/,
  },
  'a FIFO': {
    set: 'mkfifo /var/mail/bob; chown bob /var/mail/bob',
    reason: /is not a plain file$/,
  },
  'a device': {
    set: 'mknod /var/mail/bob c 1 3; chown bob /var/mail/bob',
    reason: /is not a plain file$/,
  },
  'a directory': { set: 'install -d -o bob /var/mail/bob', reason: /is a directory$/ },
  'a file of another user, who lets the group write': {
    set: 'install -o carol -g mail -m 660 /dev/null /var/mail/bob',
    reason: /belongs to another user$/,
  },
  'a file of root': {
    set: 'install -m 666 /dev/null /var/mail/bob',
    reason: /belongs to another user$/,
  },
  'a file that may only be read': {
    set: 'install -o bob -m 400 /dev/null /var/mail/bob',
    reason: /permission denied$/,
  },
  'a directory in which bob may make nothing': {
    set: 'chmod 755 /var/mail',
    reason: /permission denied$/,
  },
  'a read-only file system': {
    set: 'install -o bob /dev/null /var/mail/bob; mount --bind -o ro /var/mail /var/mail; mount -o remount,bind,ro /var/mail',
    reason: /read-only file system$/,
  },
  'a lock file of another program': {
    set: 'install -o bob /dev/null /var/mail/bob; touch /var/mail/bob.lock',
    reason: /is locked by another program \("\/var\/mail\/bob\.lock"\)$/,
  },
};
for (const [what, { set, reason }] of Object.entries(obstacles))
  test(`mail is refused for now where there is ${what}`, boxed, async (t) => {
    const box = await openBox(t);
    await box.write('/home/bob/victim', 'precious', 'bob');
    await box.run(set);
    const [refused = '', ...more] = await deposit(box, 'hello');
    assert.match(refused, reason);
    assert.deepEqual(more, []);
    assert.equal(await box.read('/home/bob/victim'), 'precious');
    // What the test has put there, and nothing of a deposit.
    const left = (await box.list('/var/mail')).filter(
      (name) => !name.startsWith('.') && !set.includes(name),
    );
    assert.deepEqual(left, []);
  });

test(
  'mail is refused for now where it has no room, and nothing of it is left',
  boxed,
  async (t) => {
    const box = await openBox(t);
    await box.run('mount -t tmpfs -o size=1m,mode=2775,gid=8 tmpfs /var/mail');
    assert.deepEqual(await deposit(box, 'hello'), []);
    const before = await box.read('/var/mail/bob');
    assert.match(before, /^From alice@\S+ .*\nSubject: for bob\n\nhello\n\n$/);
    const [refused = ''] = await deposit(box, '100000');
    assert.match(refused, /no space left on device$/);
    assert.equal(await box.read('/var/mail/bob'), before);
    assert.deepEqual(await box.list('/var/mail'), ['bob']);
    await box.run('mount -o remount,size=10m /var/mail');
    assert.deepEqual(await deposit(box, '100000'), []);
    const text = await box.read('/var/mail/bob');
    assert.equal(text.length, before.length * 2 - 'hello\n'.length + 100_000 * 17);
  },
);

test('mail is put where other users’ files are, and they stay as they are', boxed, async (t) => {
  const box = await openBox(t);
  await box.run('install -o carol -g mail -m 660 /dev/null /var/mail/carol');
  await box.write('/var/mail/bob', 'From x\n\nold\n\n', 'bob', 0o660);
  assert.deepEqual(await deposit(box, 'From me'), []);
  const text = await box.read('/var/mail/bob');
  assert.ok(text.startsWith(`From x\n\nold\n\nFrom alice@`));
  assert.ok(text.endsWith(`\n${HEAD}>From me\n\n`));
  assert.equal(await owner(box, '/var/mail/bob'), 'bob bob 660\n');
  assert.equal(await box.read('/var/mail/carol'), '');
});

test('mail goes without a lock file where only root may make one', boxed, async (t) => {
  const box = await openBox(t);
  await box.run('install -o bob /dev/null /var/mail/bob; chmod 755 /var/mail');
  assert.deepEqual(await deposit(box, 'hello'), []);
  assert.match(await box.read('/var/mail/bob'), /\n\nhello\n\n$/);
});

test('mail lies in a Maildir at home where the configuration says so', boxed, async (t) => {
  const box = await openBox(t);
  await installTab(box, debian, 'alice', 'MAILTO=bob\n@reboot echo From me\n');
  await startMailcron(box, {
    args: NOWHERE,
    settings: '[mail.mailbox]\nformat = "maildir"\n',
  });
  const [name = ''] = await until(
    'the mail is there',
    async () => {
      const found = await box.list('/home/bob/Maildir/new');
      return found.length > 0 ? found : undefined;
    },
    () => box.read('/var/log/mailcron'),
  );
  assert.match(await box.read(`/home/bob/Maildir/new/${name}`), /^From: root [^]*\n\nFrom me\n$/);
  for (const path of ['', '/cur', '/tmp', '/new'])
    assert.equal(await owner(box, `/home/bob/Maildir${path}`), 'bob bob 700\n');
  assert.equal(await owner(box, `/home/bob/Maildir/new/${name}`), 'bob bob 600\n');
  assert.deepEqual(await box.list('/var/mail'), []);
});
