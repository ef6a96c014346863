import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { access } from '../../src/spool/access.ts';
import { house } from './house.ts';

/** cron.allow, cron.deny (null: no such file), who asks, the answer; reference 1.5, Debian's column. */
const table: readonly [
  allow: string | null,
  deny: string | null,
  user: string,
  allowed: boolean,
][] = [
  [null, null, 'alice', true],
  [null, null, 'root', true],
  ['alice\n', null, 'alice', true],
  ['alice\n', null, 'bob', false],
  ['', null, 'alice', false],
  ['bob\n', null, 'root', true],
  ['alice\n', 'alice\n', 'alice', true],
  ['alice\n', 'bob\n', 'carol', false],
  [null, 'bob\n', 'alice', true],
  [null, 'bob\n', 'bob', false],
  [null, 'root\n', 'root', true],
  [null, '', 'alice', true],
  ['bob\nalice', null, 'alice', true],
  ['bob\nalic', null, 'alice', false],
  [null, 'bob\nalice', 'alice', false],
  ['alice \n', null, 'alice', false],
  [' alice\n', null, 'alice', false],
  ['# alice\n', null, 'alice', false],
  ['alicewonder\n', null, 'alice', false],
  ['ALICE\n', null, 'alice', false],
];
for (const [allow, deny, user, allowed] of table) {
  const lists = `allow ${JSON.stringify(allow)}, deny ${JSON.stringify(deny)}`;
  test(`access() is ${allowed} for ${user} with ${lists}`, (t) => {
    const { root } = house(t);
    const files = { allow: join(root, 'allow'), deny: join(root, 'deny') };
    if (allow !== null) writeFileSync(files.allow, allow);
    if (deny !== null) writeFileSync(files.deny, deny);
    assert.deepEqual(access(user, files), { allowed });
  });
}

for (const list of ['allow', 'deny'] as const) {
  test(`access() lets nobody but root in when cron.${list} cannot be read (LP #1813833)`, (t) => {
    const { root } = house(t);
    const files = { allow: join(root, 'allow'), deny: join(root, 'deny') };
    mkdirSync(files[list]);
    const trouble = `${files[list]}: is a directory`;
    assert.deepEqual(access('alice', files), { allowed: false, trouble });
    assert.deepEqual(access('root', files), { allowed: true });
  });
}
