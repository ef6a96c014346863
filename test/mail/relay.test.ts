/** MAILCMD and [mail.smtp]: which relay they mean, and what they must not say. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { machineNames } from '../../src/mail/domain.ts';
import { isRelay, nameOf, readRelay } from '../../src/mail/relay.ts';
import { readConfig } from '../../src/system/config.ts';
import { Failure } from '../../src/system/failure.ts';

const folder = mkdtempSync(join(tmpdir(), 'relay-'));
after(() => rmSync(folder, { recursive: true }));

const NAMES = { mail: 'example.com', host: 'web1.example.com' };

/** The relay that MAILCMD and lines of [mail.smtp] mean, or what is wrong with them. */
function read(mailcmd: string, lines = ''): ReturnType<typeof readRelay> | string {
  const file = join(folder, 'mailcron.toml');
  writeFileSync(file, `[mail.smtp]\n${lines}\n`);
  try {
    return readRelay(mailcmd, readConfig({ config: file }, {}).mail.smtp, NAMES);
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.exit, 78);
    return error.message;
  }
}

const CREDENTIALS = 'credentials = "/etc/mailcron/credentials"';

/** MAILCMD, lines → name, protocol, security. */
const RELAYS: readonly (readonly [string, string, string])[] = [
  ['smtp://mail.example.com', '', 'mail.example.com:25 smtp opportunistic'],
  ['smtp://mail.example.com:587', '', 'mail.example.com:587 smtp opportunistic'],
  ['smtp://mail.example.com/', '', 'mail.example.com:25 smtp opportunistic'],
  ['smtp://[::1]:26', '', '[::1]:26 smtp opportunistic'],
  ['smtps://mail.example.com', '', 'mail.example.com:465 smtp tls'],
  ['smtps://mail.example.com:1465', 'security = "off"', 'mail.example.com:1465 smtp tls'],
  ['lmtp://mail.example.com', '', 'mail.example.com:24 lmtp opportunistic'],
  ['lmtp:///run/dovecot/l%20mtp', '', '/run/dovecot/l mtp lmtp off'],
  ['smtp:', 'host = "h"', 'h:25 smtp opportunistic'],
  ['smtp:', 'host = "h"\nport = 2525', 'h:2525 smtp opportunistic'],
  ['smtp:', 'host = "h"\nsecurity = "tls"', 'h:465 smtp tls'],
  ['smtp:', 'host = "h"\nprotocol = "lmtp"', 'h:24 lmtp opportunistic'],
  ['smtp:', 'host = "/run/lmtp"\nprotocol = "lmtp"', '/run/lmtp lmtp off'],
  ['smtp:', `host = "h"\n${CREDENTIALS}`, 'h:587 smtp starttls'],
  ['smtp:', 'host = "h"\ntls_ca = "/ca"', 'h:25 smtp starttls'],
  ['smtp:', `host = "localhost"\nsecurity = "off"\n${CREDENTIALS}`, 'localhost:587 smtp off'],
  ['smtp://other', `host = "h"\nport = 99\n${CREDENTIALS}`, 'other:99 smtp starttls'],
  ['/usr/sbin/sendmail', 'host = "h"', 'h:25 smtp opportunistic'],
];

for (const [mailcmd, lines, expected] of RELAYS)
  test(`readRelay() of ${mailcmd} with ${JSON.stringify(lines)}`, () => {
    const relay = read(mailcmd, lines);
    assert.ok(typeof relay === 'object', JSON.stringify(relay));
    assert.equal(`${nameOf(relay)} ${relay.protocol} ${relay.security}`, expected);
  });

/** MAILCMD, lines → what is complained of. */
const WRONG: readonly (readonly [string, string, RegExp])[] = [
  ['smtp:', '', /names no host/],
  ['smtp://', '', /no URL of a relay/],
  ['smtp:mail.example.com', '', /no URL of a relay: it is "smtp:", smtp:\/\/HOST:PORT/],
  ['smtp://h:99999', '', /no URL of a relay/],
  ['smtp://h/path', '', /no URL of a relay/],
  ['smtp://h?tls=no', '', /no URL of a relay/],
  ['smtp:///socket', '', /no URL of a relay/],
  ['smtps:', '', /no URL of a relay/],
  ['smtp://user:secret@h', '', /put both into a file of mode 0600 .*\[mail\.smtp\] credentials/],
  ['smtp://user@h', '', /\[mail\.smtp\] credentials/],
  ['smtp:user:secret@h', '', /\[mail\.smtp\] credentials/],
  ['smtp:', 'host = "/socket"', /needs protocol = "lmtp"/],
  ['smtp:', `host = "h"\nsecurity = "off"\n${CREDENTIALS}`, /would send the password/],
  ['smtp:', `host = "h"\nsecurity = "opportunistic"\n${CREDENTIALS}`, /would send the password/],
  ['smtp:', 'host = "h"\nsecurity = "opportunistic"\ntls_ca = "/ca"', /tls_ca needs/],
  ['smtp:', 'host = "h"\ntls_accept_any = true\ntls_ca = "/ca"', /tls_ca needs/],
  ['smtp:', 'host = "h"\nfrom = "nobody"', /must be an address with a domain/],
  ['smtp:', 'host = "h"\ndomain = "a b"', /must be the name of a domain/],
  ['smtp:', 'host = "h"\npassword = "secret"', /"mail\.smtp\.password" is no setting/],
];

for (const [mailcmd, lines, expected] of WRONG)
  test(`readRelay() refuses ${mailcmd} with ${JSON.stringify(lines)}`, () => {
    const problem = read(mailcmd, lines);
    assert.ok(typeof problem === 'string', JSON.stringify(problem));
    assert.match(problem, expected);
    assert.doesNotMatch(problem, /secret/);
  });

test('readRelay() takes the rest from the settings, and names from the machine', () => {
  const lines = 'timeout = 7\npool = 2\ndsn = ["failure"]\nfrom = "cron@example.org"';
  const relay = read('smtp://h', lines);
  assert.ok(typeof relay === 'object');
  const { timeout, pool, dsn, from, domain, greeting } = relay;
  assert.deepEqual([timeout, pool, dsn, from], [7000, 2, ['failure'], 'cron@example.org']);
  assert.deepEqual([domain, greeting], ['example.com', 'web1.example.com']);
  const other = read('smtp://h', 'domain = "example.net"');
  assert.equal(typeof other === 'object' && other.domain, 'example.net');
});

test('isRelay() knows a relay from a program', () => {
  const known = ['smtp:', 'smtp://h', 'smtps://h', 'lmtp://h', 'mailbox:', '/usr/sbin/sendmail'];
  assert.deepEqual(known.filter(isRelay), known.slice(0, 4));
});

/** Host name, /etc/mailname, /etc/hosts → the names. */
const MACHINES: readonly (readonly [string, string, string, object])[] = [
  ['web1.example.com', '', '', { mail: 'web1.example.com', host: 'web1.example.com' }],
  ['web1', '', '', { mail: 'web1' }],
  ['web1', 'example.com\n', '', { mail: 'example.com' }],
  [
    'web1',
    '',
    '127.0.0.1 localhost\n127.0.1.1\tweb1.example.com web1 # us\n',
    { mail: 'web1.example.com', host: 'web1.example.com' },
  ],
  ['web1', 'example.com', '::1 web1.lan web1', { mail: 'example.com', host: 'web1.lan' }],
  ['web1', '', '127.0.1.1 web1 web1.example.com', { mail: 'web1' }],
];

for (const [host, mailname, hosts, expected] of MACHINES)
  test(`machineNames() of ${host}, "${mailname.trim()}" and "${hosts.trim()}"`, () => {
    const files: Record<string, string> = { '/etc/mailname': mailname, '/etc/hosts': hosts };
    assert.deepEqual(
      machineNames((file) => files[file] ?? '', host),
      expected,
    );
  });
