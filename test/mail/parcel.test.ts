import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Label, packLabel, type Parts, unpackLabel } from '../../src/mail/parcel.ts';

/** Bytes in pieces of that size. */
async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer, undefined> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  return undefined;
}

const label: Label = {
  sender: 'a@x',
  recipients: ['b\xfc@y', 'c'],
  head: 'Subject: \xfc\nTo: b\n\n',
};

test('unpackLabel() undoes packLabel(), wherever the pieces are cut', async () => {
  for (const sender of ['a@x', ''])
    for (const size of [1, 7, 1000]) {
      const { parts, bytes } = packLabel({ ...label, sender });
      const source = pieces(Buffer.concat([bytes, Buffer.from('body')]), size);
      const unpacked = await unpackLabel(parts, source);
      assert.ok(typeof unpacked === 'object');
      assert.deepEqual(unpacked.label, { ...label, sender });
      const body = [unpacked.rest];
      for await (const piece of source) body.push(piece);
      assert.equal(Buffer.concat(body).toString(), 'body');
    }
});

const wrong: Record<string, { label?: Partial<Label>; parts?: Partial<Parts>; says: RegExp }> = {
  'an option for a recipient': { label: { recipients: ['-oQ/tmp'] }, says: /is no address/ },
  'a sender of two words': { label: { sender: 'a b' }, says: /is no address/ },
  'no recipient': { label: { recipients: [] }, says: /there is no recipient/ },
  'an envelope that is cut': { parts: { envelope: 5 }, says: /has no end/ },
  'a header without an end': { label: { head: 'To: b\n' }, says: /only empty line/ },
  'a header that ends early': { label: { head: 'To: b\n\nx\n\n' }, says: /only empty line/ },
  'an empty header': { label: { head: '\n' }, says: /only empty line/ },
  'less than it says': { parts: { head: 1000 }, says: /shorter than its header/ },
  'too much of a header': { parts: { head: 1e9 }, says: /more than 524288 bytes/ },
  'too much of an envelope': { parts: { envelope: 1e9 }, says: /more than 1048576 bytes/ },
};

for (const [what, { label: changed, parts, says }] of Object.entries(wrong))
  test(`unpackLabel() refuses ${what}`, async () => {
    const packed = packLabel({ ...label, ...changed });
    const unpacked = await unpackLabel({ ...packed.parts, ...parts }, pieces(packed.bytes, 10));
    assert.ok(typeof unpacked === 'string');
    assert.match(unpacked, says);
  });
