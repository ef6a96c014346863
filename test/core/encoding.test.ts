import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Coding, codedSize, encoder } from '../../src/core/encoding.ts';
import { Surveyor } from '../../src/core/survey.ts';

/** Encode byte strings, piece by piece. */
function encode(coding: Coding, ...pieces: readonly string[]): string {
  const coder = encoder(coding);
  const coded = pieces.map((piece) => coder.add(Buffer.from(piece, 'latin1')));
  return Buffer.concat([...coded, coder.end()]).toString('latin1');
}

function decode(coding: Coding, text: string): string {
  if (coding === 'base64') return Buffer.from(text, 'base64').toString('latin1');
  return text
    .replaceAll('=\n', '')
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
}

const table: Record<string, string> = {
  '': '',
  'hello\n': 'hello\n',
  hello: 'hello=\n',
  'a=b\n': 'a=3Db\n',
  'Gr\xc3\xbc\xc3\x9fe\n': 'Gr=C3=BC=C3=9Fe\n',
  'two  blanks  \n': 'two  blanks =20\n',
  'a tab\t\n': 'a tab=09\n',
  ' ': '=20=\n',
  '50 %\r100 %\n': '50 %=0D100 %\n',
  'dos\r\n': 'dos=0D\n',
  '\0\x07\x1b[1m\n': '=00=07=1B[1m\n',
  '.\n..\na.b\n': '=2E\n=2E.\na.b\n',
  'From me\nFrom\nFor you\n': '=46rom me\nFrom\nFor you\n',
  '>From me\n> >\n': '=3EFrom me\n=3E >\n',
};
for (const [body, expected] of Object.entries(table))
  test(`quoted-printable of ${JSON.stringify(body)}`, () => {
    assert.equal(encode('quoted-printable', body), expected);
  });

test('quoted-printable breaks long lines', () => {
  assert.equal(
    encode('quoted-printable', `${'x'.repeat(160)}\n`),
    `${'x'.repeat(75)}=\n${'x'.repeat(75)}=\n${'x'.repeat(10)}\n`,
  );
  assert.equal(
    encode('quoted-printable', `${'x'.repeat(75)}.${'y'.repeat(74)}From \n`),
    `${'x'.repeat(75)}=\n=2E${'y'.repeat(72)}=\nyyFrom=20\n`,
  );
});

test('base64 has lines of 76 characters', () => {
  const coded = encode('base64', 'x'.repeat(100));
  assert.deepEqual(
    coded.split('\n').map(({ length }) => length),
    [76, 60, 0],
  );
  assert.equal(coded.replaceAll('\n', ''), btoa('x'.repeat(100)));
});

test('nothing is encoded where nothing needs it', () => {
  assert.equal(encode('none', 'a\0', 'b\r'), 'a\0b\r');
});

const piece = fc.string({
  unit: fc.constantFrom(...'abF> \t\r\n.=\0\x7f\xc3\xbc\xff'.split(''), 'From ', 'x'.repeat(70)),
  maxLength: 40,
});
for (const coding of ['quoted-printable', 'base64'] as const)
  test(`${coding} round-trips, however it is cut into pieces, in short lines of ASCII`, () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const coded = encode(coding, ...pieces);
        assert.equal(decode(coding, coded), pieces.join(''));
        assert.match(coded, /^[\n\t -~]*$/);
        assert.doesNotMatch(coded, /^.{77}|[ \t]$|^[.>]|^From /m);
        const surveyor = new Surveyor();
        for (const each of pieces) surveyor.add(Buffer.from(each, 'latin1'));
        assert.ok(coded.length <= codedSize(surveyor.result, coding));
      }),
      { numRuns: 1000 },
    );
  });
