import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { expandRecipients, readAliases } from '../../src/mail/aliases.ts';

const FILE = `# people
root: alice
ops:	root, bob@example.org,
	"Carol C" <carol>, (a comment) dave
"two words": alice
Postmaster:root
alice: alice, \\bob
bob: carol
circle: square
square: circle
pipe: "|/usr/bin/prog, with comma", alice
file: /var/log/mail, alice
list: :include:/etc/list
fail: :fail: gone
nobody: /dev/null
half: x@y, @z
empty:
d1: d2
d2: d3
d3: d4
d4: d5
d5: d6
d6: d7
d7: d8
d8: d9
d9: d10
d10: d11
d11: alice
`;
const { aliases, faults } = readAliases(FILE);
const HOSTS = ['localhost', 'here.org'];

test('readAliases() finds nothing wrong with aliases as people write them', () => {
  assert.deepEqual(faults, []);
});

/** Recipients → where they lead, and what is said of the others. */
const table: Record<string, readonly [found: readonly string[], ...reasons: RegExp[]]> = {
  carol: [['carol']],
  'root@example.org': [['root@example.org']],
  root: [['alice', 'bob']],
  'ROOT@Here.org': [['alice', 'bob']],
  'root@localhost postmaster root': [['alice', 'bob']],
  ops: [['alice', 'bob', 'bob@example.org', 'carol', 'dave']],
  bob: [['carol']],
  circle: [['circle']],
  pipe: [['alice', 'bob'], /"pipe" is a program, "\|\/usr\/bin\/prog, with comma": cron-sendmail/],
  file: [['alice', 'bob'], /"file" is a file, "\/var\/log\/mail"/],
  list: [[], /"list" is a list in a file, ":include:\/etc\/list"/],
  fail: [[], /"fail" is a word of another mail system/],
  nobody: [[]],
  half: [['x@y'], /the alias of "half" is wrong: "@z" has nothing before the "@"/],
  empty: [[]],
  d3: [['alice', 'bob']],
  d1: [[], /the aliases of "d1" are more than 10 deep/],
  '-bs bob': [['carol'], /begins as an option/],
};
for (const [text, [found, ...reasons]] of Object.entries(table)) {
  test(`expandRecipients() leads ${text} to ${found.join(', ') || 'nobody'}`, () => {
    const expanded = expandRecipients(text.split(' '), aliases, HOSTS);
    assert.deepEqual(expanded.recipients, found);
    assert.equal(expanded.wrong.length, reasons.length, JSON.stringify(expanded.wrong));
    for (const [index, reason] of reasons.entries())
      assert.match(expanded.wrong[index]?.reason ?? '', reason);
  });
}

test('expandRecipients() tells whose mail the aliases throw away', () => {
  assert.deepEqual(expandRecipients(['nobody', 'x'], aliases, HOSTS), {
    recipients: ['x'],
    wrong: [],
    discarded: ['nobody'],
  });
});

test('readAliases() tells which lines are none', () => {
  const read = readAliases('a: b\nwhat is this\nA: c\n: d\n"x y" z\n');
  assert.deepEqual(
    read.faults.map(({ line, reason }) => `${line} ${reason}`),
    [
      '2 "what is this" is no "name: address"',
      '3 "A" has an alias already',
      '4 ": d" is no "name: address"',
      '5 "\\"x y\\" z" is no "name: address"'.replaceAll('\\', ''),
    ],
  );
  assert.deepEqual([...read.aliases], [['a', ['b']]]);
});

test('expandRecipients() ends, whatever leads to what', () => {
  const name = fc.constantFrom(...'abcdefgh'.split(''));
  const line = fc.tuple(name, fc.array(name)).map(([from, to]) => `${from}: ${to.join(', ')}\n`);
  fc.assert(
    fc.property(fc.array(line), fc.array(name), (lines, recipients) => {
      const read = readAliases(lines.join(''));
      const expanded = expandRecipients(recipients, read.aliases, HOSTS);
      assert.equal(new Set(expanded.recipients).size, expanded.recipients.length);
    }),
  );
});

test('expandRecipients() is quick with aliases that multiply', () => {
  const names = 'abcdefghij'.split('');
  const text = names.map((name) => `${name}: ${names.join(', ')}\n`).join('');
  const read = readAliases(text);
  assert.deepEqual(expandRecipients(['a'], read.aliases, HOSTS).recipients.toSorted(), names);
});
