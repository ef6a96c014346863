import assert from 'node:assert/strict';
import { test } from 'node:test';
import PostalMime from 'postal-mime';
import { field } from '../../src/core/header.ts';
import { encodedWords } from '../../src/core/words.ts';

const utf8 = (text: string): string => Buffer.from(text).toString('latin1');

/** What stands in the field, line by line. */
const lines = (value: string, charset = 'UTF-8'): string[] =>
  field('Subject', value, charset).slice('Subject: '.length, -1).split('\n');

const table: readonly (readonly [value: string, expected: string])[] = [
  ['', ''],
  ['hello', 'hello'],
  ['two  blanks \t ', 'two  blanks \t '],
  ['a\r\nb\0c\x7f', 'a  b c '],
  [utf8('a grün b'), 'a =?UTF-8?Q?gr=C3=BCn?= b'],
  [utf8('a  grün und blau: größer b'), 'a =?UTF-8?Q?_gr=C3=BCn_und_blau=3A_gr=C3=B6=C3=9Fer?= b'],
  [utf8('день'), '=?UTF-8?B?0LTQtdC90Yw=?='],
  ['gr\xfcn', '=?unknown-8bit?Q?gr=FCn?='],
  [`${utf8('anä')}\xffx`, '=?UTF-8?Q?an=C3=A4?= =?unknown-8bit?Q?=FFx?='],
  ['echo =?utf-8?q?x?=', 'echo =?US-ASCII?Q?=3D=3Futf-8=3Fq=3Fx=3F=3D?='],
];
for (const [value, expected] of table)
  test(`field() writes ${JSON.stringify(value)}`, () => {
    assert.deepEqual(lines(value), [expected]);
  });

test('field() says the charset of the locale, of bytes that are not UTF-8', () => {
  assert.deepEqual(lines('gr\xfcn', 'ISO-8859-15'), ['=?ISO-8859-15?Q?gr=FCn?=']);
});

test('field() folds at blanks what is too long for a line', async () => {
  const value = 'word '.repeat(300).trim();
  const folded = lines(value);
  assert.ok(folded.length > 1 && folded.every((line) => line.length <= 76));
  assert.equal(folded.join(''), value);
});

test('field() encodes a word that is too long to be folded', async () => {
  const value = `a ${'x'.repeat(1500)} b`;
  assert.ok(lines(value).every((line) => line.length <= 76));
  const parsed = await PostalMime.parse(field('Subject', value, 'UTF-8'));
  assert.equal(parsed.subject, value);
});

test('field() never leaves a line of blanks', () => {
  const value = `a${' '.repeat(1500)}b${' '.repeat(1500)}`;
  for (const line of lines(value)) assert.match(line, /[^ ]/);
  for (const line of lines(' '.repeat(1500))) assert.ok(line.length <= 990);
});

test('encodedWords() splits no character, and has words of at most 75', () => {
  for (const text of ['ä'.repeat(200), '€'.repeat(200), '🙂'.repeat(200), 'aaaaaaaaä'.repeat(50)]) {
    const words = encodedWords(utf8(text), 'UTF-8');
    assert.ok(words.every((word) => word.length <= 75));
    const whole = words.map((word) => {
      const [, , , coding, payload = ''] =
        /^=\?([^?]*)(\?)(.)\?(.*)\?=$/.exec(word)?.slice(0) ?? [];
      const bytes =
        coding === 'B'
          ? Buffer.from(payload, 'base64')
          : Buffer.from(
              payload
                .replaceAll('_', ' ')
                .replaceAll(/=(..)/g, (_, hex) => String.fromCharCode(parseInt(hex, 16))),
              'latin1',
            );
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    });
    assert.equal(whole.join(''), text);
  }
});
