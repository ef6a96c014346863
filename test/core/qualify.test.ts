/** Addresses without a domain get one, and nothing else changes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { qualify, qualifyHead } from '../../src/core/qualify.ts';

const ADDRESSES: Record<string, string> = {
  alice: 'alice@d',
  'alice@example.com': 'alice@example.com',
  '': '',
};

for (const [written, qualified] of Object.entries(ADDRESSES))
  test(`qualify() makes ${JSON.stringify(qualified)} of ${JSON.stringify(written)}`, () =>
    assert.equal(qualify(written, 'd'), qualified));

/** Field → what it becomes. */
const FIELDS: Record<string, string> = {
  'From: root (Cron Daemon)': 'From: root@d (Cron Daemon)',
  'From: root': 'From: root@d',
  'To: alice': 'To: alice@d',
  'To: alice,bob': 'To: alice@d,bob@d',
  'To: alice, bob@example.com,  carol': 'To: alice@d, bob@example.com,  carol@d',
  'To: Alice <alice>, "Bob, the (great) <b>" <bob>':
    'To: Alice <alice@d>, "Bob, the (great) <b>" <bob@d>',
  'To: <alice>': 'To: <alice@d>',
  'To: <@relay:alice@example.com>': 'To: <@relay:alice@example.com>',
  'To: "john doe"': 'To: "john doe"@d',
  'To: staff: alice, bob; , carol': 'To: staff: alice@d, bob@d; , carol@d',
  'To: (a (nested) comment) alice (b)': 'To: (a (nested) comment) alice@d (b)',
  'To: alice bob': 'To: alice bob',
  'To: Alice (x': 'To: Alice@d (x',
  'To: "alice': 'To: "alice',
  'To:': 'To:',
  'To: ': 'To: ',
  'to: alice': 'to: alice@d',
  'TO:\talice': 'TO:\talice@d',
  'To: alice,\n bob': 'To: alice@d,\n bob@d',
  'To: alice\r': 'To: alice@d\r',
  'Reply-To: alice': 'Reply-To: alice@d',
  'Subject: To: alice': 'Subject: To: alice',
  'X-To: alice': 'X-To: alice',
  'Subject: x\n To: alice': 'Subject: x\n To: alice',
  'To: gr\u00fc\u00dfe': 'To: gr\u00fc\u00dfe@d',
};

for (const [field, qualified] of Object.entries(FIELDS))
  test(`qualifyHead() makes ${JSON.stringify(qualified)} of ${JSON.stringify(field)}`, () =>
    assert.equal(qualifyHead(`A: b\n${field}\nC: d\n\n`, 'd'), `A: b\n${qualified}\nC: d\n\n`));

test('qualifyHead() puts a sender that is given into From, where that has no domain', () => {
  const head = (from: string): string => qualifyHead(`From: ${from}\nTo: alice\n\n`, 'd', 'c@e');
  assert.equal(head('root (Cron Daemon)'), 'From: c@e (Cron Daemon)\nTo: alice@d\n\n');
  assert.equal(head('bob@example.com'), 'From: bob@example.com\nTo: alice@d\n\n');
});

test('qualifyHead() only ever adds', () => {
  const unit = fc.constantFrom(...'ab@,;:<>()"\\ \n\tT'.split(''), 'To: ', 'From: ', '\u00fc');
  fc.assert(
    fc.property(fc.string({ unit }), (head) => {
      const qualified = qualifyHead(head, '\u00b6');
      assert.equal(qualified.replaceAll('@\u00b6', ''), head);
      assert.equal(qualified.split('\n').length, head.split('\n').length);
      assert.equal(qualifyHead(qualified, '\u00b6'), qualified);
    }),
  );
});

test('qualifyHead() takes no time for what is made to take long', () => {
  const started = performance.now();
  for (const evil of ['(', '"', '<', '((', '(a', '\\(', '\\"', 'a,', ' ', '\n '])
    qualifyHead(`To: ${evil.repeat(100_000)}(((`, 'd');
  assert.ok(performance.now() - started < 10_000);
});
