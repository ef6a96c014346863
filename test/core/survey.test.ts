import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Survey, Surveyor } from '../../src/core/survey.ts';

function survey(...pieces: readonly string[]): Survey {
  const surveyor = new Surveyor();
  for (const piece of pieces) surveyor.add(Buffer.from(piece, 'latin1'));
  return surveyor.result;
}

/** What is true of a survey, in short. */
function short(...pieces: readonly string[]): string {
  const found = survey(...pieces);
  const said = (['nul', 'carriageReturn', 'bareReturn', 'longLine', 'eightBit'] as const).filter(
    (key) => found[key],
  );
  return [...said, ...(found.utf8 ? [] : ['no UTF-8'])].join(' ');
}

const table: readonly (readonly [pieces: readonly string[], expected: string])[] = [
  [[], ''],
  [['hello\nworld'], ''],
  [['\t\x01\x1b[1m\x7f\n'], ''],
  [['a\0b'], 'nul'],
  [['a\r\nb\r\n'], 'carriageReturn'],
  [['a\r', '\nb'], 'carriageReturn'],
  [['a\rb'], 'carriageReturn bareReturn'],
  [['a\r', '', 'b'], 'carriageReturn bareReturn'],
  [['a\r'], 'carriageReturn bareReturn'],
  [['\xc3\xbc'], 'eightBit'],
  [['\xc3', '\xbc'], 'eightBit'],
  [['\xc3'], 'eightBit no UTF-8'],
  [['\xc3\n\xbc'], 'eightBit no UTF-8'],
  [['\xff\nabc'], 'eightBit no UTF-8'],
  [['x'.repeat(988)], ''],
  [['x'.repeat(989)], 'longLine'],
  [['x'.repeat(988), '\n', 'x'.repeat(988), '\n'], ''],
  [['x'.repeat(500), 'x'.repeat(489), '\n', 'x'], 'longLine'],
  [['\n\nx\n', 'x'.repeat(900), 'x'.repeat(88), '\n'], ''],
];
for (const [pieces, expected] of table)
  test(`Surveyor finds in ${JSON.stringify(pieces).slice(0, 60)}: ${expected || 'nothing'}`, () => {
    assert.equal(short(...pieces), expected);
  });

test('Surveyor counts', () => {
  const { size, lines, escapes } = survey('a=\xc3\xbc\n', '\x01\r\nlast');
  assert.deepEqual([size, lines, escapes], [12, 3, 5]);
});

test('Surveyor finds the same in however many pieces', () => {
  const piece = fc.string({
    unit: fc.constantFrom('a', '\n', '\r', '\0', '\xc3', '\xbc', '=', 'x'.repeat(400)),
    maxLength: 8,
  });
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      assert.deepEqual(survey(...pieces), survey(pieces.join('')));
    }),
  );
});
