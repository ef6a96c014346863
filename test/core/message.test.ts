import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { composeHead, type MessageFacts } from '../../src/core/message.ts';

const facts: MessageFacts = {
  user: 'alice',
  host: 'web1',
  command: 'backup --all',
  to: 'alice',
  environment: [
    ['MAILTO', 'alice'],
    ['SHELL', '/bin/sh'],
    ['HOME', '/home/alice'],
    ['PATH', '/usr/bin:/bin'],
    ['LOGNAME', 'alice'],
  ],
  charset: 'UTF-8',
  failed: false,
};

/** The header fields of this name, in order. */
function fields(name: string, changed: Partial<MessageFacts>): string[] {
  return composeHead({ ...facts, ...changed })
    .split('\n')
    .filter((line) => line.startsWith(`${name}: `))
    .map((line) => line.slice(name.length + 2));
}

test('composeHead() writes the block of Debian, byte for byte', () => {
  assert.equal(
    composeHead(facts),
    `From: root (Cron Daemon)
To: alice
Subject: Cron <alice@web1> backup --all
MIME-Version: 1.0
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: 8bit
X-Cron-Env: <MAILTO=alice>
X-Cron-Env: <SHELL=/bin/sh>
X-Cron-Env: <HOME=/home/alice>
X-Cron-Env: <PATH=/usr/bin:/bin>
X-Cron-Env: <LOGNAME=alice>

`,
  );
});

test('composeHead() marks a failure at the end of the Subject', () => {
  assert.deepEqual(fields('Subject', { failed: true }), [
    'Cron <alice@web1> backup --all (failed)',
  ]);
});

test('composeHead() leaves a Subject whole, unfolded and with its 8-bit bytes', () => {
  const command = `caf\xc3\xa9 ${'x'.repeat(2000)}`;
  assert.deepEqual(fields('Subject', { command }), [`Cron <alice@web1> ${command}`]);
});

test('composeHead() takes the sender from MAILFROM', () => {
  assert.deepEqual(fields('From', { environment: [['MAILFROM', 'cron@example.org']] }), [
    'cron@example.org',
  ]);
  const both = { from: 'a@x', environment: [['MAILFROM', 'b@x']] } as const;
  assert.deepEqual(fields('From', both), ['a@x']);
});

test('composeHead() falls back to the sender of vixie when MAILFROM is not safe', () => {
  for (const from of ['', '-t', 'a b', 'Cron <a@x>', 'a@x\nBcc: b', 'x'.repeat(300)]) {
    const expected = ['root (Cron Daemon)'];
    assert.deepEqual(fields('From', { environment: [['MAILFROM', from]] }), expected, from);
    assert.deepEqual(fields('From', { from }), expected, from);
  }
});

test('composeHead() takes type and encoding from the crontab', () => {
  const environment = [
    ['CONTENT_TYPE', 'text/html; charset=utf-8'],
    ['CONTENT_TRANSFER_ENCODING', 'quoted-printable'],
  ] as const;
  assert.deepEqual(fields('Content-Type', { environment }), ['text/html; charset=utf-8']);
  assert.deepEqual(fields('Content-Transfer-Encoding', { environment }), ['quoted-printable']);
});

test('composeHead() shows the environment in its order', () => {
  const environment = [
    ['B', '2'],
    ['A', ''],
    ['C', 'x=y'],
  ] as const;
  assert.deepEqual(fields('X-Cron-Env', { environment }), ['<B=2>', '<A=>', '<C=x=y>']);
});

test('composeHead() puts a blank for each control character but the tab', () => {
  assert.deepEqual(fields('Subject', { command: 'a\r\nBcc: b\0c\x7fd\te' }), [
    'Cron <alice@web1> a  Bcc: b c d\te',
  ]);
  assert.deepEqual(fields('To', { to: 'a\nBcc: b' }), ['a Bcc: b']);
  assert.deepEqual(fields('X-Cron-Env', { environment: [['A\n\nB', 'c\rd']] }), ['<A  B=c d>']);
  assert.deepEqual(fields('Content-Type', { environment: [['CONTENT_TYPE', 'a\r\n\r\nb']] }), [
    'a    b',
  ]);
  assert.deepEqual(fields('Content-Type', { charset: 'a\nb' }), ['text/plain; charset=a b']);
});

test('composeHead() has as many lines as fields whatever stands in them', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', ':', ' ', '\r', '\n', '\0', '\x0b', '\xc3'),
  });
  fc.assert(
    fc.property(text, text, text, text, fc.boolean(), (user, host, command, value, failed) => {
      const environment = [
        ['MAILFROM', value],
        ['CONTENT_TYPE', value],
        [command, value],
      ] as const;
      const head = composeHead({ ...facts, user, host, command, to: value, environment, failed });
      assert.equal(head.split('\n').length, 6 + 3 + 2);
      assert.ok(head.endsWith('>\n\n') && !/[\r\0\v]/.test(head));
    }),
  );
});
