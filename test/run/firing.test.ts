/** A due entry becomes a firing: what tells it from all others, and what stays the same for ever. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Visit } from '../../src/core/clock.ts';
import { parseCrontab } from '../../src/core/crontab.ts';
import type { Entry } from '../../src/core/entry.ts';
import { firingOf, identityOf, instantOf } from '../../src/run/firing.ts';

const entriesOf = (text: string, kind: 'user' | 'system' = 'user'): readonly Entry[] =>
  parseCrontab(text, { kind, owner: 'alice', seed: 'host alice' }).entries;

function entryOf(text: string, kind: 'user' | 'system' = 'user'): Entry {
  const [entry] = entriesOf(text, kind);
  assert.ok(entry, text);
  return entry;
}

const ENTRY = '*/5 * * * * backup\n';
const IDENTITY = identityOf('alice', entryOf(ENTRY));

const same: Record<string, string> = {
  'lines above it': `# new\n\n@daily other\n${ENTRY}`,
  'lines below it': `${ENTRY}@daily other\n`,
  'another environment': `MAILTO=bob\nX=1\n${ENTRY}`,
  'blanks between the fields': '*/5  * *\t* *   backup\n',
  'the first of two equal ones': `${ENTRY}${ENTRY}`,
};
for (const [change, text] of Object.entries(same))
  test(`identityOf() stays the same with ${change}`, () => {
    const identities = entriesOf(text).map((entry) => identityOf('alice', entry));
    assert.ok(identities.includes(IDENTITY));
    assert.equal(new Set(identities).size, identities.length, 'and every entry has its own');
  });

const different: Record<string, string> = {
  'another time': '*/6 * * * * backup\n',
  'another command': '*/5 * * * * backup --all\n',
  'blanks in the command': '*/5 * * * * backup \n',
  'another input': '*/5 * * * * backup%x\n',
};
for (const [change, text] of Object.entries(different))
  test(`identityOf() is another one with ${change}`, () => {
    assert.notEqual(identityOf('alice', entryOf(text)), IDENTITY);
  });

test('identityOf() is another one in another crontab, and for another user', () => {
  assert.notEqual(identityOf('bob', entryOf(ENTRY)), IDENTITY);
  const [root, bob] = entriesOf('@daily root x\n@daily bob x\n', 'system');
  assert.ok(root && bob);
  assert.notEqual(identityOf('*system*', root), identityOf('*system*', bob));
});

test('identityOf() is what it was in the releases before: journals of an upgrade are read with it', () => {
  assert.equal(IDENTITY, 'UsLspVAocTkPQ1Tc3IT2ZO');
});

test('instantOf() is the instant for wild entries, and the minute on the wall for fixed ones', () => {
  const visit: Visit = { local: 1060, utc: 1000, which: 'all' };
  const instants: Record<string, string> = {
    '* * * * * x\n': '1000',
    '*/5 2 * * * x\n': '1000',
    '30 * * * * x\n': '1000',
    '@hourly x\n': '1000',
    '30 2 * * * x\n': 'local-1060',
    '@daily x\n': 'local-1060',
  };
  for (const [text, instant] of Object.entries(instants))
    assert.equal(instantOf(visit, entryOf(text)), instant, text);
});

test('firingOf() takes everything from the entry', () => {
  const entry = entryOf('A=1\nMAILTO=bob\n@daily -qn cmd \\% x%one%two\n');
  const { run, identity, ...rest } = firingOf('alice', 'alice', entry, '1000');
  assert.deepEqual(rest, {
    key: `${identity}@1000`,
    user: 'alice',
    command: 'cmd % x',
    stdin: 'one\ntwo\n',
    environment: [
      ['A', '1'],
      ['MAILTO', 'bob'],
    ],
    quiet: true,
    mailSuccess: 'never',
    timeout: 0,
    overlap: 'allow',
    origin: { crontab: 'alice', line: 3, text: '@daily cmd \\% x%one%two' },
  });
  assert.match(run, /^[0-9a-z-]+$/);
});

test('firingOf() runs an entry of a system crontab as the user it names', () => {
  const entry = entryOf('@daily bob cmd\n', 'system');
  assert.equal(firingOf('*system*', null, entry, '1').user, 'bob');
});

test('firingOf() gives every run a name of its own, and a firing one key', () => {
  const entry = entryOf(ENTRY);
  const firings = Array.from({ length: 1000 }, () => firingOf('alice', 'alice', entry, '7'));
  assert.equal(new Set(firings.map(({ run }) => run)).size, 1000);
  assert.equal(new Set(firings.map(({ key }) => key)).size, 1);
});
