import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readAddresses, whyNot } from '../../src/mail/addresses.ts';

/** A list → its addresses, and what is said of the rest of it. */
const table: Record<string, readonly [addresses: readonly string[], ...reasons: RegExp[]]> = {
  '': [[]],
  ' , ,': [[]],
  alice: [['alice']],
  'alice@example.org': [['alice@example.org']],
  'alice, bob': [['alice', 'bob']],
  'alice bob': [['alice', 'bob']],
  'alice\tbob,carol': [['alice', 'bob', 'carol']],
  'Alice <a@b.org>': [['a@b.org']],
  'Alice B. Smith <a@b.org>, "Smith, Bob" <bob@b.org>': [['a@b.org', 'bob@b.org']],
  '"Smith <x@y>, Bob" <bob@b.org>': [['bob@b.org']],
  '"x@evil.org" <a@b.org>': [['a@b.org']],
  'root (Cron Daemon)': [['root']],
  '(a, b@c <d>) alice (x (y, z) \\) )': [['alice']],
  'alice(x)@(y)b.org(z)': [['alice@b.org']],
  'alice @ b.org': [['alice@b.org']],
  'alice@ b.org , bob @b.org': [['alice@b.org', 'bob@b.org']],
  '<alice>': [['alice']],
  '< a@b.org >': [['a@b.org']],
  '<a(x)@b.org>': [['a@b.org']],
  '<@relay.org,@other.org:a@b.org>': [['a@b.org']],
  '"john doe"@b.org': [['"john doe"@b.org']],
  '"a,b\\"c"@b.org, d': [['"a,b\\"c"@b.org', 'd']],
  '<"a>b"@c.org>': [['"a>b"@c.org']],
  'undisclosed-recipients:;': [[]],
  'friends: alice, Bob <bob@b.org>;, carol': [['alice', 'bob@b.org', 'carol']],
  'a: b; c: d;': [['b', 'd']],
  'alice; bob': [['alice', 'bob']],
  "o'brien+tag=x/y@b-c.org": [["o'brien+tag=x/y@b-c.org"]],
  'a@[127.0.0.1], b@[IPv6:::1]': [['a@[127.0.0.1]', 'b@[IPv6:::1]']],
  'host!user%there@b.org': [['host!user%there@b.org']],
  'j\u00c3\u00bcrgen@b\u00c3\u00bccher.org': [['j\u00c3\u00bcrgen@b\u00c3\u00bccher.org']],
  'alice, <>, bob': [['alice', 'bob'], /an address is empty/],
  'alice, @b.org, bob': [['alice', 'bob'], /nothing before the "@"/],
  'a@, b': [['b'], /no right domain/],
  'a@-b.org, a@b-, a@b..org, a@b.org.': [[], ...Array.from({ length: 4 }, () => /no right domain/)],
  'a@b@c': [[], /must be quoted/],
  '|/bin/sh, /etc/passwd, x': [['x'], /is a program or a file/, /is a program or a file/],
  '"|/bin/sh"': [[], /is no user/],
  '":include:/x"@b.org': [['":include:/x"@b.org']],
  ':include:/etc/passwd, x': [['x'], /begins no group/],
  '-bs, x': [['x'], /begins as an option/],
  '<-bs@b.org>': [[], /begins as an option/],
  'alice <a@b> bob, x': [['x'], /text follows behind <a@b>: "bob"/],
  '<a@b> <c@d>, x': [['x'], /a comma is missing behind <a@b>/],
  'x, (never': [['x'], /a comment does not end/],
  'x, "never': [['x'], /a quote does not end/],
  'x, <never': [['x'], /a "<" has no ">"/],
  'x, <a<b>': [['x'], /a "<" has no ">"/],
  'x, )': [['x'], /no address begins so/],
  'a: b, c: d; e': [['b', 'e'], /begins no group/],
  'a@b: c, d': [['d'], /begins no group/],
  'a\0b': [[], /control character/],
  [`${'x'.repeat(65)}@b.org`]: [[], /more than 64 bytes before/],
  [`x@${'y'.repeat(253)}`]: [[], /longer than 254 bytes/],
};
for (const [text, [addresses, ...reasons]] of Object.entries(table)) {
  test(`readAddresses() reads ${JSON.stringify(text.slice(0, 80))}`, () => {
    const read = readAddresses(text);
    assert.deepEqual(read.addresses, addresses);
    assert.equal(read.wrong.length, reasons.length, JSON.stringify(read.wrong));
    for (const [index, reason] of reasons.entries())
      assert.match(read.wrong[index]?.reason ?? '', reason);
  });
}

const atom = fc.stringMatching(/^[a-z][a-z0-9+_=-]{0,10}$/);
const domain = fc.stringMatching(/^[a-z][a-z0-9]{0,8}(\.[a-z]{2,4}){0,2}$/);
const quotedLocal = fc
  .string({ unit: fc.constantFrom(...'ab @,;:<>()."\\'.split('')), minLength: 1, maxLength: 10 })
  .map((text) => `"${text.replaceAll(/["\\]/g, '\\$&')}"`);
const address = fc.oneof(
  atom,
  fc.tuple(fc.oneof(atom, quotedLocal), domain).map(([local, at]) => `${local}@${at}`),
);
const comment = fc
  .string({ unit: fc.constantFrom(...'ab @,;:<>."'.split('')), maxLength: 10 })
  .map((text) => `(${text} (${text}))`);
const blank = fc.constantFrom('', ' ', '\t ');
const decorated = fc
  .tuple(address, quotedLocal, comment, fc.constantFrom('bare', 'named', 'words'), blank)
  .map(([plain, name, note, how, gap]): { plain: string; written: string } => {
    const forms = {
      bare: `${gap}${note}${plain}${gap}${note}`,
      named: `${name}${gap}<${gap}${plain}>${note}`,
      words: `Some words${gap}${note}<${plain}${gap}>`,
    };
    return { plain, written: forms[how] };
  });

test('readAddresses() finds each address that was written, and no other', () => {
  const group = fc.tuple(fc.array(decorated), fc.boolean());
  fc.assert(
    fc.property(fc.array(group), (groups) => {
      const written = groups.map(([list, named]) => {
        const text = list.map((each) => each.written).join(',');
        return named ? `some group: ${text};` : text;
      });
      const { addresses, wrong } = readAddresses(written.join(', '));
      assert.deepEqual(wrong, []);
      assert.deepEqual(
        addresses,
        groups.flatMap(([list]) => list.map(({ plain }) => plain)),
      );
    }),
  );
});

test('readAddresses() tells of nothing that cannot be one word of a command line or of SMTP', () => {
  const text = fc.string({ unit: fc.constantFrom(...'ab@.,;:<>()[]"\\ |/-\n\0\x80'.split('')) });
  fc.assert(
    fc.property(text, (list) => {
      for (const found of readAddresses(list).addresses) {
        assert.equal(whyNot(found), null);
        assert.doesNotMatch(found, /^[-|/:]|\p{Cc}(?<![\u0080-\u009f])/u);
        assert.doesNotMatch(found.replace(/^"(?:[^"\\]|\\.)*"@/, ''), /[\s<>(),;]/);
      }
    }),
    { numRuns: 2000 },
  );
});

test('readAddresses() is quick with what is long and broken', () => {
  for (const unit of ['(', '"\\', '<', 'a@', '[', ':;', ',', '\\', '<">', 'a '])
    for (const end of ['', '"', ')']) assert.ok(readAddresses(unit.repeat(100_000) + end)); // quadratic, this would take minutes
});
