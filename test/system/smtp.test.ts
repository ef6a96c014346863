/** The built-in delivery to real mail systems: encrypted, logged in, and what they refuse. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import type { Refused } from '../../src/system/outgoing.ts';
import { certificates } from '../support/relay.ts';
import { type Box, boxed, openBox, until } from '../support/system.ts';
import { debian, installTab, startMailcron } from './crons.ts';
import { type Mail, mailbox } from './mails.ts';
import type { Posted } from './poster.ts';

const USER = 'cron';
const PASSWORD = 'pa ss"wo\\rd';

/** Postfix as people have it for submission: TLS, Cyrus SASL with a database of its own, and no mail without login. */
const POSTFIX = `
for deb in /debs/*.deb; do dpkg-deb -x $deb /; done
postconf -e smtpd_tls_cert_file=/etc/tls/cert.pem smtpd_tls_key_file=/etc/tls/key.pem \\
  smtpd_tls_security_level=may smtpd_tls_auth_only=yes smtpd_sasl_auth_enable=yes smtpd_sasl_type=cyrus \\
  smtpd_sasl_authenticated_header=yes smtpd_relay_restrictions=permit_sasl_authenticated,reject
postconf -F smtp/inet/chroot=n
mkdir -p /etc/postfix/sasl
printf 'pwcheck_method: auxprop\\nauxprop_plugin: sasldb\\nmech_list: PLAIN LOGIN\\n' > /etc/postfix/sasl/smtpd.conf
printf %s "$PASSWORD" | saslpasswd2 -p -c -u $(postconf -h myhostname) -f /etc/sasldb2 ${USER}
chown postfix /etc/sasldb2
touch -d '1 minute ago' /etc/postfix/main.cf /etc/postfix/master.cf
postfix stop > /dev/null 2>&1
postfix start > /dev/null 2>&1
`;

const EXIM_CONFIG = `
tls_advertise_hosts = *
tls_certificate = /etc/tls/cert.pem
tls_privatekey = /etc/tls/key.pem
auth_advertise_hosts = \${if eq{$tls_in_cipher}{}{}{*}}
acl_smtp_rcpt = check_rcpt
acl_smtp_data = accept
begin acl
check_rcpt:
  deny !authenticated = *
       message = log in first
  deny !verify = recipient
  accept
begin routers
local:
  driver = accept
  check_local_user
  transport = mailbox
begin transports
mailbox:
  driver = appendfile
  file = /var/mail/$local_part_data
  group = mail
  mode = 0660
  return_path_add
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if and{{eq{$auth2}{${USER}}}{eq{$auth3}{\${readfile{/etc/tls/password}}}}}}
  server_set_id = $auth2
`;

const EXIM = `
chown root:Debian-exim /etc/tls/* && chmod 640 /etc/tls/*
kill $(cat /run/exim4/exim.pid)
while [ -e /run/exim4/exim.pid ] && kill -0 $(cat /run/exim4/exim.pid) 2> /dev/null; do sleep 0.05; done
exim4 -bd -oX 127.0.0.1.25 -oP /run/exim4/relay.pid
`;

const SYSTEMS = [
  {
    mail: 'postfix',
    setup: POSTFIX,
    start: 'postfix start',
    stop: 'postfix stop',
    packages: ['sasl2-bin', 'libsasl2-modules'],
    received: /Authenticated sender: cron.*with ESMTPSA/s,
  },
  {
    mail: 'exim4',
    setup: EXIM,
    start: 'exim4 -bd -oX 127.0.0.1.25 -oP /run/exim4/relay.pid',
    stop: 'kill $(cat /run/exim4/relay.pid)',
    packages: [],
    received: /with esmtpsa.*\(envelope-from/s,
  },
] as const;

describe('the built-in delivery', { concurrency: true }, () => {
  for (const system of SYSTEMS)
    test(`to ${system.mail}, encrypted and logged in`, boxed, (t) => deliver(t, system));
});

const CONFIG = `[mail]
mailcmd = "smtp://localhost:25"
[mail.smtp]
credentials = "/etc/mailcron/credentials"
tls_ca = "/etc/mailcron/ca.pem"
timeout = 60
`;

const quoted = JSON.stringify(PASSWORD);

async function deliver(t: TestContext, system: (typeof SYSTEMS)[number]): Promise<void> {
  const { ca, cert, key } = certificates();
  const box = await openBox(t, {
    mail: system.mail,
    ...(system.packages.length > 0 && { packages: system.packages }),
  });
  await box.write('/etc/tls/cert.pem', cert);
  await box.write('/etc/tls/key.pem', key);
  await box.write('/etc/tls/password', PASSWORD);
  if (system.mail === 'exim4') await box.write('/etc/exim4/exim4.conf', EXIM_CONFIG);
  await box.run(system.setup.replace('"$PASSWORD"', '"$(cat /etc/tls/password)"'));
  await box.run('useradd --system --no-create-home mailcron');
  await box.write('/etc/mailcron/ca.pem', readFileSync(ca));
  await box.write(
    '/etc/mailcron/credentials',
    `user = ${USER}\npassword = ${quoted}\n`,
    'mailcron',
    0o600,
  );
  await box.write('/etc/mailcron.toml', CONFIG);

  await t.test('arrives, byte for byte', async () => {
    const body = '.\n..\nFrom here\ngr\u00fc\u00dfe\n';
    const mail = { sender: 'alice', recipients: ['alice', 'bob'], subject: 'first', body };
    assert.deepEqual(await post(box, [mail]), [[]]);
    for (const user of ['alice', 'bob']) {
      const { header, body: got } = await arrived(box, user, 'first');
      assert.equal(got.replace(/^>From /m, 'From '), body);
      const head = header.join('\n');
      assert.match(head, /^From: root@cronhost\.example\.test \(Cron Daemon\)$/m);
      assert.match(head, /^To: alice@cronhost\.example\.test, bob@cronhost\.example\.test$/m);
      assert.match(head, /^Return-path: <alice@cronhost\.example\.test>$/im);
      assert.match(head, system.received);
    }
  });

  await t.test('an unknown recipient is refused for good, the others get it', async () => {
    const recipients = ['alice', 'nosuchuser', 'carol'];
    const [refused] = await post(box, [
      { sender: 'bob', recipients, subject: 'second', body: 'x\n' },
    ]);
    assert.deepEqual(
      refused?.map(({ recipient, permanent }) => [recipient, permanent]),
      [['nosuchuser', true]],
    );
    assert.match(refused?.[0]?.reason ?? '', /^localhost:25 said to RCPT TO: 550 /);
    for (const user of ['alice', 'carol']) await arrived(box, user, 'second');
  });

  await t.test('fifty mails and a long one', async () => {
    const many = Array.from({ length: 50 }, (_, index) => ({
      sender: 'bob',
      recipients: ['carol'],
      subject: `many ${index}`,
      body: `${index}\n`,
    }));
    const line = `${'0123456789'.repeat(7)}\n`;
    const long = {
      sender: 'bob',
      recipients: ['bob'],
      subject: 'long',
      body: line.repeat(1000),
      times: 70,
    };
    assert.deepEqual((await post(box, [...many, long])).flat(), []);
    // A mailbox shows a long mail while it is being written.
    const whole = await until('all of it has come', async () => {
      const { body } = await arrived(box, 'bob', 'long');
      return body.length >= line.length * 70_000 ? body : undefined;
    });
    assert.ok(whole === line.repeat(70_000));
    for (const { subject } of many) await arrived(box, 'carol', subject);
  });

  const lone = (subject: string): Posted => ({
    sender: 'bob',
    recipients: ['bob'],
    subject,
    body: 'x\n',
  });

  await t.test('a wrong password keeps the mail for later', async () => {
    await box.write(
      '/etc/mailcron/credentials',
      `user = ${USER}\npassword = no\n`,
      'mailcron',
      0o600,
    );
    const [refused] = await post(box, [lone('wrong')]);
    assert.equal(refused?.[0]?.permanent, false);
    assert.match(refused?.[0]?.reason ?? '', /does not take the user and password .*: 535/);
    await box.write(
      '/etc/mailcron/credentials',
      `user = ${USER}\npassword = ${quoted}\n`,
      'mailcron',
      0o600,
    );
  });

  await t.test('no password keeps the mail for later, or for good', async () => {
    await box.write('/etc/none.toml', CONFIG.replace(/^credentials.*\n/m, ''));
    const [refused] = await post(box, [lone('none')], '/etc/none.toml');
    assert.match(refused?.[0]?.reason ?? '', /said to RCPT TO: 5\d\d /);
  });

  await t.test('a certificate that nobody has signed keeps the mail for later', async () => {
    await box.write('/etc/system.toml', CONFIG.replace(/^tls_ca.*\n/m, ''));
    const [refused] = await post(box, [lone('strange')], '/etc/system.toml');
    assert.equal(refused?.[0]?.permanent, false);
    assert.match(
      refused?.[0]?.reason ?? '',
      /the certificate of localhost:25 is not to be trusted/,
    );
  });

  await t.test('a password that others could read is not used', async () => {
    await box.run('chmod 644 /etc/mailcron/credentials');
    const [refused] = await post(box, [lone('open')]);
    assert.match(refused?.[0]?.reason ?? '', /must belong to uid \d+ and have mode 0600/);
    await box.run('chmod 600 /etc/mailcron/credentials');
  });

  await t.test('a mail system that is down, and comes back', async () => {
    await box.run(`${system.stop} 2>&1`);
    const [refused] = await until('it is down', async () => {
      const answer = await post(box, [lone('down')]);
      return answer[0]?.length === 1 ? answer : undefined;
    });
    assert.match(
      refused?.[0]?.reason ?? '',
      /^cannot send through localhost:25: connection refused$/,
    );
    await box.run(`${system.start} 2>&1`);
    assert.deepEqual(await post(box, [lone('up again')]), [[]]);
    await arrived(box, 'bob', 'up again');
  });

  await t.test('a job’s mail goes out by the daemon, and what is refused comes back', async () => {
    await installTab(
      box,
      debian,
      'alice',
      'MAILTO=bob,nosuchuser,carol\n@reboot echo from a job\n',
    );
    const daemon = await startMailcron(box, { settings: CONFIG });
    const log = (): Promise<string> => box.read('/var/log/mailcron');
    const find = async (user: string, subject: RegExp): Promise<Mail[] | undefined> => {
      const mails = (await mailbox(box, user)).filter(({ header }) =>
        subject.test(header.join('\n')),
      );
      return mails.length > 0 ? mails : undefined;
    };
    for (const user of ['bob', 'carol']) {
      const its = (): Promise<Mail[] | undefined> =>
        find(user, /^Subject: Cron .* echo from a job$/m);
      const [mail, ...others] = await until(`${user} has it`, its, log);
      assert.deepEqual(others, []);
      assert.equal(mail?.body, 'from a job\n');
      assert.match(mail.header.join('\n'), system.received);
      assert.match(mail.header.join('\n'), /^Return-path: <alice@cronhost\.example\.test>$/im);
    }
    const [bounce] = await until(
      'alice is told',
      () => find('alice', /^Subject: Undelivered mail: /m),
      log,
    );
    assert.match(bounce?.body ?? '', /\n {2}nosuchuser\n {4}localhost:25 said to RCPT TO: 550 /);
    await until('nothing waits', async () => {
      const waiting = await box.list('/var/lib/mailcron/outbox/queue');
      return waiting.length === 0 ? true : undefined;
    });
    await box.run('kill $(cat /run/crond.pid)');
    await until('it has ended', async () => (daemon.status() === 0 ? true : undefined), log);
  });

  await t.test('without the user mailcron it says what to do', async () => {
    await box.run('userdel mailcron');
    const [refused] = await post(box, [lone('nobody')]);
    assert.match(refused?.[0]?.reason ?? '', /^there is no user "mailcron", .*: create it/);
  });

  for (const subject of ['wrong', 'none', 'strange', 'open', 'nobody'])
    assert.equal((await mailbox(box, 'bob')).filter(about(subject)).length, 0);
}

async function post(
  box: Box,
  mails: readonly Posted[],
  config = '/etc/mailcron.toml',
): Promise<(readonly Refused[])[]> {
  await box.write('/tmp/mails', JSON.stringify(mails));
  const answers: (readonly Refused[])[] = JSON.parse(
    await box.run(`node /src/dist/test/system/poster.js ${config} /tmp/mails`),
  );
  return answers;
}

/** The one mail of that subject in a mailbox, when it has come. */
async function arrived(box: Box, user: string, subject: string): Promise<Mail> {
  const find = async (): Promise<Mail[] | undefined> => {
    const mails = (await mailbox(box, user)).filter(about(subject));
    return mails.length > 0 ? mails : undefined;
  };
  const logs = async (): Promise<string> =>
    (await box.read('/var/log/maillog')) + (await box.read('/var/log/exim4/mainlog'));
  const found = await until(`"${subject}" has come to ${user}`, find, logs);
  assert.equal(found.length, 1);
  const [mail] = found;
  assert.ok(mail);
  return mail;
}

function about(subject: string): (mail: Mail) => boolean {
  return ({ header }) => header.includes(`Subject: ${subject}`);
}
