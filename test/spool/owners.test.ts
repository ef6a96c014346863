import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Owners } from '../../src/spool/owners.ts';
import type { User } from '../../src/system/users.ts';

const alice: User = { name: 'alice', uid: 1, gid: 1, home: '/', shell: '/bin/sh', groups: [1] };

test('within() gives a user, nobody, and the error of a failed lookup', async () => {
  const owners = new Owners({
    find: (name) =>
      name === 'broken'
        ? Promise.reject(new Error('LDAP is down'))
        : Promise.resolve(name === 'alice' ? alice : null),
  });
  const answers = await owners.within(1000, (find) =>
    Promise.all([find('alice'), find('bob'), find('broken')]),
  );
  assert.deepEqual(answers, [alice, null, new Error('LDAP is down')]);
});

test('within() waits once for all that hang, and asks no question twice', async () => {
  const asked: string[] = [];
  const owners = new Owners({
    async find(name) {
      asked.push(name);
      await pause(2000);
      return alice;
    },
  });
  const start = performance.now();
  const late = await owners.within(50, async (find) => [await find('a'), await find('b')]);
  assert.ok(performance.now() - start < 1500);
  assert.ok(late.every((answer) => answer instanceof Error));
  await pause(2200);
  assert.deepEqual(await owners.within(50, (find) => Promise.all([find('a'), find('b')])), [
    alice,
    alice,
  ]);
  assert.deepEqual(asked, ['a', 'b']);
});

test('within() asks anew after an answer', async () => {
  let uid = 0;
  const owners = new Owners({ find: () => Promise.resolve({ ...alice, uid: ++uid }) });
  const one = await owners.within(1000, (find) => find('alice'));
  const two = await owners.within(1000, (find) => find('alice'));
  assert.deepEqual(
    [one, two],
    [
      { ...alice, uid: 1 },
      { ...alice, uid: 2 },
    ],
  );
});
