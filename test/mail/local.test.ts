/** Recipients that are names of this machine. */
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { hostNames, localName } from '../../src/mail/local.ts';

const HOSTS = ['localhost', 'web1.example.org', 'web1'];
const table: Record<string, string | null> = {
  alice: 'alice',
  'alice@localhost': 'alice',
  'alice@web1': 'alice',
  'alice@WEB1.Example.org': 'alice',
  'alice@example.org': null,
  'alice@web1.': null,
  'a@b@web1': 'a@b',
  '@web1': null,
  '': null,
  '../../etc/passwd': null,
  'x/y': null,
  '.alice': null,
  '-alice': null,
  'alice.lock': null,
  Alice: 'Alice',
};
for (const [recipient, name] of Object.entries(table))
  test(`localName() finds in "${recipient}" ${name === null ? 'no name' : `"${name}"`}`, () => {
    assert.equal(localName(recipient, HOSTS), name);
  });

test('hostNames() has what the machine is called', () => {
  assert.deepEqual(hostNames({ mail: 'Example.org', host: 'web1.example.net' }, 'web1'), [
    'localhost',
    'web1',
    'example.org',
    'web1.example.net',
  ]);
  assert.deepEqual(hostNames({ mail: 'web1.lan' }, 'web1.lan'), ['localhost', 'web1.lan', 'web1']);
});

test('hostNames() knows this machine by its own name', () => {
  const names = hostNames();
  for (const name of ['localhost', hostname().toLowerCase()]) assert.ok(names.includes(name));
  assert.equal(localName(`x@${hostname()}`, names), 'x');
});
