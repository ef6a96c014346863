import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { quoted, visible } from '../../src/core/escape.ts';

const table: Record<string, string> = {
  'echo hello ~': 'echo hello ~',
  'a\tb': 'a^Ib',
  '\0\x1f': '^@^_',
  '\r\n\x1b[0m': '^M^J^[[0m',
  '\x7f': '^?',
  'caf\xc3\xa9': 'caf\\303\\251',
  '\x80\xff': '\\200\\377',
  '\\303^X': '\\303^X',
};
for (const [text, expected] of Object.entries(table)) {
  test(`visible() writes ${JSON.stringify(text)} as vixie's mkprints()`, () => {
    assert.equal(visible(text), expected);
  });
}

test('visible() gives printable ASCII for all bytes', () => {
  const bytes = fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map((n) => String.fromCharCode(n)),
  });
  fc.assert(fc.property(bytes, (text) => /^[ -~]*$/.test(visible(text))));
});

test('quoted() cuts what is longer than a message can bear', () => {
  assert.equal(quoted('a\nb'), '"a^Jb"');
  assert.equal(quoted('x'.repeat(40)), `"${'x'.repeat(40)}"`);
  assert.equal(quoted('x'.repeat(41)), `"${'x'.repeat(40)}..."`);
});
