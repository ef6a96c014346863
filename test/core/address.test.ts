import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isSafe, recipients, sender } from '../../src/core/address.ts';

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
  'Alice <alice@x>': 'alice@x',
  'alice, Bob B. Bee <bob@x>,carol dave': 'alice bob@x carol dave',
  '"Bee, Bob" <bob@x>': 'bob@x',
  '"a \\"b\\" <c>" <bob@x>': 'bob@x',
  ' <bob@x> ': 'bob@x',
  'Ren\xc3\xa9 <rene@x>': 'rene@x',
  'alice, bob,alice bob': 'alice bob',
  'alice@x Bob <bob@x>': '1 unsafe mail',
  'Bob <bob@x> alice': '13 unsafe mail',
  'Bob <bob@x': '5 unsafe mail',
  'Bob bob@x>': '5 unsafe mail',
  'Bob <>': '6 unsafe mail',
  'Bob <-bs>': '6 unsafe mail',
  'Bob < bob@x>': '6 unsafe mail',
  'Bob <a@x> <b@x>': '11 unsafe mail',
  'Bob <a@x,b@x>': '5 unsafe mail',
  '"Bob <bob@x>': '1 unsafe mail',
  '"Bob" x <bob@x>': '1 unsafe mail',
  'Bob\r\nBcc: eve <bob@x>': '1 unsafe mail',
  '"Bob\nBcc: eve" <bob@x>': '1 unsafe mail',
  ':include:/etc/passwd': '1 unsafe mail',
  'list: a@x, b@x;': '12 unsafe mail',
  ':include:/x <bob@x>': '1 unsafe mail',
  '\\alice': '1 unsafe mail',
  "'|sh'": '1 unsafe mail',
  'a\u00a0b': '1 unsafe mail',
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
  assert.equal(
    read(Array.from({ length: 100 }, (_, i) => `a${i}`).join(',')).split(' ').length,
    100,
  );
  assert.equal(read(Array.from({ length: 101 }, () => 'a').join(',')), '201 unsafe mail');
  assert.equal(read(`${'a'.repeat(200)},`.repeat(40)), '6001 unsafe mail');
  assert.equal(read(`${'N'.repeat(201)} <a@x>`), '1 unsafe mail');
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

test('sender() takes one address, with a name or without', () => {
  const from = (mailfrom: string): string => {
    const parsed = sender(mailfrom);
    return parsed.ok ? `${parsed.value.name}|${parsed.value.address}` : parsed.fault.message;
  };
  assert.equal(from('a@x'), '|a@x');
  assert.equal(from('Cron at work <a@x>'), 'Cron at work|a@x');
  assert.match(from('a@x b@x'), /is not one address/);
  assert.match(from(''), /is not one address/);
  assert.match(from('-f'), /"-f" is not safe/);
});

test('recipients() takes no time over a whole table of what is meant to take long', () => {
  const begun = performance.now();
  for (const text of ['"', '"\\', '\\"', '<', 'a <', ' ', ',', '" <', 'a" ']) {
    const list = text.repeat(6000 / text.length);
    for (let line = 0; line < 100; line++) recipients(list);
  }
  assert.ok(performance.now() - begun < 1500);
});
