import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isSafe, recipients } from '../../src/core/address.ts';

/** The recipients joined by a blank, or the fault as `column reason`. */
function read(mailto: string): string {
  const list = recipients(mailto);
  return list.ok ? list.value.join(' ') : `${list.fault.column} ${list.fault.reason}`;
}

const table: Record<string, string> = {
  '': '',
  ' , ,\t': '',
  root: 'root',
  'alice@example.org': 'alice@example.org',
  'alice,bob': 'alice bob',
  'alice, bob@x  carol\tdave,': 'alice bob@x carol dave',
  'a.b-c+d_e=f/g%h!i:j@k': 'a.b-c+d_e=f/g%h!i:j@k',
  '-oQ/tmp': '1 unsafe mail',
  'root,-bs': '6 unsafe mail',
  'root -bs': '6 unsafe mail',
  '/etc/passwd': '1 unsafe mail',
  '|sh': '1 unsafe mail',
  '@x': '1 unsafe mail',
  'Alice <alice@x>': '7 unsafe mail',
  'a;b': '1 unsafe mail',
  '$(id)': '1 unsafe mail',
  '"a b"@x': '1 unsafe mail',
  'a\nBcc:b': '1 unsafe mail',
  'a\0': '1 unsafe mail',
  'ren\xc3\xa9': '1 unsafe mail',
};
test('recipients() splits at commas and blanks, and passes only what is safe', () => {
  for (const [mailto, expected] of Object.entries(table)) {
    assert.equal(read(mailto), expected, JSON.stringify(mailto));
  }
});

test('recipients() names the one that is unsafe', () => {
  const list = recipients('alice, -bs');
  assert.match(list.ok ? '' : list.fault.message, /"-bs" is not safe/);
});

test('recipients() has bounds', () => {
  assert.equal(read(Array.from({ length: 100 }, () => 'a').join(',')).length, 199);
  assert.equal(read(Array.from({ length: 101 }, () => 'a').join(',')), '201 unsafe mail');
  assert.equal(read('a'.repeat(254)), 'a'.repeat(254));
  assert.equal(read('a'.repeat(255)), '1 unsafe mail');
});

test('isSafe() refuses the empty address', () => {
  assert.ok(isSafe('a') && !isSafe(''));
});

test('recipients() never passes an option, a blank or a control character', () => {
  const mailto = fc.string({ unit: fc.constantFrom(...'ab0-@.,+ \t\n\0"<>|/;'.split('')) });
  fc.assert(
    fc.property(mailto, (text) => {
      const list = recipients(text);
      assert.ok(!list.ok || list.value.every((each) => /^[ab0][ab0@.+/-]*$/.test(each)));
    }),
    { numRuns: 2000 },
  );
});
