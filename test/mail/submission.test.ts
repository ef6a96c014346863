import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import PostalMime from 'postal-mime';
import { readAliases } from '../../src/mail/aliases.ts';
import { fromField, readFields, valueOf } from '../../src/mail/headers.ts';
import {
  composeSubmission,
  type Sender,
  type Submission,
  type Wishes,
} from '../../src/mail/submission.ts';
import { EXIT, Failure } from '../../src/system/failure.ts';

const ALICE: Sender = {
  user: 'alice',
  uid: 1000,
  name: 'Alice Liddell',
  domain: 'example.org',
  host: 'web1',
  hosts: ['localhost', 'web1', 'example.org'],
};
const MOMENT = { date: 'Sun, 22 Nov 2026 10:00:00 +0100', id: 'id-1' };
const NONE: Wishes = {
  recipients: [],
  fromMessage: false,
  noAliases: false,
  sender: null,
  name: null,
};
const { aliases } = readAliases('ops: bob, carol\nnobody: /dev/null\nbad: |x\n');

function compose(head: string, wishes: Partial<Wishes>): Submission {
  return composeSubmission(head, { ...NONE, ...wishes }, ALICE, aliases, MOMENT);
}

const TRACE = `Received: by web1 (cron-sendmail, from userid 1000);
	Sun, 22 Nov 2026 10:00:00 +0100
X-Cron-Sendmail-Hop: web1
`;
const FROM = 'From: Alice Liddell <alice@example.org>\n';
const DATE = 'Date: Sun, 22 Nov 2026 10:00:00 +0100\n';
const ID = 'Message-ID: <id-1@example.org>\n';

interface Composed {
  readonly head?: string;
  readonly wishes: Partial<Wishes>;
  /** Without what cron-sendmail puts on top, and without the empty line. */
  readonly becomes?: string;
  readonly to: readonly string[];
  readonly sender?: string;
}

const table: Record<string, Composed> = {
  'a message without a header': {
    wishes: { recipients: ['bob'] },
    becomes: `${FROM}To: bob\n${DATE}${ID}`,
    to: ['bob'],
  },
  'a message to several': {
    wishes: { recipients: ['bob, Carol <carol@x.org>'] },
    becomes: `${FROM}To: undisclosed-recipients:;\n${DATE}${ID}`,
    to: ['bob', 'carol@x.org'],
  },
  'a message that has all': {
    head: 'FROM: x\nTO: y\nDATE: z\nMESSAGE-ID: <1@2>\nSubject: hi\n',
    wishes: { recipients: ['bob'] },
    becomes: 'FROM: x\nTO: y\nDATE: z\nMESSAGE-ID: <1@2>\nSubject: hi\n',
    to: ['bob'],
  },
  'recipients in the message': {
    head: 'To: bob, Group: a@x.org;\nCc: Carol\n <carol@x.org>\nSubject: hi\n',
    wishes: { fromMessage: true },
    becomes: `To: bob, Group: a@x.org;\nCc: Carol\n <carol@x.org>\nSubject: hi\n${FROM}${DATE}${ID}`,
    to: ['bob', 'a@x.org', 'carol@x.org'],
  },
  'recipients in the message and as arguments': {
    head: 'To: bob\n',
    wishes: { fromMessage: true, recipients: ['carol', 'bob'] },
    becomes: `To: bob\n${FROM}${DATE}${ID}`,
    to: ['carol', 'bob'],
  },
  'blind copies': {
    head: 'To: bob\nBcc: carol,\n\tdave@x.org\nbcc : eve\nSubject: hi\n',
    wishes: { fromMessage: true },
    becomes: `To: bob\nSubject: hi\n${FROM}${DATE}${ID}`,
    to: ['bob', 'carol', 'dave@x.org', 'eve'],
  },
  'blind copies without -t': {
    head: 'Cc: bob\nBcc: carol\n',
    wishes: { recipients: ['dave'] },
    becomes: `Cc: bob\n${FROM}${DATE}${ID}`,
    to: ['dave'],
  },
  'blind copies only': {
    head: 'Bcc: bob, carol\n',
    wishes: { fromMessage: true },
    becomes: `${FROM}To: undisclosed-recipients:;\n${DATE}${ID}`,
    to: ['bob', 'carol'],
  },
  'a message that is sent on': {
    head: 'Resent-To: dave\nResent-Bcc: eve\nTo: bob\nFrom: x\nDate: z\nMessage-ID: <1@2>\n',
    wishes: { fromMessage: true },
    becomes: 'Resent-To: dave\nTo: bob\nFrom: x\nDate: z\nMessage-ID: <1@2>\n',
    to: ['dave', 'eve'],
  },
  'fields that are for others to write': {
    head: 'Return-Path: <x>\nContent-Length: 7\nTo: bob\n',
    wishes: { recipients: ['bob'] },
    becomes: `To: bob\n${FROM}${DATE}${ID}`,
    to: ['bob'],
  },
  'control characters in the header': {
    head: 'To: bob\nSubject: a\rBcc: x\0y\n',
    wishes: { recipients: ['bob'] },
    becomes: `To: bob\nSubject: a Bcc: x y\n${FROM}${DATE}${ID}`,
    to: ['bob'],
  },
  aliases: {
    head: 'To: ops, OPS@example.org, ops@localhost\n',
    wishes: { fromMessage: true },
    becomes: `To: ops, OPS@example.org, ops@localhost\n${FROM}${DATE}${ID}`,
    to: ['bob', 'carol'],
  },
  'no aliases': {
    wishes: { recipients: ['ops'], noAliases: true },
    to: ['ops'],
  },
  'an alias that throws away': { wishes: { recipients: ['nobody'] }, to: [] },
  'the name of -F': {
    wishes: { recipients: ['bob'], name: 'Cron Daemon' },
    becomes: `From: Cron Daemon <alice@example.org>\nTo: bob\n${DATE}${ID}`,
    to: ['bob'],
  },
  'a name that would be another header': {
    wishes: { recipients: ['bob'], name: 'x\nBcc: eve\r\n\0, "y" <z@w>' },
    becomes: `From: "x Bcc: eve , \\"y\\" <z@w>" <alice@example.org>\nTo: bob\n${DATE}${ID}`,
    to: ['bob'],
  },
  'the sender of -f': {
    wishes: { recipients: ['bob'], sender: 'Bounces <bounces@x.org>' },
    becomes: `From: bounces@x.org\nTo: bob\n${DATE}${ID}`,
    to: ['bob'],
    sender: 'bounces@x.org',
  },
  'the sender of -f with the name of -F': {
    wishes: { recipients: ['bob'], sender: 'www', name: 'The Web' },
    becomes: `From: The Web <www@example.org>\nTo: bob\n${DATE}${ID}`,
    to: ['bob'],
    sender: 'www',
  },
  'no sender': {
    wishes: { recipients: ['bob'], sender: '<>' },
    becomes: `From: alice@example.org\nTo: bob\n${DATE}${ID}`,
    to: ['bob'],
    sender: '',
  },
};
for (const [what, { head = '', wishes, becomes, to, sender = 'alice' }] of Object.entries(table)) {
  test(`composeSubmission() composes ${what}`, () => {
    const composed = compose(head, wishes);
    if (becomes !== undefined) assert.equal(composed.head, `${TRACE}${becomes}\n`);
    assert.deepEqual(composed.recipients, to);
    assert.deepEqual(composed.wrong, []);
    assert.equal(composed.sender, sender);
  });
}

test('composeSubmission() sends to those who can be reached', () => {
  const { recipients, wrong } = compose('To: bob, <>, carol\n', {
    fromMessage: true,
    recipients: ['-bs', 'bad'],
  });
  assert.deepEqual(recipients, ['bob', 'carol']);
  assert.deepEqual(
    wrong.map(({ text }) => text),
    ['-bs', '', 'bad'],
  );
});

const LONG_WAY = 'Received: by somebody\n'.repeat(31);

interface Refusal {
  readonly head: string;
  readonly wishes: Partial<Wishes>;
  readonly exit: number;
  readonly says: RegExp;
}

const to = { recipients: ['bob'] };
const refusals: Record<string, Refusal> = {
  'a message to nobody': {
    head: 'Subject: hi\n',
    wishes: { fromMessage: true },
    exit: EXIT.DATA,
    says: /no recipient in To, Cc or Bcc/,
  },
  'a group of nobody': {
    head: 'To: undisclosed-recipients:;\n',
    wishes: { fromMessage: true },
    exit: EXIT.DATA,
    says: /no recipient in To, Cc or Bcc/,
  },
  'an argument without an address': {
    head: '',
    wishes: { recipients: [''] },
    exit: EXIT.DATA,
    says: /no recipient on the command line/,
  },
  'a sender who is none': {
    head: '',
    wishes: { ...to, sender: 'a@b\nBcc: x' },
    exit: EXIT.USAGE,
    says: /sender of "-f"/,
  },
  'several senders': {
    head: '',
    wishes: { ...to, sender: 'a, b' },
    exit: EXIT.USAGE,
    says: /one address is needed/,
  },
  'a message that was here': {
    head: `${TRACE}Subject: hi\n`,
    wishes: to,
    exit: EXIT.UNAVAILABLE,
    says: /round in circles: its X-Cron-Sendmail-Hop tells that it was sent by cron-sendmail on web1/,
  },
  'a message that was everywhere': {
    head: LONG_WAY,
    wishes: to,
    exit: EXIT.UNAVAILABLE,
    says: /it has 31 Received fields/,
  },
};
for (const [what, { head, wishes, exit, says }] of Object.entries(refusals)) {
  test(`composeSubmission() refuses ${what}`, () => {
    assert.throws(
      () => compose(head, wishes),
      (error) => {
        assert.ok(error instanceof Failure);
        assert.equal(error.exit, exit);
        assert.match(error.message, says);
        return true;
      },
    );
  });
}

for (const [what, head] of Object.entries({
  'of another host': TRACE.replaceAll('web1', 'web2'),
  'that somebody sends on': `Resent-To: bob\nResent-Message-ID: <x@y>\n${TRACE}`,
})) {
  test(`composeSubmission() takes a message ${what}`, () => {
    assert.deepEqual(compose(`${head}Subject: hi\n`, to).recipients, ['bob']);
  });
}

test('composeSubmission() refuses the second time what it has composed', () => {
  const { head } = compose('Subject: hi\n', to);
  assert.throws(() => compose(head.slice(0, -1), to), /round in circles/);
});

test('fromField() is read as the name and the address that were given', async () => {
  const name = fc.string({ unit: fc.constantFrom(...'aB1 .,;:<>()@"\\=?_ü€\n\r\0'.split('')) });
  await fc.assert(
    fc.asyncProperty(name, async (text) => {
      const bytes = Buffer.from(text).toString('latin1');
      const field = fromField(bytes, 'a@b.org');
      assert.equal(readFields(field).length, 1);
      const { from } = await PostalMime.parse(Buffer.from(`${field}\n`, 'latin1'));
      assert.equal(from?.address, 'a@b.org');
      const plain = (words: string): string => words.replaceAll(/[\0-\x20]+/g, ' ').trim();
      assert.equal(plain(from?.name ?? ''), plain(text));
    }),
  );
});

test('fromField() encodes a long name without splitting a character', () => {
  const name = Buffer.from('Grüße '.repeat(30)).toString('latin1');
  const [field] = readFields(fromField(name, 'a@b.org'));
  assert.ok(field);
  for (const line of field.text.split('\n')) assert.ok(line.length <= 90, line);
  const words = [...valueOf(field).matchAll(/=\?UTF-8\?B\?([^?]*)\?=/g)];
  assert.ok(words.length > 3);
  for (const [, word = ''] of words)
    assert.doesNotMatch(Buffer.from(word, 'base64').toString('utf8'), /\ufffd/);
});
