/** Encoded bodies, in pieces of any size, and what they stand for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { decoded } from '../../src/mail/decode.ts';

async function decode(encoding: string, text: Uint8Array, piece: number): Promise<Buffer> {
  async function* pieces(): AsyncIterable<Uint8Array> {
    for (let at = 0; at < text.length; at += piece) yield text.subarray(at, at + piece);
  }
  const found: Uint8Array[] = [];
  for await (const bytes of decoded(pieces(), encoding)) found.push(bytes);
  return Buffer.concat(found);
}

test('decoded() undoes base64 in lines, wherever it is cut', async () => {
  const property = fc.asyncProperty(
    fc.uint8Array({ maxLength: 300 }),
    fc.integer({ min: 1, max: 100 }),
    async (bytes, piece) => {
      const text = Buffer.from(bytes).toString('base64').replaceAll(/.{76}/g, '$&\r\n');
      assert.deepEqual(await decode('Base64', Buffer.from(text), piece), Buffer.from(bytes));
    },
  );
  await fc.assert(property);
});

const printable: Record<string, string> = {
  'a=3Db': 'a=b',
  'soft =\nbreak': 'soft break',
  'soft=\r\n break\r\n': 'soft break\r\n',
  'blanks at the end \t\nare padding': 'blanks at the end\nare padding',
  '=00=ff=FF': '\0\xff\xff',
  'no =escape, nor =': 'no =escape, nor =',
  '': '',
};
for (const [text, bytes] of Object.entries(printable))
  test(`decoded() reads ${JSON.stringify(text)} as quoted-printable, wherever it is cut`, async () => {
    for (let piece = 1; piece <= text.length + 1; piece++) {
      const found = await decode('quoted-printable', Buffer.from(text), piece);
      assert.equal(found.toString('latin1'), bytes);
    }
  });

for (const encoding of ['8bit', '7bit', 'binary', '', 'x-unknown'])
  test(`decoded() leaves ${encoding || 'what has no encoding'} alone`, async () => {
    const bytes = Buffer.from('a=3Db\0\xff', 'latin1');
    assert.deepEqual(await decode(encoding, bytes, 2), bytes);
  });
