import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BROKEN, characterAt, STEP, WHOLE } from '../../src/core/utf8.ts';

/** Whether a decoder of the platform takes it. */
function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function walk(bytes: Uint8Array): number {
  return bytes.reduce((state, byte) => STEP[(state << 8) | byte] ?? BROKEN, WHOLE);
}

/** Bytes that are at the edges of what UTF-8 allows. */
const edges = [0, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0];
const more = [0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff];

test('STEP takes what is UTF-8, and nothing else', () => {
  const all = [...edges, ...more];
  for (const a of all)
    for (const b of all)
      for (const c of all)
        for (const d of all) {
          const bytes = Uint8Array.of(a, b, c, d);
          assert.equal(walk(bytes) === WHOLE, isUtf8(bytes), bytes.join(' '));
        }
});

test('characterAt() measures characters, and none that is cut short', () => {
  for (const [char, length] of [
    ['a', 1],
    ['é', 2],
    ['€', 3],
    ['🙂', 4],
  ] as const) {
    const text = Buffer.from(char).toString('latin1');
    assert.equal(characterAt(`x${text}y`, 1), length);
    assert.equal(characterAt(text.slice(0, -1), 0), 0);
    if (length > 1) assert.equal(characterAt(text, 1), 0);
  }
  assert.equal(characterAt('', 0), 0);
});

test('characterAt() divides every text into its characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (given) => {
      const text = Buffer.from(given).toString('latin1');
      let count = 0;
      for (let at = 0; at < text.length; count++) {
        const length = characterAt(text, at);
        assert.ok(length > 0);
        at += length;
      }
      assert.equal(count, Array.from(given).length);
    }),
  );
});
