/** What a terminal is shown of others' output. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shownPieces } from '../../src/cli/pieces.ts';

const rows: [given: readonly string[], shown: readonly string[]][] = [
  [['a\tb\r\nc'], ['a\tb\r\nc']],
  [
    ['\x1b]0;x\x07', '\x7f\0'],
    ['?]0;x?', '??'],
  ],
  [
    ['\xc3\xa9', '\xc2\xa0', '\xc2\x9b1m'],
    ['\xc3\xa9', '\xc2\xa0', '?1m'],
  ],
  // U+009B begins a sequence of controls as ESC [ does, also when it comes byte by byte.
  [
    ['\xc2', '\x9b1m'],
    ['\xc2', '?1m'],
  ],
  [
    ['a\xc2', '', '\x9b'],
    ['a\xc2', '', '?'],
  ],
  [
    ['\xc2', '\xa9', '\x9b'],
    ['\xc2', '\xa9', '\x9b'],
  ],
  [
    ['\xc2', '\xc2', '\x85'],
    ['\xc2', '\xc2', '?'],
  ],
];
for (const [given, shown] of rows)
  test(`shownPieces() makes ${JSON.stringify(given)} harmless`, () => {
    const show = shownPieces(true);
    const got = given.map((piece) => show(Buffer.from(piece, 'latin1')).toString('latin1'));
    assert.deepEqual(got, shown);
  });

test('shownPieces() leaves every byte as it is for a file or a program', () => {
  const bytes = Buffer.from('\x1b[1m\xc2\x9b\0', 'latin1');
  assert.deepEqual(shownPieces(false)(bytes), bytes);
});
