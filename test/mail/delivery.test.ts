/** What reaches a relay, and what is made of its answers. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Delivery } from '../../src/mail/delivery.ts';
import type { Relay } from '../../src/mail/relay.ts';
import type { Keys } from '../../src/mail/smtp.ts';
import { trust } from '../../src/mail/trust.ts';
import type { Outgoing, Refused } from '../../src/system/outgoing.ts';
import {
  certificates,
  openRelay,
  openSocket,
  PASSWORD,
  type Refusal,
  replies,
  USER,
} from '../support/relay.ts';
import { mailOf } from './mail.ts';

const RELAY: Relay = {
  protocol: 'smtp',
  host: '127.0.0.1',
  port: 0,
  security: 'off',
  acceptAny: false,
  domain: 'web1.example.com',
  greeting: 'web1.example.com',
  timeout: 20_000,
  pool: 4,
  dsn: [],
};

const CREDENTIALS = { user: USER, password: PASSWORD };

const OPEN: Keys = { credentials: null, tls: {} };

/** A delivery that takes leave when the test is over. */
function deliveryTo(
  t: TestContext,
  changed: Partial<Relay>,
  credentials: Keys['credentials'] = null,
): Delivery {
  const relay = { ...RELAY, ...changed };
  const delivery = new Delivery(relay, { credentials, tls: trust(relay) });
  t.after(() => delivery.close());
  return delivery;
}

/** What a lone relay answers to a lone mail. */
async function deliverOne(
  t: TestContext,
  changed: Partial<Relay>,
  mail: Partial<Outgoing> = {},
  credentials: Keys['credentials'] = null,
): Promise<readonly Refused[]> {
  return await deliveryTo(t, changed, credentials).deliver(mailOf('hello\n', mail));
}

test('deliver() brings a mail with a whole envelope', async (t) => {
  const relay = await openRelay(t);
  const recipients = ['alice', 'bob@example.com'];
  assert.deepEqual(await deliverOne(t, { port: relay.port }, { recipients }), []);
  const [mail] = relay.mails;
  assert.equal(mail?.sender, 'alice@web1.example.com');
  assert.deepEqual(mail?.recipients, ['alice@web1.example.com', 'bob@example.com']);
  assert.equal(
    mail?.bytes.toString(),
    'From: root@web1.example.com (Cron Daemon)\r\nTo: alice@web1.example.com\r\n' +
      'Subject: Cron <alice@web1> backup\r\n\r\nhello\r\n',
  );
});

/** Body → what arrives. */
const BODIES: Record<string, readonly [string, string]> = {
  'dots at the beginning of lines': ['.\n..\n.a\na.\n', '.\r\n..\r\n.a\r\na.\r\n'],
  'no newline at the end': ['a', 'a\r\n'],
  'CRLF already': ['a\r\n.\r\nb\r\n', 'a\r\n.\r\nb\r\n'],
  'a lone dot between bare CRs': ['a\r.\rb\n', 'a\r\n.\r\nb\r\n'],
  'the end of a message, as in SMTP smuggling': ['a\n.\r\nQUIT\r\n', 'a\r\n.\r\nQUIT\r\n'],
  'bytes that are no UTF-8': ['\u00ff\u00fe\u0000\n', '\u00ff\u00fe\u0000\r\n'],
  'an empty body': ['', ''],
};

for (const [name, [body, arrived]] of Object.entries(BODIES))
  test(`deliver() keeps ${name}`, async (t) => {
    const relay = await openRelay(t);
    const delivery = deliveryTo(t, { port: relay.port });
    assert.deepEqual(await delivery.deliver(mailOf(Buffer.from(body, 'latin1'))), []);
    const text = relay.mails[0]?.bytes.toString('latin1') ?? '';
    assert.equal(text.slice(text.indexOf('\r\n\r\n') + 4), arrived);
  });

test('deliver() keeps the body whatever its pieces are cut at', async (t) => {
  const relay = await openRelay(t);
  const text = '.a\r\n..\n\r.\r\n.';
  const mail = mailOf(text, {
    async *chunks() {
      for (const byte of Buffer.from(text)) yield Buffer.of(byte);
    },
  });
  assert.deepEqual(await deliveryTo(t, { port: relay.port }).deliver(mail), []);
  const got = relay.mails[0]?.bytes.toString() ?? '';
  assert.equal(got.slice(got.indexOf('\r\n\r\n') + 4), '.a\r\n..\r\n\r\n.\r\n.\r\n');
});

test('deliver() says BODY=8BITMIME of what has eight bits, and SIZE', async (t) => {
  const relay = await openRelay(t, { server: { size: 1_000_000 } });
  const delivery = deliveryTo(t, { port: relay.port });
  const head = (line: string): string => `To: alice\n${line}\n\n`;
  await delivery.deliver(mailOf('12345', { head: head('Content-Transfer-Encoding: 8bit') }));
  await delivery.deliver(mailOf('12345', { head: head('Content-Transfer-Encoding: 7bit') }));
  await delivery.deliver(mailOf('12345', { head: head('Subject: gr\u00c3\u00bcn') }));
  const parameters = relay.mails.map((mail) => mail.parameters);
  assert.deepEqual(
    parameters.map(({ BODY }) => BODY),
    ['8BITMIME', undefined, '8BITMIME'],
  );
  assert.deepEqual(
    parameters.map(({ SIZE }) => SIZE),
    ['48', '48', '31'],
  );
});

test('deliver() asks for reports where it is told to and the relay does them', async (t) => {
  const dsn = ['failure', 'delay'] as const;
  for (const hideDSN of [true, false]) {
    const seen: unknown[] = [];
    const relay = await openRelay(t, {
      server: {
        hideDSN,
        onRcptTo({ args }, _session, callback) {
          seen.push(args);
          callback();
        },
      },
    });
    await deliverOne(t, { port: relay.port, dsn }, { run: 'run+1' });
    assert.deepEqual(seen, [hideDSN ? false : { NOTIFY: 'FAILURE,DELAY' }]);
    const { RET, ENVID } = relay.mails[0]?.parameters ?? {};
    assert.deepEqual([RET, ENVID], hideDSN ? [undefined, undefined] : ['HDRS', 'run+1']);
  }
});

test('deliver() sends a bounce as from nobody, and all others from the sender that is set', async (t) => {
  const relay = await openRelay(t);
  const delivery = deliveryTo(t, { port: relay.port, from: 'cron@example.com' });
  await delivery.deliver(mailOf('', { sender: '' }));
  await delivery.deliver(mailOf('', { sender: 'bob@example.com' }));
  assert.deepEqual(
    relay.mails.map(({ sender }) => sender),
    ['', 'cron@example.com'],
  );
  assert.match(
    relay.mails[1]?.bytes.toString() ?? '',
    /^From: cron@example\.com \(Cron Daemon\)\r$/m,
  );
});

test('deliver() tells a relay an address once', async (t) => {
  const relay = await openRelay(t, { rcpt: refuseNone });
  const recipients = ['alice', 'alice@web1.example.com'];
  assert.deepEqual(await deliverOne(t, { port: relay.port }, { recipients }), []);
  assert.deepEqual(relay.mails[0]?.recipients, ['alice@web1.example.com']);
});

function refuseNone(): undefined {}

const UNICODE = ['gr\u00fc\u00dfe@example.com', 'alice@b\u00fccher.example', 'bob'].map((address) =>
  Buffer.from(address).toString('latin1'),
);

test('deliver() writes other than ASCII by SMTPUTF8, and a domain always in ASCII', async (t) => {
  const relay = await openRelay(t);
  assert.deepEqual(await deliverOne(t, { port: relay.port }, { recipients: UNICODE }), []);
  assert.equal(relay.mails[0]?.parameters['SMTPUTF8'], true);
  assert.deepEqual(relay.mails[0]?.recipients.slice(0, 1), ['gr\u00fc\u00dfe@example.com']);
});

test('deliver() keeps other than ASCII from a relay without SMTPUTF8', async (t) => {
  const relay = await openRelay(t, { server: { hideSMTPUTF8: true } });
  const refused = await deliverOne(t, { port: relay.port }, { recipients: UNICODE });
  assert.deepEqual(
    refused.map(({ recipient, permanent }) => [recipient, permanent]),
    [[UNICODE[0], true]],
  );
  assert.match(refused[0]?.reason ?? '', /takes no addresses beyond ASCII/);
  assert.equal(relay.mails[0]?.recipients.length, 2);
  const none = await deliverOne(t, { port: relay.port }, { recipients: UNICODE.slice(0, 1) });
  assert.deepEqual([none.length, none[0]?.permanent, relay.mails.length], [1, true, 1]);
});

test('deliver() lets no address end the command that it stands in', async (t) => {
  const relay = await openRelay(t);
  const recipients = ['a>\r\nRCPT TO:<b', 'a b@c', 'x\u0000y', '<a@b>', '@b', 'alice'];
  const refused = await deliverOne(t, { port: relay.port }, { recipients });
  assert.deepEqual(
    refused.map(({ recipient, permanent }) => [recipient, permanent]),
    recipients.slice(0, 5).map((recipient) => [recipient, true]),
  );
  assert.deepEqual(relay.mails[0]?.recipients, ['alice@web1.example.com']);
  const sender = await deliverOne(t, { port: relay.port }, { sender: 'a>\nDATA' });
  assert.equal(sender[0]?.permanent, true);
});

/** Replies → recipient, permanent, reason, of a mail to alice, bob and carol. */
const REFUSALS: readonly {
  readonly name: string;
  readonly replies: Parameters<typeof openRelay>[1];
  readonly refused: Readonly<Record<string, boolean>>;
  readonly reason: RegExp;
}[] = [
  {
    name: 'one of three recipients for good',
    replies: { rcpt: (address) => refuse(address.startsWith('bob'), 550, '5.1.1 unknown') },
    refused: { bob: true },
    reason: /^127\.0\.0\.1:\d+ said to RCPT TO: 550 5\.1\.1 unknown$/,
  },
  {
    name: 'one of three recipients for now',
    replies: { rcpt: (address) => refuse(address.startsWith('bob'), 451, 'greylisted') },
    refused: { bob: false },
    reason: /said to RCPT TO: 451 greylisted$/,
  },
  {
    name: 'all recipients, each in its own way',
    replies: { rcpt: (address) => refuse(true, address.startsWith('bob') ? 451 : 550, 'no') },
    refused: { alice: true, bob: false, carol: true },
    reason: /said to RCPT TO: (451|550) no$/,
  },
  {
    name: 'the sender',
    replies: { mail: () => refuse(true, 553, 'not from you') },
    refused: { alice: true, bob: true, carol: true },
    reason: /said to MAIL FROM: 553 not from you$/,
  },
  {
    name: 'who has not logged in',
    replies: { mail: () => refuse(true, 530, 'log in first') },
    refused: { alice: false, bob: false, carol: false },
    reason: /said to MAIL FROM: 530 log in first$/,
  },
  {
    name: 'the message',
    replies: { data: () => refuse(true, 554, 'spam') },
    refused: { alice: true, bob: true, carol: true },
    reason: /said to DATA: 554 spam$/,
  },
  {
    name: 'the message, for now',
    replies: { data: () => refuse(true, 452, 'full') },
    refused: { alice: false, bob: false, carol: false },
    reason: /said to DATA: 452 full$/,
  },
  {
    name: 'the size',
    replies: { server: { size: 50 } },
    refused: { alice: true, bob: true, carol: true },
    reason: /Message size larger than allowed 50$/,
  },
];

function refuse(really: boolean, code: number, text: string): Refusal | undefined {
  return really ? { code, text } : undefined;
}

for (const { name, replies: given, refused, reason } of REFUSALS)
  test(`deliver() tells that a relay refuses ${name}`, async (t) => {
    const relay = await openRelay(t, given);
    const recipients = ['alice', 'bob', 'carol'];
    const delivery = deliveryTo(t, { port: relay.port });
    const answer = await delivery.deliver(mailOf('hello\n', { recipients }));
    assert.deepEqual(
      Object.fromEntries(answer.map(({ recipient, permanent }) => [recipient, permanent])),
      refused,
    );
    for (const each of answer) assert.match(each.reason, reason);
    const taken = recipients.filter((recipient) => !(recipient in refused));
    assert.deepEqual(
      relay.mails.map((mail) => mail.recipients),
      taken.length === 0 ? [] : [taken.map((recipient) => `${recipient}@web1.example.com`)],
    );
    // The session goes on with the next mail, whatever became of this one.
    await delivery.deliver(mailOf('more\n', { recipients }));
    assert.equal(relay.sessions(), 1);
  });

test('deliver() sends ten mails over each session', async (t) => {
  const relay = await openRelay(t);
  const delivery = deliveryTo(t, { port: relay.port });
  const queue = Array.from({ length: 100 }, (_, index) => mailOf(`${index}\n`));
  const workers = Array.from({ length: 3 }, async () => {
    for (let mail = queue.pop(); mail !== undefined; mail = queue.pop())
      assert.deepEqual(await delivery.deliver(mail), []);
  });
  await Promise.all(workers);
  assert.equal(relay.mails.length, 100);
  const bodies = new Set(relay.mails.map(({ bytes }) => bytes.toString().split('\r\n\r\n')[1]));
  assert.equal(bodies.size, 100);
  assert.ok(relay.sessions() >= 10 && relay.sessions() <= 12, `${relay.sessions()} sessions`);
});

test('deliver() opens another session when the relay has ended the last one', async (t) => {
  const first = await openRelay(t);
  const delivery = deliveryTo(t, { port: first.port });
  await delivery.deliver(mailOf('1\n'));
  await first.close();
  const second = await openRelay(t, { port: first.port });
  assert.deepEqual(await delivery.deliver(mailOf('2\n')), []);
  assert.deepEqual([first.mails.length, second.mails.length], [1, 1]);
});

test('deliver() sends a mail again that a dying session did not begin', async (t) => {
  const relay = await openRelay(t);
  let sessions = 0;
  // The first session dies at the second mail's MAIL FROM.
  const port = await openSocket(t, (socket) => {
    sessions += 1;
    if (sessions > 1) return relayed(socket);
    let mails = 0;
    socket.write('220 x\r\n');
    socket.on('data', (data: Buffer) => {
      const text = data.toString();
      if (text.startsWith('EHLO')) socket.write('250 x\r\n');
      else if (text.startsWith('MAIL') && mails++ > 0) socket.destroy();
      else if (text.startsWith('DATA')) socket.write('354 go\r\n');
      else if (!/^(MAIL|RCPT)/.test(text) && !text.endsWith('\r\n.\r\n')) return;
      else socket.write('250 ok\r\n');
    });
  });
  const relayed = replies({
    EHLO: '250 x',
    MAIL: '250 ok',
    RCPT: '250 ok',
    DATA: '354 go',
    '.': '250 ok',
  });
  const delivery = deliveryTo(t, { port });
  assert.deepEqual(await delivery.deliver(mailOf('1\n')), []);
  assert.deepEqual(await delivery.deliver(mailOf('2\n')), []);
  assert.equal(sessions, 2);
  assert.equal(relay.mails.length, 0);
});

const TALK = { EHLO: '250 x', MAIL: '250 ok', RCPT: '250 ok', DATA: '354 go', '.': '250 ok' };

/** What a relay does → the reason that its mail is tried again. */
const TROUBLES: Record<string, readonly [Readonly<Record<string, string>>, RegExp]> = {
  'hangs up at EHLO': [{ EHLO: 'HANG UP', HELO: 'HANG UP' }, /closed unexpectedly|hung up|reset/],
  'is silent at EHLO': [{}, /Timeout|silent/],
  'closes with 421 at RCPT': [{ ...TALK, RCPT: '421 shutting down' }, /421 shutting down/],
  'hangs up at DATA': [{ ...TALK, DATA: 'HANG UP' }, /closed unexpectedly|reset/],
  'hangs up in the message': [{ ...TALK, Subject: 'HANG UP' }, /closed unexpectedly|reset|EPIPE/],
  'hangs up after the message': [{ ...TALK, '.': 'HANG UP' }, /closed unexpectedly|reset/],
  'is silent after the message': [{ ...TALK, '.': '' }, /Timeout|silent/],
  'says what is no SMTP': [
    { EHLO: 'HTTP/1.1 400 Bad Request', HELO: 'HTTP/1.1 400 Bad Request' },
    /HTTP/,
  ],
  'answers 554 to the greeting': [
    { EHLO: '554 no', HELO: '554 no service here' },
    /554 no service/,
  ],
};

for (const [name, [table, reason]] of Object.entries(TROUBLES))
  test(`deliver() keeps the mail for later when a relay ${name}`, async (t) => {
    const { '.': dot, ...rest } = table;
    const silent = dot === '' ? rest : table;
    const port = await openSocket(t, replies(silent));
    const answer = await deliverOne(t, { port, timeout: 500 });
    assert.deepEqual(
      answer.map(({ recipient, permanent }) => [recipient, permanent]),
      [['alice', false]],
    );
    assert.match(answer[0]?.reason ?? '', reason);
  });

test('deliver() has its own patience with a relay that is never quite silent', async (t) => {
  const port = await openSocket(t, (socket) => {
    socket.write('220 x\r\n');
    socket.once('data', () => {
      const timer = setInterval(() => socket.write('250-x\r\n'), 100);
      socket.on('close', () => clearInterval(timer));
    });
  });
  const [refused] = await deliverOne(t, { port, timeout: 400 });
  assert.deepEqual(
    [refused?.permanent, /silent for too long/.test(refused?.reason ?? '')],
    [false, true],
  );
});

test('deliver() has patience with a relay that is slow and moves', async (t) => {
  const relay = await openRelay(t, {
    server: {
      onRcptTo(_address, _session, callback) {
        setTimeout(callback, 300);
      },
    },
  });
  const recipients = ['a', 'b', 'c', 'd'];
  assert.deepEqual(await deliverOne(t, { port: relay.port, timeout: 1000 }, { recipients }), []);
});

test('deliver() tells of a relay that is not there', async (t) => {
  const relay = await openRelay(t);
  await relay.close();
  const [refused] = await deliverOne(t, { port: relay.port });
  assert.equal(refused?.reason, `cannot send through 127.0.0.1:${relay.port}: connection refused`);
  assert.equal(refused?.permanent, false);
  const [unknown] = await deliverOne(t, { host: 'no.such.host.invalid', port: 25 });
  assert.match(
    unknown?.reason ?? '',
    /^cannot send through no\.such\.host\.invalid:25: getaddrinfo/,
  );
});

test('deliver() sends nothing of a mail whose end cannot be read', async (t) => {
  const relay = await openRelay(t);
  const delivery = deliveryTo(t, { port: relay.port });
  const mail = mailOf('', {
    async *chunks() {
      yield Buffer.from('the beginning\n');
      await pause(10);
      throw new Error('EIO: i/o error');
    },
  });
  const [refused] = await delivery.deliver(mail);
  assert.equal(refused?.permanent, false);
  assert.match(refused?.reason ?? '', /EIO/);
  assert.deepEqual(await delivery.deliver(mailOf('whole\n')), []);
  assert.deepEqual(
    relay.mails.map(({ bytes }) => bytes.toString().split('\r\n\r\n')[1]),
    ['whole\r\n'],
  );
});

test('deliver() reads nothing of a mail that the relay does not want', async (t) => {
  const relay = await openRelay(t, { rcpt: () => ({ code: 451, text: 'later' }) });
  let read = false;
  await deliverOne(
    t,
    { port: relay.port },
    {
      async *chunks() {
        read = true;
        yield Buffer.from('x');
      },
    },
  );
  assert.equal(read, false);
});

const folder = mkdtempSync(join(tmpdir(), 'lmtp-'));
after(() => rmSync(folder, { recursive: true }));

test('deliver() speaks LMTP, whose answer is one for each recipient', async (t) => {
  const port = await openSocket(
    t,
    replies({
      LHLO: '250 x',
      MAIL: '250 ok',
      'RCPT TO:<carol': '550 who?',
      RCPT: '250 ok',
      DATA: '354 go',
      '.': '250 ok\r\n452 over quota\r\n552 too much',
    }),
  );
  const recipients = ['alice', 'bob', 'carol', 'dave'];
  const answer = await deliverOne(t, { port, protocol: 'lmtp' }, { recipients });
  assert.deepEqual(
    Object.fromEntries(answer.map(({ recipient, permanent }) => [recipient, permanent])),
    { bob: false, carol: true, dave: true },
  );
});

test('deliver() speaks LMTP to a socket', async (t) => {
  const path = join(folder, 'socket');
  const relay = await openRelay(t, { path, server: { lmtp: true } });
  assert.deepEqual(await deliverOne(t, { host: path, protocol: 'lmtp' }), []);
  assert.equal(relay.mails.length, 1);
});

const secured = (): { key: Buffer; cert: Buffer } => {
  const { key, cert } = certificates();
  return { key, cert };
};

/** What is offered, and what is asked for → whether the mail goes, and encrypted. */
const SECURITY: readonly {
  readonly name: string;
  readonly offers: 'STARTTLS' | 'TLS' | 'nothing';
  readonly relay: () => Partial<Relay>;
  readonly secure: boolean | RegExp;
}[] = [
  {
    name: 'STARTTLS with its CA',
    offers: 'STARTTLS',
    relay: () => ({ security: 'starttls', ca: certificates().ca }),
    secure: true,
  },
  {
    name: 'STARTTLS and the name in the certificate',
    offers: 'STARTTLS',
    relay: () => ({ host: 'localhost', security: 'starttls', ca: certificates().ca }),
    secure: true,
  },
  {
    name: 'STARTTLS without its CA',
    offers: 'STARTTLS',
    relay: () => ({ security: 'starttls' }),
    secure:
      /^the certificate of 127\.0\.0\.1:\d+ is not to be trusted: .*\(see \[mail\.smtp\] tls_ca\)$/,
  },
  {
    name: 'STARTTLS with another CA',
    offers: 'STARTTLS',
    relay: () => ({ security: 'starttls', ca: certificates().stranger }),
    secure: /not to be trusted/,
  },
  {
    name: 'STARTTLS under another name',
    offers: 'STARTTLS',
    relay: () => ({ host: '127.0.0.2', security: 'starttls', ca: certificates().ca }),
    secure: /not to be trusted: .*127\.0\.0\.2/,
  },
  {
    name: 'STARTTLS and any certificate',
    offers: 'STARTTLS',
    relay: () => ({ security: 'starttls', acceptAny: true }),
    secure: true,
  },
  {
    name: 'no STARTTLS where it is needed',
    offers: 'nothing',
    relay: () => ({ security: 'starttls' }),
    secure: /said: 5\d\d/,
  },
  {
    name: 'STARTTLS where it is welcome',
    offers: 'STARTTLS',
    relay: () => ({ security: 'opportunistic' }),
    secure: true,
  },
  {
    name: 'no STARTTLS where it is welcome',
    offers: 'nothing',
    relay: () => ({ security: 'opportunistic' }),
    secure: false,
  },
  {
    name: 'STARTTLS where it is not wanted',
    offers: 'STARTTLS',
    relay: () => ({ security: 'off' }),
    secure: false,
  },
  {
    name: 'TLS with its CA',
    offers: 'TLS',
    relay: () => ({ security: 'tls', ca: certificates().ca }),
    secure: true,
  },
  {
    name: 'TLS without its CA',
    offers: 'TLS',
    relay: () => ({ security: 'tls' }),
    secure: /not to be trusted/,
  },
  {
    name: 'TLS and any certificate',
    offers: 'TLS',
    relay: () => ({ security: 'tls', acceptAny: true }),
    secure: true,
  },
];

for (const { name, offers, relay: changed, secure } of SECURITY)
  test(`deliver() with ${name}`, async (t) => {
    const disabledCommands = offers === 'STARTTLS' ? ['AUTH'] : ['AUTH', 'STARTTLS'];
    const server = { disabledCommands, secure: offers === 'TLS', ...secured() };
    const relay = await openRelay(t, { server, host: changed().host ?? '127.0.0.1' });
    const [refused] = await deliverOne(t, { port: relay.port, ...changed() });
    if (secure instanceof RegExp) {
      assert.match(refused?.reason ?? '', secure);
      assert.equal(refused?.permanent, false);
      assert.equal(relay.mails.length, 0);
    } else {
      assert.deepEqual([refused, relay.mails[0]?.secure], [undefined, secure]);
    }
  });

for (const method of ['PLAIN', 'LOGIN', 'CRAM-MD5'] as const)
  test(`deliver() logs in by ${method}`, async (t) => {
    const relay = await openRelay(t, {
      server: {
        authOptional: false,
        authMethods: [method],
        disabledCommands: [],
        ...secured(),
        onAuth(auth, _session, callback) {
          const right =
            method === 'CRAM-MD5' ? auth.validatePassword(PASSWORD) : auth.password === PASSWORD;
          callback(null, right && auth.username === USER ? { user: auth.username } : {});
        },
      },
    });
    const changed = { port: relay.port, security: 'starttls', ca: certificates().ca } as const;
    assert.deepEqual(await deliverOne(t, changed, {}, CREDENTIALS), []);
    assert.deepEqual([relay.mails[0]?.user, relay.mails[0]?.secure], [USER, true]);
  });

test('deliver() keeps the mail for later when the password is wrong, and does not tell it', async (t) => {
  const relay = await openRelay(t, {
    server: { disabledCommands: [], authOptional: false, ...secured() },
  });
  const changed = { port: relay.port, security: 'starttls', ca: certificates().ca } as const;
  const wrong = { user: USER, password: 'secret' };
  const [refused] = await deliverOne(t, changed, {}, wrong);
  assert.equal(refused?.permanent, false);
  assert.match(
    refused?.reason ?? '',
    /does not take the user and password of \[mail\.smtp\] credentials: 535/,
  );
  assert.doesNotMatch(JSON.stringify(refused), /secret|c2VjcmV0/);
});

test('deliver() sends nothing to a relay that asks for no login where there is one to give', async (t) => {
  const relay = await openRelay(t);
  const [refused] = await deliverOne(t, { port: relay.port }, {}, CREDENTIALS);
  assert.match(refused?.reason ?? '', /asks for no login/);
  assert.equal(relay.mails.length, 0);
});

test('deliver() reads 50 MB no faster than the relay does', async (t) => {
  const relay = await openRelay(t, { forget: true });
  const piece = Buffer.from(`${'0123456789abcdef'.repeat(4095)}0123456789abcde\n`);
  const count = Math.ceil(50_000_000 / piece.length);
  let read = 0;
  let ahead = 0;
  const mail = mailOf('', {
    size: count * piece.length,
    async *chunks() {
      for (let left = count; left > 0; left -= 1) {
        ahead = Math.max(ahead, read - relay.bytes());
        read += piece.length;
        yield piece;
      }
    },
  });
  assert.deepEqual(await deliveryTo(t, { port: relay.port }).deliver(mail), []);
  assert.ok(relay.bytes() > 50_000_000);
  assert.ok(ahead < 20_000_000, `${ahead} bytes ahead`); // the kernel's buffers are some megabytes
});

test('close() takes leave of the relay, and leaves one that does not answer', async (t) => {
  const port = await openSocket(t, replies(TALK));
  const delivery = new Delivery({ ...RELAY, port }, OPEN);
  assert.deepEqual(await delivery.deliver(mailOf('x\n')), []);
  await delivery.close();
});
