import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import PostalMime from 'postal-mime';
import { composeHead, type MessageFacts, type RunFacts } from '../../src/core/message.ts';

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

const run: RunFacts = {
  at: Date.UTC(2026, 10, 22, 15, 30, 1),
  offset: 90,
  messageId: 'a@b',
  status: 'exit 0',
  duration: 12_345,
  scheduled: '',
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

test('composeHead() leaves a Subject of ASCII on one line as long as mailers take it', () => {
  const command = `a  b\t${'x'.repeat(900)} `;
  assert.deepEqual(fields('Subject', { command }), [`Cron <alice@web1> ${command}`]);
});

test('composeHead() takes the sender from MAILFROM', () => {
  assert.deepEqual(fields('From', { environment: [['MAILFROM', 'cron@example.org']] }), [
    'cron@example.org',
  ]);
  const both = { from: 'a@x', environment: [['MAILFROM', 'b@x']] } as const;
  assert.deepEqual(fields('From', both), ['a@x']);
  assert.deepEqual(fields('From', { from: '"Cron, at work" <a@x>' }), ['"Cron, at work" <a@x>']);
});

test('composeHead() falls back to the sender of vixie when MAILFROM is not safe', () => {
  for (const from of ['', '-t', 'a b', 'a@x, b@x', 'Cron <-t>', 'a@x\nBcc: b', 'x'.repeat(300)]) {
    const expected = ['root (Cron Daemon)'];
    assert.deepEqual(fields('From', { environment: [['MAILFROM', from]] }), expected, from);
    assert.deepEqual(fields('From', { from }), expected, from);
  }
});

test('composeHead() declares the body as it is told to', () => {
  const content = { type: 'text/html; charset=utf-8', encoding: 'quoted-printable' };
  assert.deepEqual(fields('Content-Type', { content }), ['text/html; charset=utf-8']);
  assert.deepEqual(fields('Content-Transfer-Encoding', { content }), ['quoted-printable']);
});

test('composeHead() shows several recipients as they were written, with commas', () => {
  const table: Record<string, string> = {
    'alice,bob': 'alice,bob',
    'alice, bob@x': 'alice, bob@x',
    'alice  bob@x\tcarol': 'alice, bob@x, carol',
    ',alice,,bob,': 'alice,bob',
    'Ann Lee <ann@x>': 'Ann Lee <ann@x>',
    '"Lee, Ann" <ann@x>,bob': '"Lee, Ann" <ann@x>,bob',
    'A. Lee <ann@x>': '"A. Lee" <ann@x>',
    '"say \\"hi\\"" <ann@x>': '"say \\"hi\\"" <ann@x>',
    '<ann@x>': 'ann@x',
    'Ren\xc3\xa9 <rene@x>, bob': '=?UTF-8?Q?Ren=C3=A9?= <rene@x>, bob',
    '=?utf-8?q?x?= <ann@x>': '=?US-ASCII?Q?=3D=3Futf-8=3Fq=3Fx=3F=3D?= <ann@x>',
  };
  for (const [to, expected] of Object.entries(table))
    assert.deepEqual(fields('To', { to }), [expected], to);
});

test('composeHead() masks the values of secrets', () => {
  const environment = [
    ['DB_PASSWORD', 'x'],
    ['MY_PASSWORD_FILE', '/x'],
    ['db_password', 'y'],
    ['PASSWORD', ''],
    ['API_KEY', 'x'],
    ['KEYBOARD', 'de'],
    ['A.B', '1'],
    ['AxB', '1'],
  ] as const;
  const shown = fields('X-Cron-Env', { environment, mask: ['*PASSWORD*', '*_KEY', 'A.B'] });
  assert.deepEqual(shown, [
    '<DB_PASSWORD=***>',
    '<MY_PASSWORD_FILE=***>',
    '<db_password=***>',
    '<PASSWORD=>',
    '<API_KEY=***>',
    '<KEYBOARD=de>',
    '<A.B=***>',
    '<AxB=1>',
  ]);
  assert.ok(fields('X-Cron-Env', { environment, mask: [] }).includes('<API_KEY=x>'));
});

test('composeHead() cuts what is too long, and says so', () => {
  const [cut = ''] = fields('X-Cron-Env', { environment: [['A', 'x'.repeat(5000)]] });
  assert.match(cut, /^<A=x{908}\.\.\. \(4092 more bytes\)>$/);
  const head = composeHead({ ...facts, command: 'word '.repeat(20_000) });
  assert.match(head.replaceAll('\n ', ' '), /^Subject: .* word \.\.\. \(98060 more bytes\)$/m);
});

test('composeHead() counts the variables for which there is no room', () => {
  const environment = Array.from(
    { length: 1000 },
    (_, index) => [`V${index}`, 'x'.repeat(100)] as const,
  );
  const head = composeHead({ ...facts, environment, run });
  assert.ok(head.length <= 30_000 && head.length > 29_700);
  const shown = head.split('\n').filter((line) => line.startsWith('X-Cron-Env: <'));
  assert.deepEqual(shown[0], `X-Cron-Env: <V0=${'x'.repeat(100)}>`);
  const left = 1000 - shown.length;
  assert.match(
    head,
    new RegExp(`^X-Cron-Env: \\(${left} more variables are not shown\\)\nDate: `, 'm'),
  );
});

test('composeHead() tells of the run after all that vixie’s cron tells', () => {
  const head = composeHead({ ...facts, run });
  assert.equal(
    head.slice(0, -1),
    composeHead(facts).slice(0, -1) + head.slice(head.indexOf('Date:'), -1),
  );
  assert.match(
    head,
    /^Date: Sun, 22 Nov 2026 17:00:01 \+0130\nMessage-ID: <a@b>\nAuto-Submitted: auto-generated\nX-Cron-Status: exit 0\nX-Cron-Duration: 12\.345\n\n/m,
  );
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
  assert.deepEqual(fields('Content-Type', { charset: 'a\nb' }), ['text/plain; charset=a b']);
});

const NAMES = 'From To Subject MIME-Version Content-Type Content-Transfer-Encoding'.split(' ');

test('composeHead() has exactly the fields that are meant, whatever stands in them', async () => {
  const text = fc.string({
    unit: fc.constantFrom(
      'a',
      ':',
      ' ',
      '\t',
      '\r',
      '\n',
      '\0',
      '\x0b',
      '\x7f',
      '"',
      '<',
      '>',
      ',',
      '@',
      '=?',
      '?=',
      '\xc3\xbc',
      '\xe2\x82\xac',
      '\xff',
      'Bcc: eve@x',
      'x'.repeat(80),
      'y'.repeat(1000),
    ),
    maxLength: 30,
  });
  await fc.assert(
    fc.asyncProperty(
      text,
      text,
      text,
      text,
      fc.boolean(),
      async (user, host, command, value, failed) => {
        const environment = [
          ['MAILFROM', value],
          [command, value],
        ] as const;
        const head = composeHead({
          ...facts,
          user,
          host,
          command,
          to: value,
          environment,
          failed,
          run,
        });
        assert.match(head, /^[\n\t -~]*\n\n$/);
        assert.doesNotMatch(head, /.{991}|\n[ \t]*\n[^]/);
        assert.ok(head.length <= 30_000);
        const names = head.match(/^[^ \t\n:]+(?=:)/gm);
        const ours = ['Date', 'Message-ID', 'Auto-Submitted', 'X-Cron-Status', 'X-Cron-Duration'];
        assert.deepEqual(names, [...NAMES, 'X-Cron-Env', 'X-Cron-Env', ...ours]);
        const parsed = await PostalMime.parse(`${head}body\n`);
        assert.deepEqual(
          parsed.headers.map(({ key }) => key),
          names.map((name) => name.toLowerCase()),
        );
        assert.equal(parsed.text, 'body\n');
        if (failed) assert.match(parsed.subject ?? '', / \(failed\)$/);
      },
    ),
    { numRuns: 300 },
  );
});

test('composeHead() writes a Subject that its reader reads as it was written', async () => {
  const word = fc.string({
    unit: fc.constantFrom(
      'a',
      'b',
      '=',
      '?',
      '_',
      '"',
      '\u00fc',
      '\u20ac',
      '\u{1f642}',
      'x'.repeat(90),
    ),
    minLength: 1,
    maxLength: 20,
  });
  const words = fc.array(
    fc.oneof(word, fc.constant('=?utf-8?q?x?='), fc.constant('y'.repeat(950))),
    {
      minLength: 1,
      maxLength: 12,
    },
  );
  await fc.assert(
    fc.asyncProperty(words, async (list) => {
      const command = Buffer.from(list.join(' ')).toString('latin1');
      fc.pre(command.length <= 2000);
      const parsed = await PostalMime.parse(composeHead({ ...facts, command }));
      assert.equal(parsed.subject, `Cron <alice@web1> ${list.join(' ')}`);
    }),
    { numRuns: 300 },
  );
});
