/** Programs that send mail by /usr/sbin/sendmail, with cron-sendmail in its place. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boxed, openBox, until } from '../support/system.ts';
import { startMailcron } from './crons.ts';
import { mailbox } from './mails.ts';

interface Sending {
  /** A shell command, run by alice in her home. */
  readonly command: string;
  /** What stands in the header of the mail, among other fields. */
  readonly header: readonly RegExp[];
  readonly body: RegExp;
}

const PATCH = `
  git init -q repository && cd repository
  git config user.name 'Alice Liddell' && git config user.email alice@cronhost.example.test
  echo Grüße > file && git add file && git commit -q -m 'Add a file: Grüße'
  echo more >> file && git commit -q -a -m 'Add more'
  git send-email --quiet --confirm=never --8bit-encoding=UTF-8 --to='Alice Liddell <alice@cronhost.example.test>' HEAD~1`;

const PYTHON = `
import subprocess
from email.message import EmailMessage
message = EmailMessage()
message["To"], message["Bcc"], message["Subject"] = "Alice <alice>", "alice@localhost", "Grüße"
message.set_content("line\\n.\\nGrüße\\n")
subprocess.run(["/usr/sbin/sendmail", "-t", "-oi"], input=message.as_bytes(), check=True)`;

const PERL = `
open(my $mail, "|-", "/usr/sbin/sendmail -oi -t -odq") or die;
print $mail "To: alice\\nFrom: web\\@example.org\\nSubject: perl\\n\\nline\\n.\\nend\\n";
close($mail) or die "status $?";`;

/** A relay that writes down whom it got a mail from and for. */
const RELAY = `
import { appendFileSync } from 'node:fs';
import { SMTPServer } from 'smtp-server';
new SMTPServer({
  authOptional: true,
  disableReverseLookup: true,
  disabledCommands: ['STARTTLS', 'AUTH'],
  onData(stream, { envelope: { mailFrom, rcptTo } }, done) {
    stream.resume().on('end', () => {
      const to = rcptTo.map(({ address }) => address).sort();
      appendFileSync('/tmp/relayed', [mailFrom.address, ...to].join(' ') + '\\n');
      done();
    });
  },
}).listen(2525, '127.0.0.1', () => console.log('ready'));`;

const SMTP = `
[mail.smtp]
host = "127.0.0.1"
port = 2525
domain = "example.com"
`;

const table: Record<string, Sending> = {
  mail: {
    command: `printf 'line\\n.\\nFrom here\\n' | mail -s 'by mail' -b alice@localhost alice`,
    header: [/^To: alice$/, /^Subject: by mail$/, /^Date: /, /^Message-ID: /, /^From: .*alice/],
    body: /^line\n\.\n>From here\n$/,
  },
  'mail -r': {
    command: `echo Grüße | mail -r bounces@example.org -s x alice`,
    header: [/^To: alice$/, /^From: bounces@example.org/],
    body: /^Gr\xc3\xbc\xc3\x9fe\n$/,
  },
  mutt: {
    command: `printf 'line\\n.\\nend\\n' | mutt -s 'by mutt' -a /etc/hostname -b alice@localhost -- alice`,
    header: [/^To: alice/, /^Subject: by mutt$/, /^Content-Type: multipart\/mixed/],
    body: /line\n\.\nend\n[^]*filename=hostname\n[^]*cronhost/,
  },
  'git send-email': {
    command: PATCH,
    header: [
      /^To: Alice Liddell <alice@cronhost.example.test>$/,
      /^Subject: \[PATCH\] Add more$/,
      /^X-Mailer: git-send-email/,
    ],
    body: /^---\n[^]*\+more\n[^]*-- \n/,
  },
  'mail() of PHP': {
    command: `php -r 'exit(mail("Alice <alice>", "Subject of PHP", "line\\n.\\nend\\n", "From: web@example.org\\r\\nX-A: b") ? 0 : 1);'`,
    header: [
      /^To: Alice <alice>$/,
      /^Subject: Subject of PHP$/,
      /^From: web@example.org$/,
      /^X-A: b$/,
    ],
    body: /^line\n\.\nend\n/,
  },
  "Python's subprocess": {
    command: `python3 -c '${PYTHON}'`,
    header: [/^To: Alice <alice>$/, /^Subject: =\?utf-8\?/i],
    body: /line/,
  },
  'a pipe of Perl': {
    command: `perl -e '${PERL}'`,
    header: [/^From: web@example.org$/, /^Subject: perl$/],
    body: /^line\n\.\nend\n$/,
  },
};

test('other programs send by cron-sendmail', boxed, async (t) => {
  const box = await openBox(t, { mail: 'cron-sendmail' });
  await box.run('install -o alice -g mail -m 600 /dev/null /var/mail/alice');
  for (const [what, { command, header, body }] of Object.entries(table)) {
    await t.test(what, async () => {
      await box.run(': > /var/mail/alice');
      await box.write('/tmp/command', `set -e\ncd\n${command}\n`);
      await box.run('runuser -u alice -- env HOME=/home/alice LANG=C.UTF-8 sh /tmp/command');
      const [mail, second] = await mailbox(box, 'alice');
      assert.ok(mail, 'a mail is there');
      assert.equal(second, undefined);
      for (const field of header)
        assert.ok(
          mail.header.some((line) => field.test(line)),
          `${field}\n${mail.header.join('\n')}`,
        );
      assert.match(mail.body, body);
      assert.ok(!mail.header.some((line) => /^bcc:/i.test(line)));
      assert.equal(await box.read('/home/alice/dead.letter'), '');
    });
  }

  await t.test('root sends to several users', async () => {
    await box.run(
      ': > /var/mail/alice; printf "Subject: all\\n\\nhi\\n" | sendmail -i alice bob@localhost',
    );
    for (const user of ['alice', 'bob']) {
      const mails = await mailbox(box, user);
      assert.deepEqual(
        mails.map(({ body }) => body),
        ['hi\n'],
      );
      const owner = await box.run(`stat -c '%U %G %a' /var/mail/${user}`);
      assert.equal(owner, `${user} mail 600\n`);
    }
  });

  await t.test('a program hears of a failure', async () => {
    await box.write('/tmp/command', 'echo hi | mail -s x nobody@example.org; echo "status $?"');
    const said = await box.run('runuser -u alice -- env HOME=/home/alice sh /tmp/command 2>&1');
    assert.match(said, /nobody@example.org: .*\n[^]*dead.letter/);
  });

  await t.test('a relay gets the mails, without cron and with it', async () => {
    await box.run('useradd --system --no-create-home mailcron');
    await box.write('/etc/mailcron.toml', SMTP);
    const script = ['node', '--input-type=module', '-e', RELAY];
    const relay = box.start(['env', '-C', '/src', ...script]);
    await until('the relay is ready', async () => relay.output().includes('ready') || undefined);
    await box.write('/tmp/command', 'echo hi | mail -s x bob ops@example.org');
    const senders = ['runuser -u alice -- env HOME=/home/alice sh /tmp/command', 'sh /tmp/command'];
    const expected = ['alice', 'root'].map(
      (name) => `${name}@example.com bob@example.com ops@example.org`,
    );
    for (const sender of senders) await box.run(sender);
    assert.deepEqual((await box.read('/tmp/relayed')).trim().split('\n'), expected);
    await startMailcron(box, { settings: SMTP });
    await box.run(senders[0] ?? '');
    await until('cron has brought it', async () => {
      const lines = (await box.read('/tmp/relayed')).trim().split('\n');
      return lines.length > 2 || undefined;
    });
    assert.match(await box.read('/var/log/mailcron'), /\(alice\) MAIL \(\S+ was handed in/);
  });
});
